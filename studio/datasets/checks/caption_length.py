"""Whether captions fit into what the model reads."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about
from studio.datasets.entry import Entry
from studio.shelf.limits import Limit
from studio.words import Text

MOST_SHOWN = 60
LONG = Text(
    "{count:caption is|captions are} longer than the {most} tokens that the model reads ({which}); it would not see "
    "'{tail}'.",
    "{count} 条说明超过模型能读的 {most} 个词元（{which}）；其中“{tail}”不会被看到。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Captions beyond the limit of the model that will learn; nothing while that model isn't on this disk."""
    limit = inspection.limit
    if limit is None:
        return
    long = [entry for entry in inspection.usable if _is_long(entry, limit)]
    tail = limit.tail(long[0].caption).strip() if long else ""
    shown = tail if len(tail) <= MOST_SHOWN else f"{tail[:MOST_SHOWN]}…"
    yield from about("warning", LONG, long, most=limit.most, tail=shown)


def _is_long(entry: Entry, limit: Limit) -> bool:
    caption = entry.caption
    if caption.isascii() and len(caption) < limit.most:  # a token holds one character at least
        return False
    return limit.count(caption) > limit.most


CHECK = Check(
    22,
    Text("Caption length", "说明长度"),
    Text(
        "The end of a long caption is cut off without a word, and what it names is learnt under other names.",
        "过长的说明会被悄悄截断，其中提到的内容就会被错记到别的词上。",
    ),
    look,
)
