"""Whether pictures are too dark or too bright."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, seen
from studio.datasets.entry import Entry
from studio.words import Text

MOST_CLIPPED = 0.25
DARKEST_MEAN, BRIGHTEST_MEAN = 25.0, 235.0
WHITE_GROUND_GOALS = ("product", "object")
DARK = Text(
    "{count:picture is|pictures are} very dark, or a quarter of the area is black ({which}).",
    "{count} 张图片很暗，或有四分之一以上是纯黑（{which}）。",
)
BRIGHT = Text(
    "{count:picture is|pictures are} very bright, or a quarter of the area is white ({which}).",
    "{count} 张图片很亮，或有四分之一以上是纯白（{which}）。",
)
WHITE_GROUND = Text(
    "{count:picture stands|pictures stand} on white ({which}); say 'on a white background' in the caption, or it becomes "
    "part of what is learnt.",
    "{count} 张图片是白底（{which}）；请在说明中写明“白色背景”，否则白底会被一并学进去。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Pixels at the ends of the scale, and the mean grey. White paper and product shots are only noted."""
    yield from about("warning", DARK, filter(_is_dark, inspection.usable))
    bright = list(filter(_is_bright, inspection.usable))
    need = inspection.need
    if need.goal in WHITE_GROUND_GOALS or need.kind == "drawing":
        yield from about("note", WHITE_GROUND, bright)
    else:
        yield from about("warning", BRIGHT, bright)


def _is_dark(entry: Entry) -> bool:
    return seen(entry).dark_share > MOST_CLIPPED or seen(entry).brightness < DARKEST_MEAN


def _is_bright(entry: Entry) -> bool:
    return seen(entry).light_share > MOST_CLIPPED or seen(entry).brightness > BRIGHTEST_MEAN


CHECK = Check(
    13,
    Text("Exposure", "曝光"),
    Text(
        "Black and burnt-out areas hold nothing to learn, but they pull every later picture their way.",
        "死黑和过曝的区域没有可学的内容，却会把以后生成的图都带偏。",
    ),
    look,
    thresholds={
        "most_clipped": MOST_CLIPPED, "darkest_mean": DARKEST_MEAN, "brightest_mean": BRIGHTEST_MEAN,
    },
)  # fmt: skip
