"""What the checks said about a set: one row a check, worst first, and one score."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.datasets.checks.check import LEVELS, Check, Finding, Level
from studio.words import Text

VERSION = 1
"""Of the checks and their thresholds; raised when one of them changes its mind."""
BLOCKED_AT_MOST = 49
ERROR_COSTS, WARNING_COSTS = 20, 5


@dataclass(frozen=True)
class Row:
    """What one check said. `level` is its worst; of `ids` the first `errors` are about errors, the next `warnings` about
    warnings, the rest are notes. `fix` is the label of a button, if one helps; `blocks` says that no tick will do."""

    name: str
    number: int
    level: Level
    title: Text
    why: Text
    sentences: tuple[Text, ...]
    ids: tuple[int, ...] = ()
    errors: int = 0
    warnings: int = 0
    fix: Text | None = None
    blocks: bool = False
    is_acknowledged: bool = False
    is_of_the_set: bool = False
    """Whether some of it is about the set as a whole, not about single pictures."""

    @property
    def count(self) -> int:
        """How many pictures it is about; 0 for the set as a whole."""
        return len(self.ids)

    @property
    def must_tick(self) -> bool:
        """Whether somebody has to say that they know: warnings, and errors of which that is enough."""
        return self.level == "warning" or (self.level == "error" and not self.blocks)

    @property
    def waits(self) -> bool:
        """Whether a tick is still wanted."""
        return self.must_tick and not self.is_acknowledged

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` gives the equal row back."""
        return {
            "check": self.name, "number": self.number, "level": self.level, "title": _both(self.title),
            "why": _both(self.why), "sentences": [_both(text) for text in self.sentences], "count": self.count,
            "ids": list(self.ids), "errors": self.errors, "warnings": self.warnings, "fix": _both(self.fix) if self.fix else None, "blocks": self.blocks,
            "must_tick": self.must_tick, "is_acknowledged": self.is_acknowledged,
            "is_of_the_set": self.is_of_the_set,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Row":
        """A row from plain values."""
        texts: dict[str, Any] = {name: Text(**told[name]) for name in ("title", "why", "fix") if told[name]}
        plain = ("number", "level", "errors", "warnings", "blocks", "is_acknowledged", "is_of_the_set")
        sentences = tuple(Text(**text) for text in told["sentences"])
        return cls(
            name=told["check"], sentences=sentences, ids=tuple(told["ids"]), **texts,
            **{name: told[name] for name in plain},
        )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The rows, errors first, then warnings, then notes; of `pictures` pictures, made at `made_at` (ISO 8601, UTC) when
    the catalogue's stamp was `stamp`: another stamp means that it is out of date."""

    rows: tuple[Row, ...]
    pictures: int
    score: int
    made_at: str
    stamp: int
    need: Mapping[str, Any]
    request: Mapping[str, Any]
    thresholds: Mapping[str, Mapping[str, float]]
    version: int = VERSION

    @property
    def counts(self) -> dict[Level, int]:
        """How many rows there are of each level."""
        return {level: sum(row.level == level for row in self.rows) for level in LEVELS}

    @property
    def is_blocked(self) -> bool:
        """Whether an error keeps the set from training: one that needs mending, or a tick that isn't there."""
        return any(row.level == "error" and (row.blocks or row.waits) for row in self.rows)

    @property
    def needs_tick(self) -> bool:
        """Whether somebody has to say first that they know of a warning."""
        return any(row.waits for row in self.rows)

    def row(self, name: str) -> Row | None:
        """What a check said, if anything."""
        return next((row for row in self.rows if row.name == name), None)

    def with_ticks(self, names: Iterable[str]) -> "Report":
        """The report with these rows acknowledged."""
        ticked = set(names)
        rows = tuple(
            replace(row, is_acknowledged=True) if row.must_tick and row.name in ticked else row
            for row in self.rows
        )
        return replace(self, rows=rows, score=score_of(rows, self.pictures))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as dataset_report.json holds them."""
        return {
            "version": self.version, "made_at": self.made_at, "stamp": self.stamp, "pictures": self.pictures,
            "score": self.score, "counts": self.counts, "is_blocked": self.is_blocked,
            "needs_tick": self.needs_tick, "need": dict(self.need), "request": dict(self.request),
            "thresholds": {name: dict(of) for name, of in self.thresholds.items()},
            "rows": [row.to_dict() for row in self.rows],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Report":
        """A report from plain values."""
        rows = tuple(map(Row.from_dict, told["rows"]))
        return cls(
            rows, told["pictures"], told["score"], told["made_at"], told["stamp"], told["need"], told["request"],
            told["thresholds"], told["version"],
        )  # fmt: skip


def row_of(name: str, check: Check, findings: Sequence[Finding], has_fix: bool) -> Row:
    """The row of a check that found something."""
    level: Level = min((finding.level for finding in findings), key=LEVELS.index)
    ordered = sorted(findings, key=lambda finding: LEVELS.index(finding.level))
    levels: dict[int, Level] = {}
    for finding in ordered:
        for id in finding.pictures:
            levels.setdefault(id, finding.level)
    counts = Counter(levels.values())
    return Row(
        name=name,
        number=check.number,
        level=level,
        title=check.title,
        why=check.why,
        sentences=tuple(Text(f.said.say("en"), f.said.say("zh")) for f in ordered),
        ids=tuple(levels),
        errors=counts["error"],
        warnings=counts["warning"],
        fix=check.fix.label if check.fix and has_fix else None,
        blocks=any(f.level == "error" and not f.must_acknowledge for f in findings),
        is_of_the_set=any(f.level == level and not f.pictures for f in findings),
    )


def score_of(rows: Sequence[Row], pictures: int) -> int:
    """0 to 100: the share in percent of pictures that no error and no open warning names, a warning counting half;
    less 20 for each error and 5 for each open warning about the set as a whole; at most 49 while an error blocks. An
    empty set has 0, a warning that was ticked costs nothing, notes never do."""
    if not pictures:
        return 0
    costs: dict[int, float] = {}
    whole = 0
    for row in rows:
        if row.blocks or row.waits:
            if row.is_of_the_set:
                whole += ERROR_COSTS if row.level == "error" else WARNING_COSTS
            costs |= dict.fromkeys(row.ids[: row.errors], 1.0)
            for id in row.ids[row.errors : row.errors + row.warnings]:
                costs.setdefault(id, 0.5)
    is_blocked = any(row.level == "error" and (row.blocks or row.waits) for row in rows)
    score = round(max(0.0, 100 * (1 - sum(costs.values()) / pictures) - whole))
    return min(score, BLOCKED_AT_MOST) if is_blocked else score


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}
