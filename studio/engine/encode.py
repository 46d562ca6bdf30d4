"""The encode stage: one text to conditioning, with word of how many tokens it took and what was cut off."""

from studio.engine.cache import Kept
from studio.engine.events import Event, Notice
from studio.families.family import Family, Parts
from studio.letters import whole
from studio.words import Said, Text

TOKENS = Text("{used} of {most} tokens", "{used}/{most} 个词元")
CUT = Text(
    "The text encoder reads {most} tokens; this text has {used}. Not read: “{cut}”",
    "文本编码器最多读取 {most} 个词元，这段文字有 {used} 个。未读取的部分：“{cut}”",
)
CUT_WINDOWS = Text(
    "The text encoder reads {most_windows} windows of tokens; this text takes {windows}. Not read: “{cut}”",
    "文本编码器最多读取 {most_windows} 段词元，这段文字需要 {windows} 段。未读取的部分：“{cut}”",
)
WINDOWS = Text("{used} tokens in {windows} windows", "{used} 个词元，分 {windows} 段")
_MOST_SHOWN = 200


def run(family: Family, parts: Parts, text: str, field: str) -> Kept:
    """Encode `text`, which the reader typed into `field`; half characters, at which tokenizers fail, as question marks."""
    text = whole(text)
    counted = family.tokens(parts, text)
    conditioning = family.encode(parts, text)
    size = sum(tensor.nbytes for tensor in conditioning.values())
    is_parted = counted.windows > 1
    facts: dict[str, object] = {
        "used": counted.used, "most": counted.most, "windows": counted.windows, "most_windows": counted.most_windows,
    }  # fmt: skip
    tells: tuple[Event, ...] = ()
    if counted.cut:
        cut = counted.cut if len(counted.cut) <= _MOST_SHOWN else counted.cut[:_MOST_SHOWN] + "…"
        tells = (Notice(Said(CUT_WINDOWS if is_parted else CUT, {**facts, "cut": cut}), field),)
    return Kept(conditioning, size, Said(WINDOWS if is_parted else TOKENS, facts), tells)
