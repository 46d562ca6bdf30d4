"""What tables say of a picture beside its name and caption: where it came from, who made it, under which licence.

`sha256` is that of the file as it was written, so that anybody can check it and the parents of varied copies are found
again after an import; `original_sha256` is that of the file as it came in.

Readers guess what a CSV column is from its cells, and Hugging Face's `datasets` refuses a set whose sides they guess
differently: an empty author in one table and a name in the other is enough. So cells of a CSV are never empty and never
numbers (`as_words`), which `facts_of` takes back; captions alone stand as they are."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from studio.datasets.entry import NO_LICENCE, Provenance, Split
from studio.datasets.formats.format import Ready
from studio.datasets.formats.paths import SPLITS
from studio.datasets.formats.tables import TEXTS as TEXTS
from studio.datasets.formats.texts import cleaned, first_of

FILE, TEXT = "file_name", "text"
PLAIN = (
    "source",
    "source_id",
    "source_url",
    "author",
    "license_url",
    "attribution",
    "retrieved_at",
    "series",
    "recipe",
)
"""Fields of Provenance that stand in a column of their own name, as they are."""
COLUMNS = (
    "caption_source", "source", "source_id", "source_url", "author", "license", "license_url", "attribution",
    "retrieved_at", "sha256", "original_sha256", "parent_sha256", "ai_generated", "series", "recipe", "tags", "repeats",
)  # fmt: skip
"""The columns after name and caption, in order."""
MOST_REPEATS = 10_000


_NOTHING = "unknown"
_VALUES = frozenset(("na", "n/a", "nan", "qnan", "ind", "null", "none", "true", "false", "inf", "infinity"))
"""What readers take for a value instead of a word, with whatever signs around it."""


def as_words(row: Mapping[str, str]) -> dict[str, str]:
    """A row whose cells every reader of CSV takes for words; `repeats` is a number in all tables, `ai_generated` true or
    false."""
    return {
        name: cell if name in ("repeats", "ai_generated") or _is_word(cell) else _spelt_out(name, cell)
        for name, cell in row.items()
    }


def _spelt_out(name: str, cell: str) -> str:
    return f"{name}:{cell}" if cell.strip() else _NOTHING


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(cell.strip()) and re.sub("[^a-z/]", "", cell.lower()) not in _VALUES
    return False


class Rows:
    """Makes the rows of one export; it remembers under which hash each picture went out, for the copies made of it."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}

    def of(self, ready: Ready, sha256: str = "") -> dict[str, str]:
        """What is known of a picture, by column; `sha256` of the written file where somebody knows it."""
        entry, provenance = ready.entry, ready.entry.provenance
        written = sha256 or hashlib.sha256(ready.content).hexdigest()
        self._written[entry.sha256] = written
        return {
            "caption_source": entry.caption_source,
            **{name: getattr(provenance, name) for name in PLAIN},
            "license": provenance.license,
            "sha256": written,
            "original_sha256": entry.sha256,
            "parent_sha256": self._written.get(provenance.parent, provenance.parent),
            "ai_generated": "true" if provenance.ai_generated else "false",
            "tags": json.dumps(list(entry.tags), ensure_ascii=False) if entry.tags else "",
            "repeats": str(entry.repeats),
        }


def provenance_of(row: Mapping[str, Any]) -> Provenance:
    """What a row says of where its picture came from; columns that it lacks are unknown."""
    plain = {name: _one_line(row, name) for name in PLAIN if name != "recipe"}
    address = _one_line(row, "url")  # what img2dataset calls it
    if not plain["source_url"] and address.startswith(("https://", "http://")):
        plain["source_url"] = address
    return Provenance(
        **plain,
        license=_one_line(row, "license") or NO_LICENCE,
        ai_generated=_one_line(row, "ai_generated").lower() in ("true", "1", "1.0", "yes"),
        parent=_one_line(row, "parent_sha256"),
        recipe=_cell(row, "recipe"),
    )


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """All that a row says of its picture but the caption, as fields of Found."""
    return {
        "caption_source": _one_line(row, "caption_source"),
        "tags": _tags(row.get("tags")),
        "repeats": _repeats(row.get("repeats")),
        "provenance": provenance_of(row),
    }


def split_in(row: Mapping[str, Any]) -> Split:
    """The side of the split that a row's own column tells."""
    return SPLITS.get(_one_line(row, "split").lower(), "")


def _one_line(row: Mapping[str, Any], name: str) -> str:
    return " ".join(_cell(row, name).split())


def _cell(row: Mapping[str, Any], name: str) -> str:
    """A cell without what `as_words` put there."""
    cell = first_of(row, (name,))
    return "" if cell == _NOTHING else cell.removeprefix(f"{name}:")


def _tags(value: Any) -> tuple[str, ...]:
    if value == _NOTHING:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
        except (ValueError, RecursionError):
            value = value.split(",")
    if not isinstance(value, list | tuple):
        return ()
    tags = (" ".join(cleaned(str(tag)).split()) for tag in value)
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _repeats(value: Any) -> int:
    try:
        return min(MOST_REPEATS, max(1, int(float(value))))
    except (TypeError, ValueError, OverflowError):
        return 1
