"""How pictures and the words beside them are put into the folders of an export."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from studio.datasets.formats.columns import COLUMNS, FILE, TEXT, Rows, as_words
from studio.datasets.formats.format import Ready
from studio.datasets.formats.tables import csv_writer

if TYPE_CHECKING:
    from csv import DictWriter


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a picture that was not there; its folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    with file.open("xb") as stream:
        stream.write(content)
    return file


def put_caption(picture: Path, caption: str, otherwise: str = "") -> None:
    """Write the text file beside a picture; without words, and nothing to stand there otherwise, there is none."""
    if content := caption if caption.strip() else otherwise:
        picture.with_suffix(".txt").write_text(content, encoding="utf-8", newline="\n")


class Tables:
    """The tables of an export, one a side of the split, begun when the first picture goes there."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._writers: dict[str, DictWriter[str]] = {}
        self.rows = Rows()

    def add(self, ready: Ready, sha256: str = "") -> None:
        """The row of a picture that lies in the folder of its side."""
        row = {FILE: ready.name, TEXT: ready.entry.caption, **as_words(self.rows.of(ready, sha256))}
        self._writer(ready.split).writerow(row)

    def _writer(self, split: str) -> "DictWriter[str]":
        if split not in self._writers:
            self._writers[split] = csv_writer(self._stream(split), (FILE, TEXT, *COLUMNS))
        return self._writers[split]

    def _stream(self, split: str) -> IO[str]:
        file = self._folder / split / "metadata.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        return self._stack.enter_context(file.open("w", encoding="utf-8", newline=""))


@contextmanager
def tables(folder: Path) -> Iterator[Tables]:
    """The tables of an export into `folder`; complete on the disk when the block ends."""
    with ExitStack() as stack:
        yield Tables(folder, stack)
