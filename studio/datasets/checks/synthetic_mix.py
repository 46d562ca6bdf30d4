"""Whether photographs and generated pictures are mixed."""

from collections.abc import Iterator

from studio.datasets.checks.check import PAINTED_SOURCE, Check, Finding, Inspection, about, seen
from studio.datasets.entry import Entry
from studio.datasets.header import GENERATED
from studio.words import Text

MIXED = Text(
    "{count:picture was|pictures were} generated ({which}), and {photos} were photographed; what generators do wrong is "
    "learnt along.",
    "{count} 张是生成的图片（{which}），另有 {photos} 张是照片；生成模型的毛病会一并学进去。",
)
ALL_GENERATED = Text(
    "{count:picture was|pictures were} generated ({which}); a model that learns from a model repeats its habits.",
    "{count} 张是生成的图片（{which}）；用模型的作品训练模型，会重复它的习惯。",
)
NOT_PHOTOS = Text(
    "{count:picture was|pictures were} generated or drawn by a program ({which}); photos were wanted.",
    "{count} 张是程序生成或绘制的（{which}）；目标是照片。",
)
NOT_DRAWINGS = Text(
    "{count:picture comes|pictures come} from a camera ({which}); drawings were wanted.",
    "{count} 张来自相机（{which}）；目标是绘画。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Camera tags against what files, sources and recipes say of a generator."""
    photos = [entry for entry in inspection.usable if seen(entry).camera and not _is_generated(entry)]
    generated = [entry for entry in inspection.usable if _is_generated(entry)]
    if inspection.need.kind == "photo":
        painted = (e for e in inspection.usable if _is_generated(e) or _is_painted(e))
        yield from about("warning", NOT_PHOTOS, painted)
    elif photos and generated:
        yield from about("note", MIXED, generated, photos=len(photos))
    else:
        yield from about("note", ALL_GENERATED, generated)
    if inspection.need.kind == "drawing":
        yield from about("warning", NOT_DRAWINGS, photos)


def _is_generated(entry: Entry) -> bool:
    """Whether a model drew it; scenes that a program paints by rule are no model's work."""
    return seen(entry).maker.startswith(GENERATED) or entry.provenance.ai_generated


def _is_painted(entry: Entry) -> bool:
    return entry.provenance.source == PAINTED_SOURCE


CHECK = Check(
    28,
    Text("Photos and generated pictures", "照片与生成图"),
    Text(
        "Generated pictures among photos bring their own errors, hands above all; know how many there are.",
        "照片里混入生成图，会带进它们的错误，尤其是手；至少要知道有多少。",
    ),
    look,
)
