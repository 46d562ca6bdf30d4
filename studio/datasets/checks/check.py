"""What a check is, what it is given, and what it finds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.dataset_requests import CheckRequest, Need
from studio.datasets.duplicates import DUPLICATE_BITS, GROUP_BITS, clusters_of
from studio.datasets.entry import Entry, Measures
from studio.datasets.formats.kohya import REGULARISATION
from studio.shelf.limits import Limit
from studio.train_plan import Plan, Size, make_plan
from studio.train_request import TrainRequest
from studio.words import Said, Text

if TYPE_CHECKING:
    from studio.datasets.catalogue import Catalogue

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
PAINTED_SOURCE = "synthetic"
"""The source of scenes that a program paints by rule."""
SIZE_MULTIPLE = 8
"""What sides of pictures divide by in every family that the studio trains."""


@dataclass
class Inspection:
    """A set under inspection: its pictures, all looked at, its need, how training will use it. `root` is its folder, and
    `sizes` those of the model that will learn, where they are known; `left_off` tells of imports that are not finished.
    What is asked more than once is worked out once."""

    entries: Sequence[Entry]
    need: Need
    asked: CheckRequest
    limit: Limit | None = None
    root: Path | None = None
    sizes: tuple[Size, ...] = ()
    left_off: Sequence[Said] = ()

    @cached_property
    def usable(self) -> Sequence[Entry]:
        """The pictures whose files can be read."""
        return [
            entry for entry in self.entries if entry.measures and not entry.measures.fault and entry.size[0]
        ]

    @cached_property
    def train(self) -> Sequence[Entry]:
        """The usable pictures that will be learnt from."""
        return [entry for entry in self.usable if entry.split != "validation"]

    @cached_property
    def learnt(self) -> Sequence[Entry]:
        """The pictures of `train` that are meant to be learnt, without those that only keep the class in mind."""
        return [entry for entry in self.train if REGULARISATION not in entry.tags]

    @cached_property
    def validation(self) -> Sequence[Entry]:
        """The usable pictures that are kept aside."""
        return [entry for entry in self.usable if entry.split == "validation"]

    @cached_property
    def by_id(self) -> Mapping[int, Entry]:
        """The pictures by id."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def own(self) -> Sequence[Entry]:
        """The usable pictures that were not made from another one of the set: copies that are varied on purpose look
        alike, and nobody needs telling."""
        there = {entry.sha256 for entry in self.entries}
        return [entry for entry in self.usable if entry.provenance.parent not in there]

    @cached_property
    def alike(self) -> Sequence[tuple[int, ...]]:
        """Groups of usable pictures that look alike, varied copies too, by id."""
        return clusters_of(self.usable, GROUP_BITS)

    @cached_property
    def groups(self) -> Sequence[tuple[int, ...]]:
        """Groups of pictures among `own` that look alike, by id; what a split keeps together."""
        own = {entry.id for entry in self.own}
        inside = [self.by_id[id] for group in self.alike for id in group if id in own]
        return clusters_of(inside, GROUP_BITS)

    @cached_property
    def duplicates(self) -> Sequence[tuple[int, ...]]:
        """Groups of near-duplicates among `own`, by id; they lie within `groups`."""
        inside = [self.by_id[id] for group in self.groups for id in group]
        return clusters_of(inside, DUPLICATE_BITS)

    @cached_property
    def plan(self) -> Plan:
        """How the trainer would lay out the pictures of `train`: its own code, with its own buckets."""
        return make_plan(self._training, [entry.size for entry in self.train], self._own_sizes, SIZE_MULTIPLE)

    @cached_property
    def trained_at(self) -> Mapping[int, Size]:
        """The bucket of each picture of `train`, by id."""
        return {
            self.train[member].id: bucket.size for bucket in self.plan.buckets for member in bucket.members
        }

    def is_drawn(self, entry: Entry) -> bool:
        """Whether a picture has flat areas and few edges by its nature: a drawing, or a scene painted by rule."""
        return self.need.kind == "drawing" or entry.provenance.source == PAINTED_SOURCE

    @property
    def _own_sizes(self) -> tuple[Size, ...]:
        return self.sizes or ((self.need.resolution, self.need.resolution),)

    @property
    def _training(self) -> TrainRequest:
        """With the model's own sizes where it learns at its own resolution, as a training does that names no size."""
        side = 0 if self.sizes and self.sizes[0][0] == self.need.resolution else self.need.resolution
        return TrainRequest(
            width=side,
            height=side,
            aspect_buckets=self.asked.uses_buckets,
            batch_size=self.asked.batch_size,
            max_steps=self.asked.steps,
        )


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
    """What a button can do about it: changes the set as one step that can be undone, and tells how many pictures. It is
    offered when the fields of the need that it `wants` are filled."""

    label: Text
    apply: Callable[["Catalogue", Sequence[int]], int]
    wants: tuple[str, ...] = ()

    def suits(self, need: Need) -> bool:
        """Whether the need says what this takes."""
        return all(getattr(need, name) for name in self.wants)


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong. `number` is its place on the card; `thresholds` are kept with every report."""

    number: int
    title: Text
    why: Text
    look: Callable[[Inspection], Iterator[Finding]]
    fix: Fix | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


def about(level: Level, text: Text, entries: Iterable[Entry], **values: object) -> Iterator[Finding]:
    """One finding about these pictures; none when there are none. The sentence may speak of their {count} and
    say {which} they are."""
    found = list(entries)
    if found:
        told = counted(found) | values
        yield Finding(level, Said(text, told), tuple(entry.id for entry in found))


def counted(entries: Sequence[Entry]) -> dict[str, object]:
    """What a sentence about these pictures is filled with."""
    first = entries[0].name
    return {"count": Count(len(entries)), "which": first if len(entries) == 1 else f"{first}, …"}


class Count(int):
    """A number that knows how to be one or many: "{count:picture is|pictures are}"."""

    def __format__(self, words: str) -> str:
        one, bar, many = words.partition("|")
        return f"{int(self)} {one if self == 1 else many}" if bar else format(int(self), words)


def seen(entry: Entry) -> Measures:
    """What was measured of a usable picture."""
    assert entry.measures is not None
    return entry.measures


def share(part: int, of: int) -> float:
    """A share from 0 to 1; 0 of nothing."""
    return part / of if of else 0.0


def percent(part: float) -> int:
    """A share in whole percent."""
    return round(100 * part)
