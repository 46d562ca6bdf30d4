"""Whether the formats are ones that trainers read."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, seen
from studio.datasets.checks.decodes import FORMAT_FAULT, take_out
from studio.datasets.measure import FAULTS
from studio.words import Text

READ_BY_TRAINERS = ("PNG", "JPEG", "MPO", "WEBP", "BMP")
FEW_COLOURS = ("GIF",)
REFUSED = Text(
    "{count:file|files} can't be used ({which}): {reason}", "{count} 张无法使用（{which}）：{reason}"
)
MOVING = Text(
    "{count:file is|files are} animated or with several pages ({which}); only the first picture of each is learnt from.",
    "{count} 张是动图或含多页（{which}）；每个只会学习第一帧。",
)
POOR = Text(
    "{count:picture is a GIF file|pictures are GIF files} ({which}): 256 colours at most, which is learnt as banding and specks.",
    "{count} 张是 GIF 文件（{which}）：最多 256 色，模型会学到色带和噪点。",
)
CONVERTED = Text(
    "{count:picture is|pictures are} in a format that most trainers pass over: {kinds} ({which}). Export converts.",
    "{count} 张的格式是多数训练程序会忽略的：{kinds}（{which}）。导出时会转换。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Formats that nobody should open, and formats that trainers pass over."""
    refused = [e for e in inspection.entries if e.measures and e.measures.fault == FORMAT_FAULT]
    yield from about("error", REFUSED, refused, reason=FAULTS[FORMAT_FAULT])
    usable = inspection.usable
    yield from about("warning", MOVING, (e for e in usable if seen(e).frames > 1 and seen(e).format != "MPO"))
    still = [e for e in usable if seen(e).frames == 1]
    yield from about("warning", POOR, (e for e in still if seen(e).format in FEW_COLOURS))
    others = [e for e in still if seen(e).format not in (*READ_BY_TRAINERS, *FEW_COLOURS)]
    kinds = ", ".join(sorted({seen(entry).format for entry in others}))
    yield from about("note", CONVERTED, others, kinds=kinds)


CHECK = Check(
    2,
    Text("Formats", "文件格式"),
    Text(
        "Trainers silently pass over what is not JPEG, PNG, WebP or BMP, and take one frame of what moves.",
        "训练程序会不声不响地忽略 JPEG、PNG、WebP、BMP 以外的文件，动图也只取一帧。",
    ),
    look,
    Fix(Text("Take out files that can't be used", "移除无法使用的文件"), take_out),
)
