"""Whether pictures are in colour or not, as wanted and as their captions say."""

import re
from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about, seen, share
from studio.words import Text

GREY_BELOW = 0.05
COLOURED_FROM = 0.15
LEAST_MIXED = 0.05
_COLOURS = re.compile(
    r"\b(red|orange|yellow|green|blue|purple|violet|pink|brown|golden|turquoise|crimson)\b"
    "|[红橙黄绿蓝紫粉棕]色|金黄",
    re.IGNORECASE,
)
_COLOURLESS = re.compile(
    r"black[- ]and[- ]white|\bmonochrome\b|\bgr[ae]yscale\b|黑白(照|画|摄|片|插|图|风)|单色|灰度", re.I
)
GREY_SAYS_COLOUR = Text(
    "{count:picture is|pictures are} grey, but captioned with a colour ({which}).",
    "{count} 张图片是灰度的，说明里却提到颜色（{which}）。",
)
COLOUR_SAYS_GREY = Text(
    "{count:picture is|pictures are} in colour, but captioned as black-and-white ({which}).",
    "{count} 张图片是彩色的，说明里却写着黑白（{which}）。",
)
NOT_WANTED_GREY = Text(
    "{count:picture is|pictures are} black-and-white ({which}); colour was wanted.",
    "{count} 张图片是黑白的（{which}）；目标是彩色。",
)
NOT_WANTED_COLOUR = Text(
    "{count:picture is|pictures are} in colour ({which}); black-and-white was wanted.",
    "{count} 张图片是彩色的（{which}）；目标是黑白。",
)
MIXED = Text(
    "{count} of {all} pictures are black-and-white ({which}); say so in their captions.",
    "{all} 张图片中有 {count} 张是黑白的（{which}）；请在说明中写明。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Mean saturation against captions and the tone that is wanted."""
    usable, tone = inspection.usable, inspection.need.tone
    grey = [entry for entry in usable if seen(entry).saturation < GREY_BELOW]
    coloured = [entry for entry in usable if seen(entry).saturation >= COLOURED_FROM]
    yield from about("note", GREY_SAYS_COLOUR, (e for e in grey if _COLOURS.search(e.caption)))
    yield from about("note", COLOUR_SAYS_GREY, (e for e in coloured if _COLOURLESS.search(e.caption)))
    if tone == "colour":
        yield from about("warning", NOT_WANTED_GREY, grey)
    elif tone == "black-and-white":
        yield from about("warning", NOT_WANTED_COLOUR, coloured)
    elif LEAST_MIXED <= share(len(grey), len(usable)) <= 1 - LEAST_MIXED:
        unsaid = (entry for entry in grey if not _COLOURLESS.search(entry.caption))
        yield from about("note", MIXED, unsaid, all=len(usable))


CHECK = Check(
    25,
    Text("Colour and black-and-white", "彩色与黑白"),
    Text(
        "A few grey pictures without a word about it wash out the colours of all.",
        "几张没有注明的黑白图片，会让整体颜色变淡。",
    ),
    look,
    thresholds={"grey_below": GREY_BELOW, "coloured_from": COLOURED_FROM, "least_mixed": LEAST_MIXED},
)
