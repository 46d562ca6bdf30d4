"""A folder of pictures with captions, as most people already have it: an ImageFolder (`train/metadata.csv` or
`.jsonl`, `validation/` likewise), pictures with a .txt caption beside each, or pictures alone.

Nothing is passed over in silence: every picture of the folder is either an item or a problem that says why not."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.datasets.encodings import decoded
from studio.datasets.errors import FolderEmpty, FolderMissing, TableBroken
from studio.datasets.formats.tables import TEXTS, Joined, file_named, rows_of, surplus_in, tables_among
from studio.datasets.formats.texts import NOT_UTF8, Beside, first_of
from studio.datasets.pictures import ENDINGS, OTHER_ENDINGS, Unusable, size_of
from studio.words import Said, Text

Split = Literal["train", "validation"]

TABLES = ("metadata.csv", "metadata.jsonl")
_SPLITS: dict[str, Split] = {"train": "train", "validation": "validation", "val": "validation"}
_MOST_CAPTION_BYTES = 2**16

NO_CAPTION = Text("it has no caption; it is learnt from without words", "没有图片说明；训练时将不带文字")
NOT_LISTED = Text("{table} has no row for it", "{table} 中没有它的记录")
NOT_THERE = Text("{table} names it, but it is not in the folder", "{table} 中有它，但文件夹里没有这个文件")
OUTSIDE = Text("{table} names a file outside the folder", "{table} 指向了文件夹之外的文件")
TWICE = Text("{table} names it twice; the first row counts", "{table} 中重复出现；以第一行为准")
NO_QUOTES = Text(
    "its caption has commas and no quotes around it; it was taken whole",
    "它的说明含有逗号却没有加引号；已完整采用",
)
NO_NAME = Text("a row names no file", "有一行没有文件名")
NONE_AT_ALL = Text("no pictures at all", "一张图片也没有")
COUNTED = Text("{count}: {reason}", "{count} 张：{reason}")


@dataclass(frozen=True)
class Item:
    """A picture to learn from. `width` and `height` are in pixels, upright; `name` is its path inside the folder."""

    file: Path
    caption: str
    width: int
    height: int
    split: Split
    name: str


@dataclass(frozen=True)
class Problem:
    """A file of the folder and what is wrong with it; a dropped one is not learnt from."""

    file: Path
    reason: Said
    is_dropped: bool = True


@dataclass(frozen=True)
class PictureFolder:
    """What a folder holds, by name."""

    path: Path
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]

    @property
    def train(self) -> tuple[Item, ...]:
        """The pictures to learn from."""
        return tuple(item for item in self.items if item.split == "train")

    @property
    def validation(self) -> tuple[Item, ...]:
        """The pictures that are only looked at, to see whether what was learnt holds elsewhere."""
        return tuple(item for item in self.items if item.split == "validation")

    def reasons(self, is_dropped: bool) -> list[tuple[Said, list[Path]]]:
        """The problems by reason, the commonest first."""
        grouped: dict[str, tuple[Said, list[Path]]] = {}
        for problem in self.problems:
            if problem.is_dropped == is_dropped:
                grouped.setdefault(problem.reason.say("en"), (problem.reason, []))[1].append(problem.file)
        return sorted(grouped.values(), key=lambda group: -len(group[1]))


@dataclass(frozen=True)
class Difference:
    """How many pictures came, went, or are no longer what they were (pixels or caption)."""

    added: int = 0
    removed: int = 0
    changed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def read_folder(path: Path) -> PictureFolder:
    """The items and problems of a folder, from headers and tables only; raises FolderMissing, FolderEmpty (no usable
    picture to learn from) or TableBroken."""
    if not path.is_dir():
        raise FolderMissing("dataset_path", path=str(path))
    items: list[Item] = []
    problems: list[Problem] = []
    for folder, split in _split_folders(path):
        for found in _read_split(path, folder, split):
            if isinstance(found, Item):
                items.append(found)
            else:
                problems.append(found)
    pictures = PictureFolder(path, tuple(items), tuple(problems))
    if not pictures.train:
        raise FolderEmpty("dataset_path", path=str(path), found=_found(pictures))
    return pictures


def marks(items: Iterable[Item]) -> dict[str, str]:
    """A short mark of each picture's file (size, time) and caption, by split and name."""
    found: dict[str, str] = {}
    for item in sorted(items, key=lambda item: (item.split, item.name)):
        stat = item.file.stat()
        told = f"{stat.st_size}\n{stat.st_mtime_ns}\n{item.caption}"
        found[f"{item.split}/{item.name}"] = hashlib.sha256(
            told.encode("utf-8", "surrogatepass")
        ).hexdigest()[:16]
    return found


