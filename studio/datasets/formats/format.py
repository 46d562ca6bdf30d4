"""What a layout is: how it is recognised, read and written."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.entry import Entry
from studio.datasets.found import Found, Skipped
from studio.words import Text


@dataclass(frozen=True)
class Ready:
    """A picture as it goes out: `content` is its baked file (upright, sRGB, 8-bit RGB, no metadata), `name` a plain
    file name that no other picture of the export has."""

    entry: Entry
    name: str
    content: bytes
    width: int
    height: int

    @property
    def split(self) -> str:
        """The side that it goes to; what nobody has decided is learnt from."""
        return self.entry.split or "train"


Writer = Callable[[Iterable[Ready], Path, ExportRequest, Need], Generator[Ready, None, None]]


@dataclass(frozen=True)
class Format:
    """A layout. `read` yields what is there without trusting it; `write` yields after each picture and leaves a folder
    that `read` gives back equal; None where the layout is only read. Of several that recognise a place the one with the
    lowest `order` reads it."""

    title: Text
    order: int
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Found | Skipped]]
    write: Writer | None = None
