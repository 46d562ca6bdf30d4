"""Whether captions say enough, and different things."""

import re
from collections import Counter
from collections.abc import Iterator

from studio.datasets.checks.caption_mangled import is_mangled
from studio.datasets.checks.check import Check, Finding, Inspection, about, percent, share
from studio.datasets.wording import without_trigger
from studio.words import Text

LEAST_WORDS = 3
MOST_IDENTICAL = 0.9
LEAST_COMPARED = 5
LONG_ENOUGH = 80
"""Characters of a caption that certainly says something."""
_CHINESE = re.compile("[\u3400-\u9fff]")
_WORD = re.compile("[^\\W\u3400-\u9fff]+")
_BREAK = re.compile("[,，、]")
SHORT = Text(
    "{count:caption says|captions say} less than {words} words ({which}): '{caption}'. Name what should stay changeable: place, pose, "
    "colour.",
    "{count} 条说明不足 {words} 个词（{which}）：“{caption}”。请写出希望可变的内容：地点、姿势、颜色。",
)
IDENTICAL = Text(
    "{part} % of the captions are the same: '{caption}'. All that the pictures share then melts into those words.",
    "{part}% 的说明完全相同：“{caption}”。图片的一切共同点都会并入这几个词。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Very short captions that are no tags, and one caption for nearly all."""
    word = inspection.need.trigger_word
    captioned = [entry for entry in inspection.learnt if entry.caption.strip()]
    short = [e for e in captioned if _says_little(e.caption, word) and not is_mangled(e.caption)]
    told = short[0].caption.strip() if short else ""
    yield from about("warning", SHORT, short, words=LEAST_WORDS, caption=told)
    if len(captioned) < LEAST_COMPARED:
        return
    caption, count = Counter(" ".join(entry.caption.split()) for entry in captioned).most_common(1)[0]
    part = share(count, len(captioned))
    if part > MOST_IDENTICAL:
        same = (entry for entry in captioned if " ".join(entry.caption.split()) == caption)
        yield from about("warning", IDENTICAL, same, part=percent(part), caption=caption[:80])


def _says_little(caption: str, trigger: str) -> bool:
    """Less than three words besides the trigger word; Chinese counts two characters as one, tags count as they are."""
    if len(caption) > LONG_ENOUGH or len(caption.split()) > LEAST_WORDS + len(trigger.split()):
        return False
    told = without_trigger(caption, trigger) if trigger else caption
    if len([tag for tag in _BREAK.split(told) if tag.strip()]) >= LEAST_WORDS:
        return False
    return len(_WORD.findall(told)) + len(_CHINESE.findall(told)) / 2 < LEAST_WORDS


CHECK = Check(
    23,
    Text("Captions tell", "说明有内容"),
    Text(
        "What a caption names stays free; what it leaves out becomes part of what is learnt.",
        "说明里写到的内容以后可以改变；没写到的会变成所学内容的一部分。",
    ),
    look,
    thresholds={
        "least_words": LEAST_WORDS,
        "most_identical": MOST_IDENTICAL,
        "least_compared": LEAST_COMPARED,
    },
)
