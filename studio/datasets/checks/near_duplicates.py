"""Whether many pictures are nearly the same: bursts, smaller copies, mirrored or slightly cut ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import (
    Check,
    Count,
    Finding,
    Fix,
    Inspection,
    about,
    counted,
    percent,
    share,
)
from studio.datasets.duplicates import DUPLICATE_BITS, GROUP_BITS, clusters_of
from studio.datasets.entry import Entry
from studio.datasets.likeness import best_of
from studio.words import Said, Text

MOST_SHARE = 0.2
REPEATED = Text(
    "{count:picture is|pictures are} near-duplicates of each other in {groups:group|groups} ({which}); {extra} of them "
    "({part} %) add little.",
    "{count} 张图片近似重复，共 {groups} 组（{which}）；其中 {extra} 张（{part}%）几乎没有新内容。",
)
ALIKE = Text(
    "{count:more picture looks|more pictures look} alike ({which}); the split keeps each group on one side.",
    "另有 {count} 张图片相似（{which}）；划分时每组会放在同一边。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Groups of near-duplicates; an error when more than a fifth of the set adds little."""
    groups = list(inspection.duplicates)
    inside = tuple(id for group in groups for id in group)
    if groups:
        extra = len(inside) - len(groups)
        part = share(extra, len(inspection.usable))
        told = {
            "groups": Count(len(groups)), "extra": extra, "part": percent(part),
            **counted([inspection.by_id[id] for id in inside]),
        }  # fmt: skip
        yield Finding("error" if part > MOST_SHARE else "warning", Said(REPEATED, told), inside)
    known = set(inside)
    alike = [id for group in inspection.groups for id in group if id not in known]
    yield from about("note", ALIKE, (inspection.by_id[id] for id in alike))


def keep_sharpest(
    catalogue: Catalogue, ids: Sequence[int], of_group: Callable[[Sequence[Entry]], Iterable[list[Entry]]]
) -> int:
    """Of each group of near-duplicates, parted further by `of_group`, keep the sharpest picture, the larger one first."""
    usable = [entry for entry in map(catalogue.get, ids) if entry.measures and not entry.is_deleted]
    there = {sha256 for (sha256,) in catalogue.columns(["sha256"])}
    own = {entry.id: entry for entry in usable if entry.provenance.parent not in there}
    extra: list[int] = []
    for cluster in clusters_of(list(own.values()), DUPLICATE_BITS):
        for group in of_group([own[id] for id in cluster]):
            kept = best_of(group)
            extra += [entry.id for entry in group if entry.id != kept.id]
    return catalogue.delete(extra)


CHECK = Check(
    8,
    Text("Near-duplicates", "近似重复"),
    Text(
        "Bursts and re-saved copies count as repeats of one picture: the model leans towards it.",
        "连拍和另存的副本等于重复同一张图，模型会偏向它。",
    ),
    look,
    Fix(
        Text("Keep the sharpest of each group", "每组只留最清晰的一张"),
        lambda catalogue, ids: keep_sharpest(catalogue, ids, lambda cluster: [list(cluster)]),
    ),
    {"duplicate_bits": DUPLICATE_BITS, "group_bits": GROUP_BITS, "most_share": MOST_SHARE},
)
