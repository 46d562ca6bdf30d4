"""Whether pictures are large enough for the size that they are trained at."""

from collections.abc import Iterator, Sequence

from studio.dataset_requests import CheckRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.entry import Entry
from studio.words import Text

MOST_ENLARGED, FAR_TOO_ENLARGED = 1.02, 2.0
SMALL = Text(
    "{count:picture is|pictures are} smaller than the training size ({which}), to be enlarged up to "
    "{times:.1f} times and teach blur.",
    "{count} 张图片小于训练尺寸（{which}）；最多要放大 {times:.1f} 倍，模型会学到模糊。",
)
TINY = Text(
    "{count:picture has|pictures have} less than half the training size ({which}). Take them out, or train at "
    "a lower resolution.",
    "{count} 张图片不足训练尺寸的一半（{which}）。请移除，或降低训练分辨率。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """How far the trainer would have to enlarge each picture to cover its bucket."""
    enlarged = {entry.id: _enlarged(inspection, entry) for entry in inspection.train}
    tiny = [entry for entry in inspection.train if enlarged[entry.id] > FAR_TOO_ENLARGED]
    small = [e for e in inspection.train if MOST_ENLARGED < enlarged[e.id] <= FAR_TOO_ENLARGED]
    yield from about("error", TINY, tiny)
    yield from about("warning", SMALL, small, times=max((enlarged[entry.id] for entry in small), default=1.0))


def _enlarged(inspection: Inspection, entry: Entry) -> float:
    size = inspection.trained_at[entry.id]
    return max(size[0] / entry.size[0], size[1] / entry.size[1])


def _take_out_tiny(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Those of less than half the resolution; what is only a little small stays."""
    least = catalogue.need.resolution / FAR_TOO_ENLARGED
    entries = [entry for entry in map(catalogue.get, ids) if entry.measures]
    squares = Inspection(entries, catalogue.need, CheckRequest(uses_buckets=False))
    return catalogue.delete([e.id for e in squares.usable if min(e.size) < least])


CHECK = Check(
    10,
    Text("Large enough", "尺寸足够"),
    Text(
        "Pictures below the training size are enlarged without a word, and the model learns their softness.",
        "小于训练尺寸的图片会被悄悄放大，模型会学到那种模糊。",
    ),
    look,
    Fix(Text("Take out those under half size", "移除不足一半尺寸的"), _take_out_tiny),
    {"most_enlarged": MOST_ENLARGED, "far_too_enlarged": FAR_TOO_ENLARGED},
)
