"""Whether pictures have the detail that their size promises."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, seen
from studio.datasets.entry import Entry
from studio.words import Text

LITTLE_DETAIL, NO_DETAIL = 0.02, 0.003
SOFT_EDGES = 15.0
"""Sharpness below which a drawing has no hard edges."""
SOFT = Text(
    "{count:picture has|pictures have} less fine detail than the size promises ({which}); perhaps enlarged, perhaps "
    "softly drawn.",
    "{count} 张图片的细节少于其尺寸应有的（{which}）；可能被放大过，也可能画风柔和。",
)
SCALED = Text(
    "{count:picture has|pictures have} hardly any detail at this size ({which}): probably enlarged two to four times.",
    "{count} 张图片在其尺寸下几乎没有细节（{which}）：多半被放大了 2 到 4 倍。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """The share of the spectrum's energy in its upper half. None at all means nothing to see, or too few pixels to tell;
    drawings have little by nature, so of them only those are meant that have no hard edges either."""
    yield from about("warning", SCALED, (e for e in inspection.usable if _is_scaled(inspection, e)))
    soft = (e for e in inspection.usable if NO_DETAIL <= seen(e).detail < LITTLE_DETAIL)
    yield from about("note", SOFT, (entry for entry in soft if not inspection.is_drawn(entry)))


def _is_scaled(inspection: Inspection, entry: Entry) -> bool:
    measures = seen(entry)
    is_soft = not inspection.is_drawn(entry) or measures.sharpness < SOFT_EDGES
    return 0 < measures.detail < NO_DETAIL and is_soft


CHECK = Check(
    11,
    Text("True resolution", "真实分辨率"),
    Text(
        "An enlarged picture passes as large but teaches softness; its spectrum gives it away.",
        "放大的图片看似够大，教给模型的却是模糊；从频谱可以看出来。",
    ),
    look,
    thresholds={"little_detail": LITTLE_DETAIL, "no_detail": NO_DETAIL, "soft_edges": SOFT_EDGES},
)
