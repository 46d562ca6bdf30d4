"""How a picture lies in a row of SQLite: the tables, the way from an entry to its row and back, and what SQLite's
complaints mean."""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from studio.datasets.entry import Entry, Measures, New, Provenance
from studio.datasets.errors import CatalogueBroken
from studio.disk import storage_error

VERSION = 2
"""Of the tables."""
_TYPES: dict[Any, str] = {int: "INTEGER", bool: "INTEGER", float: "REAL", str: "TEXT"}
EDITABLE = (
    "caption", "caption_source", "split", "tags", "repeats", "turn", "crop", "is_deleted", "name", "license",
    "license_url", "author", "attribution", "source_url", "series",
)  # fmt: skip
"""What `edit` may change; the rest is fact."""


_INDEXES = {
    "sha256": "sha256", "split": "split", "license": "license", "source": "source", "parent": "parent",
    "arrival": "is_deleted, id", "name": "is_deleted, name COLLATE NOCASE, id",
    "size": "is_deleted, m_width * m_height, id", "sharpness": "is_deleted, m_sharpness, id",
    "caption": "is_deleted, length(caption), id",
}  # fmt: skip
"""What pictures are looked up by, and each order of `Query`."""


def _columns(kind: Any, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{f.name}": f.type for f in fields(kind)}


_PROVENANCE = _columns(Provenance)
MEASURES = _columns(Measures, "m_")
_OWN: dict[str, Any] = {
    "file": str, "name": str, "sha256": str, "caption": str, "caption_source": str, "split": str, "tags": str,
    "repeats": int, "turn": int, "crop": str, "is_deleted": int, "added_at": float, "version": int, "is_measured": int,
}  # fmt: skip
COLUMNS = {**_OWN, **_PROVENANCE, **MEASURES}
SELECT = ", ".join(("id", *COLUMNS))
_of_provenance = attrgetter(*_PROVENANCE)
_of_measures = attrgetter(*(f.name for f in fields(Measures)))
_HASHES = [k for k, f in enumerate(fields(Measures)) if f.name in ("phash", "mirror_phash")]


def row_of(new: New) -> list[Any]:
    """A new picture's values, in the order of the columns."""
    own: dict[str, Any] = {
        name: stored(name, getattr(new, name)) for name in _OWN if hasattr(new, name) and name != "added_at"
    }
    own |= {
        "turn": getattr(new, "turn", 0), "crop": stored("crop", getattr(new, "crop", None)), "is_deleted": 0,
        "added_at": time.time(), "version": 0, "is_measured": int(new.measures is not None),
    }  # fmt: skip
    return [
        *(own[name] for name in _OWN),
        *_of_provenance(new.provenance),
        *measured_values(new.measures or Measures()),
    ]


def measured_values(measures: Measures) -> list[Any]:
    """The values of measures, in the order of their columns."""
    told = [*_of_measures(measures)]
    for k in _HASHES:  # SQLite's numbers have a sign
        told[k] -= 2**64 if told[k] >= 2**63 else 0
    return told


def entry_of(row: sqlite3.Row) -> Entry:
    """The picture of a row that holds id and all columns, in their order."""
    values = tuple(row)
    own = dict(zip(("id", *_OWN), values, strict=False))
    told = values[1 + len(_OWN) :]
    is_measured = own.pop("is_measured")
    return Entry(
        **{
            **own, "tags": tags_of(own["tags"]), "is_deleted": bool(own["is_deleted"]),
            "crop": tuple(json.loads(own["crop"])) if own["crop"] else None,
        },
        provenance=Provenance(**_typed(_PROVENANCE, told)),
        measures=_as_measures(told[len(_PROVENANCE) :]) if is_measured else None,
    )  # fmt: skip


def _as_measures(told: Sequence[Any]) -> Measures:
    values = [*told]
    for k in _HASHES:
        values[k] %= 2**64
    return Measures(**{name[2:]: value for name, value in _typed(MEASURES, values).items()})


def _typed(columns: Mapping[str, Any], values: Sequence[Any]) -> dict[str, Any]:
    pairs = zip(columns.items(), values, strict=False)
    return {name: bool(value) if kind is bool else value for (name, kind), value in pairs}


def stored(name: str, value: Any) -> Any:
    """A value as its column keeps it: tags a line each between line breaks, a crop as JSON."""
    if name == "tags":
        return "".join(f"\n{' '.join(tag.split())}\n" for tag in value)
    if name == "crop":
        return json.dumps(list(value)) if value else ""
    if isinstance(value, str):  # half a character, as a browser may send it, can't be kept
        return value.encode("utf-8", "replace").decode()
    return int(value) if isinstance(value, bool) else value


def tags_of(line: str) -> tuple[str, ...]:
    """Tags from the way they are stored."""
    return tuple(tag for tag in line.split("\n") if tag)


def schema() -> list[str]:
    """The statements that make an empty catalogue."""
    columns = ", ".join(f"{name} {_TYPES.get(kind, 'TEXT')} NOT NULL" for name, kind in COLUMNS.items())
    indexes = [f"CREATE INDEX IF NOT EXISTS by_{name} ON pictures ({on})" for name, on in _INDEXES.items()]
    return [
        f"CREATE TABLE IF NOT EXISTS pictures (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})",
        *indexes,
        "CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS steps (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, "
        "count INTEGER NOT NULL, before TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS findings (check_name TEXT NOT NULL, picture INTEGER NOT NULL, level TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS findings_by_check ON findings (check_name, picture)",
        "CREATE INDEX IF NOT EXISTS findings_by_picture ON findings (picture)",
        "INSERT OR IGNORE INTO notes VALUES ('stamp', '0')",
        f"PRAGMA user_version = {VERSION}",
    ]


def from_version_1() -> list[str]:
    """The statements that bring a catalogue of version 1 up to date: its pictures' digests were another function's, so
    all are looked at once more."""
    return [
        "ALTER TABLE pictures RENAME COLUMN m_pixels_sha256 TO m_pixels_digest",
        "UPDATE pictures SET is_measured = 0",
    ]


def complaint(error: sqlite3.Error, root: Path) -> Exception:
    """What SQLite's complaint means to the reader."""
    words = str(error)
    if "full" in words:
        return storage_error(OSError(28, words), root)
    if "readonly" in words or "unable to open" in words:
        return storage_error(OSError(13, words), root)
    return CatalogueBroken(None, path=str(root), reason=words)
