"""What a layout on disk or a source offers, before anybody has looked at it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from studio.datasets.entry import Provenance, Split
from studio.words import Said


@dataclass(frozen=True, kw_only=True)
class Found:
    """A picture on offer. `name` is what its owner calls it, perhaps with folders; `open` gives its bytes, which nobody
    has checked; `file` is where it lies if it lies on this disk by itself."""

    name: str
    open: Callable[[], BinaryIO]
    file: Path | None = None
    caption: str = ""
    caption_source: str = ""
    split: Split = ""
    tags: tuple[str, ...] = ()
    repeats: int = 1
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True)
class Skipped:
    """A picture that is not taken, and why."""

    name: str
    reason: Said


@dataclass(frozen=True)
class Step:
    """How far a source has come: so many of so many (0 when nobody knows), and what it is doing; `stays` where that is
    worth reading afterwards."""

    done: int
    total: int = 0
    doing: Said | None = None
    stays: bool = False
