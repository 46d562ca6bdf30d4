"""What can be counted of a set: read once for each change of it, whoever looks."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.imports import left_off
from studio.datasets.query import Query

CHECKED_AT = "checked_at"
"""The note that holds the mark of what was checked last."""
MOST_KNOWN = 32
MOST_TAGS = 100


@dataclass(frozen=True)
class Facts:
    """Counts by value. `step` is what undo would take back: its name, and how many pictures it had changed. `report` is
    the last report as the catalogue keeps it; `mark` tells whether anything changed since `checked_at` was set."""

    total: int
    splits: Mapping[str, int]
    uncaptioned: int
    troubled: Mapping[str, int]
    step: tuple[str, int] | None
    need: Need
    report: Mapping[str, Any] | None = None
    checked_at: str = ""
    mark: str = ""

    @property
    def is_fresh(self) -> bool:
        """Whether the last report is about the set as it is."""
        return self.report is not None and self.checked_at == self.mark

    @property
    def train(self) -> int:
        """Pictures that will be learnt from."""
        return self.total - self.validation

    @property
    def validation(self) -> int:
        """Pictures that are kept aside."""
        return self.splits.get("validation", 0)


@dataclass(frozen=True)
class More:
    """What only those who unfold the filters need: it takes a look at every row."""

    licences: Mapping[str, int]
    sources: Mapping[str, int]
    tags: Mapping[str, int]


@dataclass
class FactBook:
    """What was counted of the sets looked at last, each as of a stamp of its catalogue."""

    _known: dict[tuple[Path, str], tuple[int, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, catalogue: Catalogue) -> Facts:
        """The facts of a set as it is now."""
        facts: Facts = self._fresh(catalogue, "facts", _read)
        return facts

    def more(self, catalogue: Catalogue) -> More:
        """What the filters offer."""
        more: More = self._fresh(catalogue, "more", _read_more)
        return more

    def _fresh(self, catalogue: Catalogue, what: str, read: Callable[[Catalogue], Any]) -> Any:
        stamp, key = catalogue.stamp, (catalogue.root, what)
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        found = read(catalogue)
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = stamp, found
            while len(self._known) > MOST_KNOWN:
                self._known.pop(next(iter(self._known)))
        return found


def _read(catalogue: Catalogue) -> Facts:
    splits, report = catalogue.tally("split"), catalogue.note("report")
    return Facts(
        total=sum(splits.values()),
        splits=splits,
        uncaptioned=catalogue.count(Query(is_uncaptioned=True)),
        troubled=catalogue.troubled(),
        step=catalogue.last_step(),
        need=catalogue.need,
        report=report,
        checked_at=str(catalogue.note(CHECKED_AT) or ""),
        mark=mark_of(catalogue) if report else "",
    )


def _read_more(catalogue: Catalogue) -> More:
    tags: Counter[str] = Counter()
    for line, count in catalogue.tally("tags").items():
        for tag in filter(None, line.split("\n")):
            tags[tag] += count
    return More(catalogue.tally("license"), catalogue.tally("source"), dict(tags.most_common(MOST_TAGS)))


def mark_of(catalogue: Catalogue) -> str:
    """What the checks depend on, in a line: another mark means that their report is out of date."""
    versions = catalogue.tally("version")
    newest = catalogue.page(Query(is_descending=True), 0, 1)
    changes = sum(int(version) * count for version, count in versions.items())
    need = json.dumps(catalogue.need.to_dict(), sort_keys=True)
    unfinished = len(left_off(catalogue))
    return f"{sum(versions.values())} {changes} {newest[0].id if newest else 0} {unfinished} {need}"
