"""Pictures that tables name: every row is read or told of, and so is every picture that no row names."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from studio.datasets.entry import Split
from studio.datasets.folder import NOT_LISTED, TWICE
from studio.datasets.formats.columns import facts_of, split_in
from studio.datasets.formats.paths import (
    NO_NAME,
    located,
    opened,
    pictures,
    relative,
    split_of,
    split_of_path,
)
from studio.datasets.formats.tables import TEXTS, file_named, rows_of, surplus_in
from studio.datasets.formats.texts import first_of
from studio.datasets.found import Found, Skipped
from studio.words import Said


def read_listed(root: Path, tables: Sequence[Path]) -> Iterator[Found | Skipped]:
    """What the tables name, in their order, then the pictures under `root` that no row names."""
    seen: set[Path] = set()
    real = os.path.realpath(root)
    for table in tables:
        split = split_of_table(table, root)
        for row in rows_of(table):
            file = _file(root, real, table, row, seen)
            yield file if isinstance(file, Skipped) else _found(file, root, split, row)
    for found in pictures(root):
        if isinstance(found, Skipped):
            yield found
        elif found not in seen:
            name = next(
                (table.name for table in tables if found.is_relative_to(table.parent)), tables[0].name
            )
            yield Skipped(relative(found, root), Said(NOT_LISTED, {"table": name}))


def split_of_table(table: Path, root: Path) -> Split:
    """The side that a table speaks for, by its folder or its own name (`metadata_validation.csv`)."""
    by_folder = split_of_path(relative(table, root))
    return by_folder or split_of(table.stem.lower().removeprefix("metadata").strip("_-."))


def _file(root: Path, real: str, table: Path, row: Mapping[str, Any], seen: set[Path]) -> Path | Skipped:
    """The picture that a row names, the first time that one does."""
    name = file_named(row)
    surplus = surplus_in(row)
    if not name:
        return Skipped(relative(table, root), surplus or Said(NO_NAME, {"table": table.name}))
    file = located(table.parent, real, name, table.name)
    if isinstance(file, Said):
        return Skipped(name, file)
    if file in seen:
        return Skipped(name, Said(TWICE, {"table": table.name}))
    seen.add(file)
    return Skipped(relative(file, root), surplus) if surplus else file


def _found(file: Path, root: Path, split: Split, row: Mapping[str, Any]) -> Found:
    inside = relative(file, root)
    return Found(
        name=inside,
        open=partial(opened, file),
        file=file,
        caption=first_of(row, TEXTS),
        split=split_in(row) or split or split_of_path(inside),
        **facts_of(row),
    )
