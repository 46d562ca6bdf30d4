"""Whether pictures show anything at all."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, seen
from studio.words import Text

FLAT_BITS, BLANK_BITS = 3.0, 0.05
BLANK = Text(
    "{count:picture is|pictures are} one single shade ({which}).", "{count} 张图片只有一种颜色（{which}）。"
)
FLAT = Text(
    "{count:picture has|pictures have} very few shades ({which}); fine for flat drawings, odd for photos.",
    "{count} 张图片的色阶很少（{which}）；扁平插画没问题，照片则不正常。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """The entropy of the grey histogram. Drawings are expected to be flat."""
    yield from about("error", BLANK, (e for e in inspection.usable if seen(e).entropy <= BLANK_BITS))
    flat = [e for e in inspection.usable if BLANK_BITS < seen(e).entropy < FLAT_BITS]
    yield from about("warning", FLAT, (entry for entry in flat if not inspection.is_drawn(entry)))
    yield from about("note", FLAT, filter(inspection.is_drawn, flat))


def _take_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    entries = map(catalogue.get, ids)
    return catalogue.delete([e.id for e in entries if e.measures and e.measures.entropy <= BLANK_BITS])


CHECK = Check(
    14,
    Text("Something to see", "有内容可看"),
    Text(
        "Blank frames and failed downloads decode without complaint and teach the model to paint nothing.",
        "空白帧和下载失败的图片可以正常打开，却会教模型什么都不画。",
    ),
    look,
    Fix(Text("Take out the blank ones", "移除空白的"), _take_out),
    {"flat_bits": FLAT_BITS, "blank_bits": BLANK_BITS},
)
