"""What of the files is changed on export, so that every trainer sees what you see."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, seen
from studio.words import Text

TURNED = Text(
    "{count:picture is|pictures are} turned by their EXIF ({which}); export turns their pixels.",
    "{count} 张图片靠 EXIF 标记旋转（{which}）；导出时会旋转像素。",
)
SEE_THROUGH = Text(
    "{count:picture has|pictures have} transparent parts ({which}); export lays them on white.",
    "{count} 张图片含透明部分（{which}）；导出时会铺在白底上。",
)
FOR_PRINT = Text(
    "{count:picture is|pictures are} in print colours (CMYK) ({which}); export makes them RGB.",
    "{count} 张图片是印刷用的 CMYK（{which}）；导出时会转为 RGB。",
)
DEEP = Text(
    "{count:picture has|pictures have} more than 8 bits a colour ({which}); export keeps 8.",
    "{count} 张图片每通道超过 8 位（{which}）；导出时保留 8 位。",
)
PROFILED = Text(
    "{count:picture has|pictures have} a colour profile other than sRGB ({which}); export converts them.",
    "{count} 张图片的色彩配置不是 sRGB（{which}）；导出时会转换。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Turns, transparency, print colours, deep colours, profiles."""
    usable = inspection.usable
    yield from about("note", TURNED, (e for e in usable if seen(e).orientation != 1))
    yield from about("note", SEE_THROUGH, (e for e in usable if seen(e).has_alpha))
    yield from about("note", FOR_PRINT, (e for e in usable if seen(e).mode == "CMYK"))
    yield from about("note", DEEP, (e for e in usable if seen(e).bit_depth > 8))
    yield from about("note", PROFILED, (e for e in usable if seen(e).has_profile))


CHECK = Check(
    17,
    Text("Put right on export", "导出时自动处理"),
    Text(
        "The same phone photo trains upright in one program and sideways in another; baked pixels end that.",
        "同一张手机照片，在有的程序里是正的，有的是横的；把像素固定下来就不会了。",
    ),
    look,
)
