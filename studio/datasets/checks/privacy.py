"""What the files tell about people that nobody meant to publish."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, seen
from studio.words import Text

LOCATED = Text(
    "{count:file says|files say} where the picture was taken (GPS) ({which}); exports leave that out.",
    "{count} 个文件含有拍摄地点（GPS）（{which}）；导出时会去除。",
)
THUMBNAILS = Text(
    "{count:file holds|files hold} a thumbnail ({which}); it may show what was cropped away. Exports leave it out.",
    "{count} 个文件含有缩略图（{which}）；其中可能有已被裁掉的内容。导出时会去除。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Places and thumbnails in EXIF."""
    yield from about("note", LOCATED, (e for e in inspection.usable if seen(e).has_location))
    yield from about("note", THUMBNAILS, (e for e in inspection.usable if seen(e).has_thumbnail))


CHECK = Check(
    30,
    Text("Privacy", "隐私"),
    Text(
        "A shared folder of originals tells where somebody lives; exports carry pixels and captions only.",
        "分享原图可能泄露住址；导出的文件只含像素和说明。",
    ),
    look,
)
