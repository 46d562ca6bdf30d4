"""Whether near-duplicates also have the same caption."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.checks.near_duplicates import keep_sharpest
from studio.datasets.duplicates import DUPLICATE_BITS
from studio.datasets.entry import Entry
from studio.words import Text

REPEATED = Text(
    "{count:near-duplicate has|near-duplicates have} the same caption too ({which}): exactly what models learn by heart.",
    "{count} 张近似重复的图片说明也相同（{which}）：这正是模型最容易死记硬背的。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Near-duplicates with equal captions."""
    groups = ([inspection.by_id[id] for id in group] for group in inspection.duplicates)
    found = [entry for group in groups for same in _same_caption(group) for entry in same]
    yield from about("warning", REPEATED, found)


def _same_caption(entries: Sequence[Entry]) -> list[list[Entry]]:
    by_caption: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_caption[" ".join(entry.caption.casefold().split())].append(entry)
    return [same for caption, same in by_caption.items() if caption and len(same) > 1]


CHECK = Check(
    9,
    Text("Same picture, same words", "图同词也同"),
    Text(
        "Repeating a picture together with its caption is the strongest cause of memorising (Somepalli et al., "
        "arXiv:2305.20086); varied captions weaken it.",
        "图片连同说明一起重复，是死记硬背的最主要原因（Somepalli 等，arXiv:2305.20086）；变换说明可以减轻。",
    ),
    look,
    Fix(
        Text("Keep the sharpest of each", "每组只留最清晰的一张"),
        lambda catalogue, ids: keep_sharpest(catalogue, ids, _same_caption),
    ),
    {"duplicate_bits": DUPLICATE_BITS},
)
