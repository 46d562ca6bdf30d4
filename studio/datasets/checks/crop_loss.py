"""How much of each picture training would cut off."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, percent
from studio.datasets.entry import Entry
from studio.words import Text

NOTED, MUCH = 0.15, 0.33
CUT = Text(
    "{count:picture loses|pictures lose} more than {part} % of their area to the crop ({which}): up to {worst} %.",
    "{count} 张图片裁剪后会失去超过 {part}% 的画面（{which}）；最多 {worst}%。",
)
HALVED = Text(
    "{count:picture loses|pictures lose} more than a third to the crop ({which}): up to {worst} %. Crop them yourself, or "
    "keep aspect buckets on.",
    "{count} 张图片裁剪后会失去三分之一以上的画面（{which}）；最多 {worst}%。请自行裁剪，或保持按比例分桶。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """The share of each picture that lies outside its bucket's shape."""
    lost = {entry.id: _lost(inspection, entry) for entry in inspection.train}
    worst = percent(max(lost.values(), default=0.0))
    yield from about("warning", HALVED, (e for e in inspection.train if lost[e.id] > MUCH), worst=worst)
    some = [entry for entry in inspection.train if NOTED < lost[entry.id] <= MUCH]
    worst = percent(max((lost[entry.id] for entry in some), default=0.0))
    yield from about("note", CUT, some, worst=worst, part=percent(NOTED))


def _lost(inspection: Inspection, entry: Entry) -> float:
    (width, height), (wide, high) = entry.size, inspection.trained_at[entry.id]
    scale = max(wide / width, high / height)
    return 1 - wide * high / (width * scale * height * scale)


CHECK = Check(
    15,
    Text("What the crop cuts off", "裁剪损失"),
    Text(
        "Heads and hands are lost at the edges while the caption still speaks of them.",
        "头和手会在边缘被裁掉，而说明里还在描述它们。",
    ),
    look,
    thresholds={"noted": NOTED, "much": MUCH},
)
