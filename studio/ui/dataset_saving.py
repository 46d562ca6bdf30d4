"""What is typed about one picture, saved without overwriting anybody: the page carries the words as it was given them,
and what somebody else has changed since is noticed word by word, not picture by picture. What a page has written itself
is remembered for it, since it may ask for the next save before it was told of the last."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.datasets.errors import EditedElsewhere

HUMAN = "human"
_TRIES = 5
MOST_STEPS = 16


@dataclass(frozen=True)
class Base:
    """The picture that a page shows: its set, its place in what was found, and the words as they were when it was shown
    or when this page wrote them (`is_written`)."""

    id: int
    place: int
    caption: str
    tags: tuple[str, ...]
    set: str
    is_written: bool = False

    @classmethod
    def of(cls, catalogue: Catalogue, entry: Entry, place: int) -> Self:
        """A picture as it is now."""
        return cls(entry.id, place, entry.caption, entry.tags, catalogue.root.name)

    @classmethod
    def read(cls, words: object) -> Self | None:
        """What a page carried; None for nothing, or for what this never wrote."""
        try:
            told = json.loads(str(words or "null"))
            tags = tuple(str(tag) for tag in told["tags"])
            place, written = max(0, int(told["place"])), told["is_written"] is True
            return cls(int(told["id"]), place, str(told["caption"]), tags, str(told["set"]), written)
        except (ValueError, TypeError, KeyError, OverflowError):
            return None

    def write(self) -> str:
        """As the page carries it."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass
class Visit:
    """What the server remembers of one page, whatever that page has been told yet: the picture that it was given last (0
    for none, None for nobody knows), and how its words went on from there by this page's own saves."""

    opened: int | None = None
    steps: list[Base] = field(default_factory=list)

    def open(self, base: Base | None) -> None:
        """Another picture, or the same one with fresh words."""
        self.opened, self.steps = base.id if base else 0, []

    def caught_up(self, base: Base) -> Base:
        """The words that this page knows to be there: it may ask before it was told of its own last save."""
        is_behind = any(replace(step, place=base.place) == base for step in self.steps)
        return replace(self.steps[-1], place=base.place) if is_behind else base

    def wrote(self, base: Base, now: Base) -> None:
        """A save went from one to the other."""
        self.steps = [*(self.steps or [base]), now][-MOST_STEPS:]


@dataclass(frozen=True)
class Saved:
    """How saving went: the picture as it is now, whether anything was written, and whether somebody else had been
    there, so that nothing was."""

    entry: Entry
    is_written: bool = False
    is_clash: bool = False


def save(catalogue: Catalogue, base: Base, caption: str, tags: tuple[str, ...]) -> Saved:
    """Write what differs from the words that were shown; a clash when those differ from what is there by now."""
    typed: dict[str, Any] = {"caption": caption, "tags": tags}
    mine = {name: value for name, value in typed.items() if value != getattr(base, name)}
    for _ in range(_TRIES):
        entry = catalogue.get(base.id)
        wanted = {name: value for name, value in mine.items() if value != getattr(entry, name)}
        if not wanted:
            return Saved(entry)
        if any(getattr(entry, name) != getattr(base, name) for name in wanted):
            return Saved(entry, is_clash=True)
        if "caption" in wanted:
            wanted["caption_source"] = HUMAN
        try:
            return Saved(catalogue.edit(base.id, entry.version, **wanted), is_written=True)
        except EditedElsewhere:
            continue  # between the look and the write: look again
    return Saved(catalogue.get(base.id), is_clash=True)


def standing(
    entry: Entry, base: Base, caption: str, tags: tuple[str, ...]
) -> Literal["saved", "open", "clash"]:
    """How what is typed stands to what is there: saved, still to be saved, or typed over somebody else's words."""
    typed: dict[str, Any] = {"caption": caption, "tags": tags}
    mine = {
        name: value
        for name, value in typed.items()
        if value not in (getattr(base, name), getattr(entry, name))
    }
    if not mine:
        return "saved"
    return "clash" if any(getattr(entry, name) != getattr(base, name) for name in mine) else "open"


def tags_of(words: str) -> tuple[str, ...]:
    """Tags out of a line with commas of either width; each once."""
    parts = words.replace("，", ",").replace("\n", ",").split(",")
    return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))
