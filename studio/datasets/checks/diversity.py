"""Whether the pictures differ from each other."""

import random
from collections.abc import Iterator, Sequence

from studio.datasets.checks.check import Check, Finding, Inspection, about, percent, seen, share
from studio.datasets.entry import Entry
from studio.words import Said, Text

MOST_IN_ONE_GROUP = 0.4
LEAST_MEAN_BITS = 20.0
LEAST_COMPARED = 10
PAIRS = 4000
ONE_GROUP = Text(
    "{count} of {all} pictures ({part} %) look alike ({which}): the model will learn that one view.",
    "{all} 张图片中有 {count} 张（{part}%）彼此相似（{which}）：模型会只学到这一种画面。",
)
ALIKE = Text(
    "The pictures differ little in layout (on average {bits:.0f} of 64 bits; unrelated ones 28 to 36). Other angles, "
    "distances and grounds would help.",
    "图片的构图差别很小（平均 64 位中相差 {bits:.0f} 位；互不相关的图片为 28 至 36 位）。请加入不同角度、距离和背景。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """The largest group of look-alikes, and the mean distance of pairs drawn by chance."""
    usable = inspection.own
    if len(usable) < LEAST_COMPARED:
        return
    largest = max(inspection.groups, key=len, default=())
    part = share(len(largest), len(usable))
    if part > MOST_IN_ONE_GROUP:
        found = (inspection.by_id[id] for id in largest)
        yield from about("warning", ONE_GROUP, found, all=len(usable), part=percent(part))
    bits = _mean_bits(usable)
    if bits < LEAST_MEAN_BITS:
        yield Finding("note", Said(ALIKE, {"bits": bits}))


def _mean_bits(entries: Sequence[Entry]) -> float:
    """Bits between the hashes of pairs drawn by chance, always the same pairs."""
    dice = random.Random(len(entries))
    hashes = [seen(entry).phash for entry in entries]
    pairs = (dice.sample(hashes, 2) for _ in range(PAIRS))
    return sum((a ^ b).bit_count() for a, b in pairs) / PAIRS


CHECK = Check(
    26,
    Text("Variety", "多样性"),
    Text(
        "What all pictures share is learnt as part of the subject: one pose, one ground, one light.",
        "所有图片共有的东西都会被当作主体的一部分：同一姿势、背景或光线。",
    ),
    look,
    thresholds={
        "most_in_one_group": MOST_IN_ONE_GROUP, "least_mean_bits": LEAST_MEAN_BITS, "least_compared": LEAST_COMPARED,
    },
)  # fmt: skip
