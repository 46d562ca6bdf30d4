"""A set of this studio, read from its own folder: the words of its catalogue, and its pictures as they are seen there,
turned and cut. The catalogue is copied before it is read, so that nothing in that folder changes, not even a set that
is being worked on."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from studio.dataset_requests import ExportRequest
from studio.datasets.bake import bake
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.entry import Entry
from studio.datasets.formats.format import Format
from studio.datasets.formats.paths import located, opened
from studio.datasets.found import Found, Skipped
from studio.datasets.pictures import Unusable
from studio.disk import storage_error
from studio.words import Said, Text

_BESIDE = ("", "-wal")
"""The catalogue, and what was written last and isn't in it yet."""


def _recognises(path: Path) -> bool:
    return path.is_dir() and (path / FILE).is_file() and not (path / FILE).is_symlink()


def _read(path: Path) -> Iterator[Found | Skipped]:
    real = os.path.realpath(path)
    with tempfile.TemporaryDirectory(prefix="inkstone-set-") as aside:
        try:
            for ending in _BESIDE:
                if (path / f"{FILE}{ending}").is_file():
                    shutil.copyfile(path / f"{FILE}{ending}", Path(aside) / f"{FILE}{ending}")
        except OSError as error:
            raise storage_error(error, path) from None
        with Catalogue(path, str(Path(aside) / FILE)) as catalogue:
            for entry in catalogue.entries():
                file = located(path, real, entry.file, FILE)
                yield Skipped(entry.name, file) if isinstance(file, Said) else _found(entry, file, path)


def _found(entry: Entry, file: Path, root: Path) -> Found | Skipped:
    is_plain = not entry.turn and entry.crop is None
    return Found(
        name=entry.name,
        open=partial(opened, file) if is_plain else partial(_baked, entry, root),
        file=file if is_plain else None,
        caption=entry.caption,
        caption_source=entry.caption_source,
        split=entry.split,
        tags=entry.tags,
        repeats=entry.repeats,
        provenance=entry.provenance,
    )


def _baked(entry: Entry, root: Path) -> BinaryIO:
    try:
        return BytesIO(bake(entry, root, ExportRequest()).content)
    except Unusable as unusable:
        raise OSError(unusable.reason.say("en")) from None


FORMAT = Format(
    title=Text("A dataset of this studio", "本程序的数据集"),
    order=10,
    recognises=_recognises,
    read=_read,
)
