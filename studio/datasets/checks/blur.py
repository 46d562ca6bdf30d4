"""Whether pictures are sharp."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, seen
from studio.words import Text

SOFT, BLURRED = 30.0, 10.0
SOMEWHAT = Text(
    "{count:picture is|pictures are} soft ({which}); keep them if that is meant (haze, shallow focus).",
    "{count} 张图片偏软（{which}）；如果是有意为之（雾气、浅景深）可以保留。",
)
VERY = Text("{count:picture is|pictures are} blurred ({which}).", "{count} 张图片模糊（{which}）。")


def look(inspection: Inspection) -> Iterator[Finding]:
    """The variance of the Laplacian of the grey picture at 512 pixels (Pech-Pacheco et al., 2000); drawings have few
    edges by nature and may be soft."""
    yield from about("warning", VERY, (e for e in inspection.usable if seen(e).sharpness < BLURRED))
    soft = (e for e in inspection.usable if BLURRED <= seen(e).sharpness < SOFT)
    yield from about("warning", SOMEWHAT, (entry for entry in soft if not inspection.is_drawn(entry)))


def _take_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    entries = map(catalogue.get, ids)
    return catalogue.delete([e.id for e in entries if e.measures and e.measures.sharpness < BLURRED])


CHECK = Check(
    12,
    Text("Sharpness", "清晰度"),
    Text("A model learns blur as readily as anything else.", "模型学习模糊和学习其他东西一样快。"),
    look,
    Fix(Text("Take out the blurred ones", "移除模糊的"), _take_out),
    {"soft": SOFT, "blurred": BLURRED},
)
