"""What a check is, what it is given, and what it finds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from studio.dataset_requests import CheckRequest, Need
from studio.datasets.entry import Entry
from studio.words import Said, Text

if TYPE_CHECKING:
    from studio.datasets.catalogue import Catalogue

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Limit:
    """How long a caption may be for the model that will learn: tokens, and how to count them. `tail` is the part of a
    caption that the model would not see."""

    most: int
    count: Callable[[str], int]
    tail: Callable[[str], str]


@dataclass
class Inspection:
    """A set under inspection: its pictures, all looked at, its need, how training will use it."""

    entries: Sequence[Entry]
    need: Need
    asked: CheckRequest
    limit: Limit | None = None

    @cached_property
    def usable(self) -> Sequence[Entry]:
        """The pictures whose files can be read."""
        return [entry for entry in self.entries if entry.measures is not None and not entry.measures.fault]

    @cached_property
    def train(self) -> Sequence[Entry]:
        """The usable pictures that will be learnt from."""
        return [entry for entry in self.usable if entry.split != "validation"]

    @cached_property
    def validation(self) -> Sequence[Entry]:
        """The usable pictures that are kept aside."""
        return [entry for entry in self.usable if entry.split == "validation"]


@dataclass(frozen=True)
class Finding:
    """One sentence about some pictures, by id, or about the set as a whole. `must_acknowledge`: an error that goes away
    once somebody has ticked that they know."""

    level: Level
    said: Said
    pictures: tuple[int, ...] = ()
    must_acknowledge: bool = False


@dataclass(frozen=True)
class Fix:
    """What a button can do about it: changes the set as one step that can be undone, and tells how many pictures."""

    label: Text
    apply: Callable[["Catalogue", Sequence[int]], int]


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong. `number` is its place on the card; `thresholds` are kept with every report."""

    number: int
    title: Text
    why: Text
    look: Callable[[Inspection], Iterator[Finding]]
    fix: Fix | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
