"""Whether the very same picture is there twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, seen
from studio.datasets.entry import Entry
from studio.words import Text

REPEATED = Text(
    "{count:picture is|pictures are} there more than once, pixel for pixel; {extra} too many ({which}).",
    "{count} 张图片完全重复，多出 {extra} 张（{which}）。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Pictures with equal pixels, whatever their files."""
    groups = _groups(inspection.usable)
    if groups:
        found = [entry for group in groups for entry in group]
        yield from about("warning", REPEATED, found, extra=len(found) - len(groups))


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    by_pixels: defaultdict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        if pixels := seen(entry).pixels_digest:
            by_pixels[pixels, entry.turn, entry.crop].append(entry)
    return [group for group in by_pixels.values() if len(group) > 1]


def _keep_largest(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Of each group keep one: one with a caption rather than without, then the largest file, then the first."""
    extra: list[int] = []
    usable = [entry for entry in map(catalogue.get, ids) if entry.measures and not entry.is_deleted]
    for group in _groups(usable):
        kept = max(group, key=lambda entry: (bool(entry.caption.strip()), seen(entry).bytes, -entry.id))
        extra += [entry.id for entry in group if entry.id != kept.id]
    return catalogue.delete(extra)


CHECK = Check(
    7,
    Text("Exact duplicates", "完全重复"),
    Text(
        "A picture that is there n times is learnt n times as hard, and soon by heart.",
        "重复 n 次的图片会被学习 n 次，很快就会被死记硬背。",
    ),
    look,
    Fix(Text("Keep the largest of each", "每组只留最大的一张"), _keep_largest),
)
