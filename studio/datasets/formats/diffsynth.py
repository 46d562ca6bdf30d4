"""DiffSynth-Studio: its new trainer reads metadata.csv (or .json, .jsonl) with the columns image and prompt, paths from
the set's own folder. Its old script for Kolors reads an ImageFolder's train/metadata.csv, which `imagefolder` writes."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.formats.columns import COLUMNS, Rows, as_words
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.listed import read_listed
from studio.datasets.formats.placing import put
from studio.datasets.formats.tables import csv_writer, header_of
from studio.datasets.found import Found, Skipped
from studio.words import Text

_ENDINGS = (".csv", ".json", ".jsonl")
_NAMES = {"train": "metadata.csv", "validation": "metadata_validation.csv"}
IMAGE, PROMPT = "image", "prompt"


def _tables_of(path: Path) -> list[Path]:
    files = sorted(path.glob("metadata*")) if path.is_dir() else []
    return [file for file in files if file.suffix.lower() in _ENDINGS and {IMAGE, PROMPT} <= header_of(file)]


def _recognises(path: Path) -> bool:
    return bool(_tables_of(path))


def _read(path: Path) -> Iterator[Found | Skipped]:
    yield from read_listed(path, _tables_of(path))


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    rows = Rows()
    with ExitStack() as stack:
        writers = {}
        for ready in pictures:
            put(folder / ready.split, ready.name, ready.content)
            if ready.split not in writers:
                file = (folder / _NAMES[ready.split]).open("w", encoding="utf-8", newline="")
                writers[ready.split] = csv_writer(stack.enter_context(file), (IMAGE, PROMPT, *COLUMNS))
            named = {IMAGE: f"{ready.split}/{ready.name}", PROMPT: ready.entry.caption}
            writers[ready.split].writerow({**named, **as_words(rows.of(ready))})
            yield ready


FORMAT = Format(
    title=Text("DiffSynth-Studio (image, prompt)", "DiffSynth-Studio（image、prompt 两列）"),
    order=30,
    recognises=_recognises,
    read=_read,
    write=_write,
)
