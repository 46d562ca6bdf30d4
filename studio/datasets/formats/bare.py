"""Pictures alone, without a word: any folder of them, and a single picture."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from studio.datasets.formats.format import Format
from studio.datasets.formats.paths import is_picture, opened, pictures, relative, split_of_path
from studio.datasets.found import Found, Skipped
from studio.words import Text


def _recognises(path: Path) -> bool:
    if path.is_file():
        return is_picture(path.name)
    return any(isinstance(found, Path) for found in pictures(path))


def _read(path: Path) -> Iterator[Found | Skipped]:
    if path.is_file():
        yield Found(name=path.name, open=partial(opened, path), file=path)
        return
    for found in pictures(path):
        if isinstance(found, Skipped):
            yield found
        else:
            name = relative(found, path)
            yield Found(name=name, open=partial(opened, found), file=found, split=split_of_path(name))


FORMAT = Format(
    title=Text("Pictures alone", "只有图片"),
    order=90,
    recognises=_recognises,
    read=_read,
)
