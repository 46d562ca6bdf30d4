"""All checks over a set, once everything in it is measured: a report on a card, the problems of each picture in the
catalogue, and dataset_report.json beside a set that has a file."""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from studio.dataset_requests import CheckRequest, Need
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.checks import checks
from studio.datasets.checks.check import LEVELS, Check, Finding, Inspection, Level
from studio.datasets.found import Step
from studio.datasets.imports import left_off
from studio.datasets.query import Query
from studio.datasets.report import Report, Row, row_of, score_of
from studio.disk import write_atomically
from studio.errors import UnknownChoice
from studio.shelf.limits import Limit
from studio.train_plan import Size
from studio.words import Said, Text

REPORT_FILE = "dataset_report.json"
CHECKING = Text("Checking: {title}", "正在检查：{title}")
CHECK_LABEL = Text("Check", "检查项")
_REPORT, _TICKS = "report", "acknowledged"
"""Notes of the catalogue."""
_OWN_CHANGES = 2
"""Keeping problems and report, or ticks and report, changes a catalogue so many times."""

Found = dict[str, list[Finding]]


def inspect(
    catalogue: Catalogue, asked: CheckRequest, limit: Limit | None = None, sizes: tuple[Size, ...] = ()
) -> Report:
    """Run every check; `sizes` are those of the model that will learn, for its own buckets. What was found is kept:
    problems and report in the catalogue, the report as a file in the set's folder. Raises StorageError."""
    steps = inspect_stepwise(catalogue, asked, limit, sizes)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            report: Report = done.value
            return report


def inspect_stepwise(
    catalogue: Catalogue,
    asked: CheckRequest,
    limit: Limit | None = None,
    sizes: tuple[Size, ...] = (),
    need: Need | None = None,
) -> Generator[Step, None, Report]:
    """As `inspect`, yielding a step before each check; the report is what the generator returns. Against another `need`
    than the set's own, nothing is kept."""
    stamp, need = catalogue.stamp, need or catalogue.need
    seen = Inspection(
        list(catalogue.entries()), need, asked, limit, catalogue.root, sizes, left_off(catalogue)
    )
    found: Found = {}
    for number, (name, check) in enumerate(checks().items()):
        yield Step(number, len(checks()), Said(CHECKING, {"title": check.title}))
        if findings := list(check.look(seen)):
            found[name] = findings
    report = _report(catalogue, seen, found, stamp + _OWN_CHANGES)
    if need == catalogue.need:
        catalogue.set_findings({name: _levels(findings) for name, findings in found.items()})
        _keep(catalogue, report)
    return report


def last_report(catalogue: Catalogue) -> Report | None:
    """The report of the last inspection, with ticks given since; None before the first. It is out of date when its
    `stamp` isn't the catalogue's."""
    told = catalogue.note(_REPORT)
    return None if told is None else Report.from_dict(told)


def acknowledge(catalogue: Catalogue, names: Iterable[str]) -> None:
    """Tick what these checks said last. A tick ends when a check has something worse to say, or about more pictures."""
    report = last_report(catalogue)
    ticks: dict[str, Any] = catalogue.note(_TICKS) or {}
    for name in names:
        _check_name(name)
        row = report.row(name) if report else None
        if row is not None and row.must_tick:
            ticks[name] = {"level": row.level, "ids": list(row.ids), "is_of_the_set": row.is_of_the_set}
    stamp = catalogue.stamp
    catalogue.set_note(_TICKS, ticks)
    if report is not None:
        is_fresh = report.stamp == stamp
        kept = replace(report, stamp=stamp + _OWN_CHANGES) if is_fresh else report
        _keep(catalogue, _ticked(catalogue, kept))


def fix(catalogue: Catalogue, name: str, ids: Sequence[int] | None = None) -> int:
    """Press the button of a check: one step that can be undone; how many pictures changed. Without `ids` it concerns all
    pictures that the check named last. Raises UnknownChoice for a check that isn't there or has no button."""
    button = _check_name(name).fix
    if button is None or not button.suits(catalogue.need):
        known = ", ".join(other for other, check in checks().items() if check.fix)
        raise UnknownChoice(None, label=CHECK_LABEL, value=name, known=known)
    concerned = catalogue.ids(Query(check=name)) if ids is None else ids
    return button.apply(catalogue, concerned)


def _check_name(name: str) -> Check:
    if name not in checks():
        raise UnknownChoice(None, label=CHECK_LABEL, value=name, known=", ".join(checks()))
    return checks()[name]


def _levels(findings: Sequence[Finding]) -> dict[int, str]:
    """The worst level for each picture."""
    levels: dict[int, str] = {}
    for finding in sorted(findings, key=lambda finding: -LEVELS.index(finding.level)):
        levels.update(dict.fromkeys(finding.pictures, finding.level))
    return levels


def _report(
    catalogue: Catalogue, seen: Inspection, found: Mapping[str, Sequence[Finding]], stamp: int
) -> Report:
    rows = [row_of(name, checks()[name], findings, _has_fix(name, seen)) for name, findings in found.items()]
    rows.sort(key=lambda row: (LEVELS.index(row.level), row.number))
    report = Report(
        rows=tuple(rows),
        pictures=len(seen.entries),
        score=score_of(rows, len(seen.entries)),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        stamp=stamp,
        need=seen.need.to_dict(),
        request=seen.asked.to_dict(),
        thresholds={name: dict(check.thresholds) for name, check in checks().items() if check.thresholds},
    )
    return _ticked(catalogue, report)


def _has_fix(name: str, seen: Inspection) -> bool:
    button = checks()[name].fix
    return button is not None and button.suits(seen.need)


def _ticked(catalogue: Catalogue, report: Report) -> Report:
    ticks: dict[str, Any] = catalogue.note(_TICKS) or {}
    return report.with_ticks(
        row.name for row in report.rows if row.name in ticks and _holds(ticks[row.name], row)
    )


def _holds(tick: Mapping[str, Any], row: Row) -> bool:
    level: Level = tick["level"]
    is_no_worse = LEVELS.index(row.level) >= LEVELS.index(level)
    return is_no_worse and row.is_of_the_set <= tick["is_of_the_set"] and set(row.ids) <= set(tick["ids"])


def _keep(catalogue: Catalogue, report: Report) -> None:
    """In the catalogue, and in a file where the set has one."""
    told = report.to_dict()
    catalogue.set_note(_REPORT, told)
    if (catalogue.root / FILE).is_file():
        content = json.dumps(told, ensure_ascii=False, indent=1)
        write_atomically(catalogue.root / REPORT_FILE, content.encode())
