"""Files of a folder that nobody vouches for: which of them are pictures, which file a name in a table means, and
whether it may be read at all. Links that leave the folder, hidden files and names that climb out are told, not read."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from studio.datasets.entry import Split
from studio.datasets.folder import NOT_THERE, OUTSIDE
from studio.datasets.found import Skipped
from studio.datasets.names import clean_paths
from studio.datasets.pictures import ENDINGS, OTHER_ENDINGS
from studio.words import Said, Text

PICTURES = (*ENDINGS, *OTHER_ENDINGS)
MOST_PICTURE_BYTES = 64 * 2**20
FOREIGN = (".eps", ".ps", ".pdf", ".ai", ".jp2", ".raw", ".cr2", ".nef", ".dng", ".mp4", ".mov", ".webm", ".tar", ".zip", ".7z", ".rar", ".gz")  # fmt: skip
"""Files that may hold pictures, and that no layout of ours reads."""

SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"), "validation"),
}  # fmt: skip
"""Names of folders and files that say which side of a split is in them; a test set is kept aside as well."""

HIDDEN = Text("it is hidden", "它是隐藏文件")
LINK = Text("it is a link that leaves the folder", "它是指向文件夹之外的链接")
LOCKED = Text("its permissions keep it from being read", "没有读取它的权限")
NO_NAME = Text("a row of {table} names no file", "{table} 中有一行没有文件名")
NOT_READ = Text(
    "its format is not read; save it as PNG, JPEG or WebP", "不支持这种格式；请另存为 PNG、JPEG 或 WebP"
)
NOT_OURS = Text("it lies loose beside {other}, which are read instead", "它散放在 {other} 旁边；读取的是后者")
NO_BYTES = Text("its row holds no picture", "这一行里没有图片")
LARGE = Text("it has more than {most} MB", "它超过 {most} MB")
LOST_CAPTION = Text("there is no picture beside this caption", "这份说明旁边没有对应的图片")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"^[A-Za-z]:/")


def opened(file: Path) -> BinaryIO:
    """The bytes of a file on this disk."""
    return file.open("rb")


def is_picture(name: str) -> bool:
    """Whether a name ends as a picture's does."""
    return name.lower().endswith(PICTURES)


def split_of(name: str) -> Split:
    """The side of a split that a folder or file name speaks of: "train", "val-0001", "test.parquet"."""
    word = re.match(r"[a-z]+", name.lower())
    return SPLITS.get(word.group(), "") if word else ""


def split_of_path(path: str) -> Split:
    """The side of a split that the folders of a path speak of; the outermost that does counts."""
    return next((side for part in path.split("/")[:-1] if (side := split_of(part))), "")


def relative(file: Path, root: Path) -> str:
    """A file's name inside the folder, with forward slashes."""
    return file.relative_to(root).as_posix()


def walk(folder: Path) -> Iterator[Path | Skipped]:
    """Every file under a folder, sorted by name. Hidden pictures, links that lead out and folders that can't be
    opened are told of instead; other hidden files are nobody's business."""
    real, locked = os.path.realpath(folder), list[OSError]()
    for at, folders, files in os.walk(folder, followlinks=False, onerror=locked.append):
        here = Path(at)
        is_hidden = any(_is_hidden(part) for part in here.relative_to(folder).parts)
        folders.sort()
        for name in sorted(files):
            yield from _seen(here / name, folder, real, is_hidden or _is_hidden(name))
        for name in folders:
            if (here / name).is_symlink():
                yield Skipped(relative(here / name, folder) + "/", Said(LINK, {}))
    for error in locked:
        yield Skipped(relative(Path(error.filename), folder) + "/", Said(LOCKED, {}))


def _seen(file: Path, folder: Path, real: str, is_hidden: bool) -> Iterator[Path | Skipped]:
    name = relative(file, folder)
    if is_hidden:
        if is_picture(name):
            yield Skipped(name, Said(HIDDEN, {}))
    elif file.is_symlink() and not _is_within(os.path.realpath(file), real):
        yield Skipped(name, Said(LINK, {}))
    elif file.is_file():
        yield file


def pictures(folder: Path) -> Iterator[Path | Skipped]:
    """The pictures under a folder; what may hold some and isn't read is told of."""
    for found in walk(folder):
        if isinstance(found, Skipped) or is_picture(found.name):
            yield found
        elif found.suffix.lower() in FOREIGN:
            yield Skipped(relative(found, folder), Said(NOT_READ, {}))


def shards(path: Path, ending: str, but: str = "") -> list[Path]:
    """A file with this ending, or those under a folder, by name; hidden ones and one called `but` left out."""
    if path.is_file():
        return [path] if path.suffix.lower() == ending else []
    files = (found for found in walk(path) if isinstance(found, Path))
    return [file for file in files if file.suffix.lower() == ending and file.name != but]


def beside_shards(path: Path, other: str) -> Iterator[Skipped]:
    """The loose pictures of a folder that is read from its shards."""
    for found in pictures(path) if path.is_dir() else ():
        if isinstance(found, Skipped):
            yield from () if found.name.lower().endswith(other) else (found,)
        else:
            yield Skipped(relative(found, path), Said(NOT_OURS, {"other": f"*{other}"}))


def located(folder: Path, real: str, name: str, table: str) -> Path | Said:
    """The file that a name in a table of `folder` means, or why it is not read. It must lie under `real`, a path
    without links."""
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    if not plain.strip():
        return Said(NO_NAME, {"table": table})
    is_unsafe = (
        plain.startswith(("/", "~")) or "://" in plain or _DRIVE.match(plain) or _CONTROL.search(plain)
    )
    if is_unsafe or ".." in parts:
        return Said(OUTSIDE, {"table": table})
    file = _spelt(folder / plain) or _cleaned(folder, plain)
    if file is None:
        return Said(NOT_THERE, {"table": table})
    if not _is_within(os.path.realpath(file), real):
        return Said(LINK, {})
    return Said(HIDDEN, {}) if any(_is_hidden(part) for part in parts if part != ".") else file


def _spelt(file: Path) -> Path | None:
    """The file as the disk spells it: accents may be one character or two."""
    try:
        for form in (str(file), *(unicodedata.normalize(kind, str(file)) for kind in ("NFC", "NFD"))):
            if Path(form).is_file():
                return Path(os.path.normpath(form))
    except (OSError, ValueError):  # longer than a name may be, or not a name at all
        return None
    return None


def _cleaned(folder: Path, name: str) -> Path | None:
    """The file that was given a cleaner name when its archive was unpacked."""
    return next((file for clean in clean_paths(name) if (file := _spelt(folder / clean))), None)


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def _is_within(file: str, folder: str) -> bool:
    return file == folder or file.startswith(folder.rstrip(os.sep) + os.sep)
