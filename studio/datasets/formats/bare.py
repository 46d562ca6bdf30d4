"""Pictures alone, without a word: any folder of them, and a single picture. Files that may hold words and are not read
are told of, so that nobody trains without captions unknowingly."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from studio.datasets.formats.beside import NOTES
from studio.datasets.formats.format import Format
from studio.datasets.formats.paths import (
    FOREIGN,
    NOT_READ,
    is_picture,
    opened,
    pictures,
    relative,
    split_of_path,
    walk,
)
from studio.datasets.formats.texts import ENDINGS
from studio.datasets.found import Found, Skipped
from studio.words import Said, Text

_WORDS = (*ENDINGS, ".csv", ".tsv", ".json", ".jsonl", ".xlsx")
NO_WORDS = Text(
    "its words are not read; put captions into a .txt named as its picture, or into metadata.csv",
    "没有读取其中的文字；请把说明写进与图片同名的 .txt，或写进 metadata.csv",
)


def _recognises(path: Path) -> bool:
    if path.is_file():
        return is_picture(path.name)
    return any(isinstance(found, Path) for found in pictures(path))


def _read(path: Path) -> Iterator[Found | Skipped]:
    if path.is_file():
        yield Found(name=path.name, open=partial(opened, path), file=path)
        return
    for found in walk(path):
        if isinstance(found, Skipped):
            yield found
        elif is_picture(found.name):
            name = relative(found, path)
            yield Found(name=name, open=partial(opened, found), file=found, split=split_of_path(name))
        elif reason := _not_read(found):
            yield Skipped(relative(found, path), Said(reason, {}))


def _not_read(file: Path) -> Text | None:
    """Why a file that may hold pictures or words is left alone."""
    ending = file.suffix.lower()
    if ending in _WORDS and file.stem.lower() not in NOTES:
        return NO_WORDS
    return NOT_READ if ending in FOREIGN else None


FORMAT = Format(
    title=Text("Pictures alone", "只有图片"),
    order=90,
    recognises=_recognises,
    read=_read,
)