def fingerprint(items: Iterable[Item]) -> str:
    """One mark of all pictures and captions (SHA-256, hex): equal means that nothing has changed."""
    return hashlib.sha256(json.dumps(marks(items)).encode()).hexdigest()


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> Difference:
    """How the pictures with marks `now` differ from those with marks `before`."""
    both = before.keys() & now.keys()
    return Difference(len(now) - len(both), len(before) - len(both), sum(before[k] != now[k] for k in both))


def _split_folders(path: Path) -> list[tuple[Path, Split]]:
    found = [(path / name, split) for name, split in _SPLITS.items() if (path / name).is_dir()]
    return found if any(split == "train" for _, split in found) else [(path, "train")]


def _read_split(root: Path, folder: Path, split: Split) -> Iterator[Item | Problem]:
    tables = [folder / name for name in tables_among(os.listdir(folder), TABLES)]
    table = next((file for file in tables if file.is_file()), None)
    listed = _listed(folder, table) if table else _captioned(folder)
    seen: set[Path] = set()
    for file, told in listed:
        if file in seen:
            yield Problem(file, Said(TWICE, {"table": table.name if table else ""}))
            continue
        seen.add(file)
        yield from [Problem(file, told)] if isinstance(told, Said) else _look(root, file, told, split)
    if table is not None:
        for file in _picture_files(folder):
            if file not in seen:
                yield Problem(file, Said(NOT_LISTED, {"table": table.name}))


def _look(root: Path, file: Path, caption: str, split: Split) -> Iterator[Item | Problem]:
    try:
        width, height = size_of(file)
    except Unusable as unusable:
        yield Problem(file, unusable.reason)
        return
    if not caption:
        yield Problem(file, Said(NO_CAPTION, {}), is_dropped=False)
    elif isinstance(caption, Joined):
        yield Problem(file, Said(NO_QUOTES, {}), is_dropped=False)
    yield Item(file, str(caption), width, height, split, file.relative_to(root).as_posix())


def _captioned(folder: Path) -> Iterator[tuple[Path, str | Said]]:
    """Every picture with the first caption beside it that has words; over several lines it counts as one."""
    beside = Beside()
    for file in _picture_files(folder):
        captions = (_read(words) for words in beside.files(file) if words.is_file())
        yield file, next((caption for caption in captions if caption), "")


def _read(caption: Path) -> str | Said:
    words = decoded(caption.read_bytes()[:_MOST_CAPTION_BYTES])
    return Said(NOT_UTF8, {}) if words is None else _one_line(words)


def _listed(folder: Path, table: Path) -> Iterator[tuple[Path, str | Said]]:
    """Every row of a metadata file as picture and caption, or as what is wrong with it."""
    inside = Path(os.path.abspath(folder))
    for row in rows_of(table, "dataset_path"):
        name, surplus = file_named(row), surplus_in(row)
        if not name:
            raise TableBroken("dataset_path", file=table.name, reason=surplus or NO_NAME)
        file = Path(os.path.normpath(folder / name))
        if not Path(os.path.normpath(inside / name)).is_relative_to(inside):
            yield file, Said(OUTSIDE, {"table": table.name})
        elif not file.is_file():
            yield file, Said(NOT_THERE, {"table": table.name})
        else:
            yield file, surplus or _caption_in(row)


def _caption_in(row: Mapping[str, Any]) -> str:
    """The caption of a row in one line; a Joined stays one."""
    caption = _one_line(first_of(row, TEXTS))
    return Joined(caption) if any(isinstance(cell, Joined) for cell in row.values()) else caption


def _picture_files(folder: Path) -> list[Path]:
    """Every picture under a folder, hidden ones left out."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS)
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _found(folder: PictureFolder) -> Said:
    """The commonest reason why a folder has no usable picture."""
    reasons = Counter(problem.reason.say("en") for problem in folder.problems if problem.is_dropped)
    if not reasons:
        return Said(NONE_AT_ALL, {})
    reason, files = folder.reasons(is_dropped=True)[0]
    return Said(COUNTED, {"count": len(files), "reason": reason})


def _one_line(words: str) -> str:
    return " ".join(words.split())
