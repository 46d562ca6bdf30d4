"""Hugging Face's ImageFolder: metadata.csv (or .jsonl, .parquet) beside the pictures, a folder a side of the split. It
is what a set here is kept in for training, column by column as the DiffSynth script for Kolors reads it."""

import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.listed import read_listed
from studio.datasets.formats.paths import relative, split_of
from studio.datasets.formats.placing import put, tables
from studio.datasets.formats.tables import tables_among
from studio.datasets.found import Found, Skipped
from studio.words import Said, Text

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
OTHER_TABLE = Text("{table} beside it is read instead", "读取的是旁边的 {table}")
_DEPTH = 3


def _tables_of(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders that hold tables, a few levels deep, with the names of those tables in the order of preference."""
    for at, folders, files in os.walk(path, followlinks=False):
        here = Path(at)
        depth = len(here.relative_to(path).parts)
        folders[:] = sorted(name for name in folders if depth < _DEPTH and not name.startswith("."))
        if held := tables_among(files, TABLES):
            yield here, held


def _recognises(path: Path) -> bool:
    return path.is_dir() and any(True for _ in _tables_of(path))


def _read(path: Path) -> Iterator[Found | Skipped]:
    found = sorted(_tables_of(path), key=lambda place: (_rank(place[0].name), place[0]))
    yield from read_listed(path, [folder / held[0] for folder, held in found])
    for folder, held in found:
        for name in held[1:]:
            yield Skipped(relative(folder / name, path), Said(OTHER_TABLE, {"table": held[0]}))


def _rank(folder: str) -> int:
    """Training pictures come first."""
    return {"train": 0, "": 1, "validation": 2}[split_of(folder)]


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    with tables(folder) as listed:
        for ready in pictures:
            put(folder / ready.split, ready.name, ready.content)
            listed.add(ready)
            yield ready


FORMAT = Format(
    title=Text("ImageFolder (Hugging Face)", "ImageFolder（Hugging Face）"),
    order=40,
    recognises=_recognises,
    read=_read,
    write=_write,
)
