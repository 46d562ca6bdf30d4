"""Captions in text files beside pictures, and strings out of tables, as anybody may have saved them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.datasets import encodings
from studio.words import Said, Text

ENDINGS = (".txt", ".caption")
MOST_BYTES = 2**16

NOT_UTF8 = Text(
    "its caption file is not saved as UTF-8; save it as UTF-8", "它的说明文件不是 UTF-8 编码；请另存为 UTF-8"
)
TOO_LONG = Text("its caption file is larger than {most} kB", "它的说明文件超过 {most} kB")
UNREAD = Text("its caption file can't be read", "无法读取它的说明文件")


class Beside:
    """The caption files beside pictures: `a.txt` or `a.caption`, else `a.png.txt`, their endings in letters of any size.
    A folder is listed once, when its first picture is asked about."""

    def __init__(self) -> None:
        self._listed: dict[Path, dict[str, str]] = {}

    def files(self, picture: Path) -> list[Path]:
        """The caption files of a picture, the likeliest first."""
        folder = picture.parent
        if folder not in self._listed:
            self._listed[folder] = _captions_in(folder)
        names = (f"{stem}{ending}" for stem in (picture.stem, picture.name) for ending in ENDINGS)
        return [folder / self._listed[folder][name] for name in names if name in self._listed[folder]]

    def caption(self, picture: Path) -> str | Said | None:
        """The first caption of a picture that has words, or why it can't be read; None where there is no such file."""
        caption = None
        for file in self.files(picture):
            if file.is_file() and not file.is_symlink():
                caption = _read(file)
                if caption:
                    return caption
        return caption


def _captions_in(folder: Path) -> dict[str, str]:
    """The caption files of a folder by their names with a small ending. Small letters sort last, so `a.txt` counts
    before `a.TXT`."""
    names = [name for name in sorted(os.listdir(folder)) if name.lower().endswith(ENDINGS)]
    return {f"{Path(name).stem}{Path(name).suffix.lower()}": name for name in names}


def _read(file: Path) -> str | Said:
    try:
        with file.open("rb") as stream:
            return decoded(stream.read(MOST_BYTES + 1))
    except OSError:
        return Said(UNREAD, {})


def decoded(content: bytes) -> str | Said:
    """The words of a caption file, its lines kept, in UTF-8 or in an encoding that Chinese is saved in."""
    if len(content) > MOST_BYTES:
        return Said(TOO_LONG, {"most": MOST_BYTES // 1024})
    words = encodings.decoded(content)
    return Said(NOT_UTF8, {}) if words is None else cleaned(words).strip()


def cleaned(words: str) -> str:
    """Words that a file in UTF-8 can hold: line breaks as one sign, no NUL, no halves of characters."""
    plain = words.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    return plain.encode("utf-8", "replace").decode("utf-8")


def first_of(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these columns that holds something, as words; of several captions in one cell the first."""
    for name in names:
        value = row.get(name)
        if isinstance(value, list | tuple):
            value = next((one for one in value if one), None)
        if value is not None and value != "" and value == value:  # NaN isn't equal to itself
            return cleaned(str(value))
    return ""
