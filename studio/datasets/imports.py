"""What was brought into a set, and what was broken off: kept with the set, so that an import goes on where it stood."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from studio.dataset_requests import ImportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New
from studio.datasets.names import clean_line
from studio.errors import RequestError
from studio.words import Said, Text

NOTE = "imports"
MOST_RECORDS = 100
LEFT_OFF = Text(
    "An import of {what} is not finished; pictures from it so far: {count}. If it isn't under way, import the same "
    "again: it goes on where it stood.",
    "{what} 的导入尚未完成，目前取得 {count} 张。如果它不在进行中，请再次进行同样的导入，会从中断处继续。",
)


@dataclass(frozen=True, kw_only=True)
class Record:
    """An import of a set: what was asked, when (ISO 8601, UTC), how many pictures have arrived so far, and how many
    were not taken. Without `ended_at` it was broken off or is under way; `problem` says why, in both languages."""

    key: str
    request: ImportRequest
    started_at: str
    ended_at: str = ""
    taken: int = 0
    skipped: int = 0
    problem: Text | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all that was asked for has been gone through."""
        return bool(self.ended_at)

    def to_dict(self) -> dict[str, Any]:
        """As the note keeps it."""
        problem = {"en": self.problem.en, "zh": self.problem.zh} if self.problem else None
        request = json.dumps(self.request.to_dict(), ensure_ascii=False).encode("utf-8", "replace")
        return {**self.__dict__, "request": json.loads(request), "problem": problem}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """From the note."""
        problem = Text(**told["problem"]) if told.get("problem") else None
        request = ImportRequest.from_dict(told["request"])
        return cls(**{**told, "request": request, "problem": problem})


def key_of(request: ImportRequest) -> str:
    """What tells one import from another: all that was asked."""
    told = json.dumps(request.to_dict(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


def imports(catalogue: Catalogue) -> list[Record]:
    """The imports of a set, the latest last; those whose request this studio can't read are left out."""
    return list(_readable(catalogue.note(NOTE) or []))


def unfinished(catalogue: Catalogue) -> list[Record]:
    """Imports that were broken off, or that somebody is at; asking for the same again goes on with them."""
    return [record for record in imports(catalogue) if not record.is_finished]


def left_off(catalogue: Catalogue) -> list[Said]:
    """A sentence for each unfinished import that has brought something: without the rest, the set looks whole."""
    return [
        Said(LEFT_OFF, {"what": _what(record.request), "count": record.taken})
        for record in unfinished(catalogue)
        if record.taken
    ]


def begin(catalogue: Catalogue, request: ImportRequest) -> Record:
    """The record of an import: that of an unfinished one with the same request, else a new one."""
    key = key_of(request)
    for record in unfinished(catalogue):
        if record.key == key:
            return record
    record = Record(key=key, request=request, started_at=now())
    _change(catalogue, lambda: keep(catalogue, record))
    return record


def keep(catalogue: Catalogue, record: Record) -> None:
    """Write a record in the place of its older self. To be called inside a change of the catalogue."""
    held = [told for told in catalogue.note(NOTE) or [] if not _is_same(told, record)]
    catalogue.set_note(NOTE, [*held, record.to_dict()][-MOST_RECORDS:])


def end(catalogue: Catalogue, record: Record, is_finished: bool, problem: Said | None) -> None:
    """Write how an import ended."""
    said = Text(problem.say("en"), problem.say("zh")) if problem else None
    ended = replace(record, ended_at=now() if is_finished else "", problem=said)
    _change(catalogue, lambda: keep(catalogue, ended))


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _what(request: ImportRequest) -> str:
    return clean_line(" ".join(part for part in (request.source, request.where, request.query) if part))


def _is_same(told: dict[str, Any], record: Record) -> bool:
    return bool(told.get("key") == record.key and told.get("started_at") == record.started_at)


def _readable(notes: list[dict[str, Any]]) -> Iterator[Record]:
    for told in notes:
        try:
            yield Record.from_dict(told)
        except (RequestError, TypeError, KeyError):  # written by a later studio
            continue


def _change(catalogue: Catalogue, write: Callable[[], None]) -> None:
    """Read and write a note as one change: adding holds the catalogue while it goes through what is added, so that no
    other process writes in between."""

    def no_pictures() -> Iterator[New]:
        write()
        yield from ()

    catalogue.add(no_pictures())
