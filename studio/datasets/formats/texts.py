"""Captions in text files beside pictures, and strings out of tables, as anybody may have saved them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.words import Said, Text

ENDINGS = (".txt", ".caption")
MOST_BYTES = 2**16

NOT_UTF8 = Text("its caption file is not saved as UTF-8", "它的说明文件不是 UTF-8 编码")
TOO_LONG = Text("its caption file is larger than {most} kB", "它的说明文件超过 {most} kB")
UNREAD = Text("its caption file can't be read", "无法读取它的说明文件")


def caption_beside(picture: Path, endings: tuple[str, ...] = ENDINGS) -> str | Said | None:
    """The caption in the text file beside a picture, or why it can't be read; None where there is no such file."""
    for ending in endings:
        file = picture.with_suffix(ending)
        if file.is_file() and not file.is_symlink():
            try:
                with file.open("rb") as stream:
                    return decoded(stream.read(MOST_BYTES + 1))
            except OSError:
                return Said(UNREAD, {})
    return None


def decoded(content: bytes) -> str | Said:
    """The words of a caption file, its lines kept. What isn't UTF-8 may be simplified Chinese as Windows saves it; the
    narrow GB2312 doesn't take accented Latin letters for Chinese."""
    if len(content) > MOST_BYTES:
        return Said(TOO_LONG, {"most": MOST_BYTES // 1024})
    kinds = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb2312")
    for kind in kinds:
        try:
            return cleaned(content.decode(kind)).strip()
        except UnicodeDecodeError:
            continue
    return Said(NOT_UTF8, {})


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
