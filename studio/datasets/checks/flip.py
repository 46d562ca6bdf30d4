"""Whether mirroring would make captions untrue."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, about
from studio.datasets.vary import may_flip
from studio.words import Text

SIDED = Text(
    "{count:caption speaks|captions speak} of left, right or letters ({which}), untrue once mirrored. Switch random flip "
    "off.",
    "{count} 条说明提到左右或文字（{which}）；翻转后就不对了。请关闭随机翻转。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Captions that are untrue of the mirror image, where training flips."""
    if inspection.asked.random_flip:
        yield from about("warning", SIDED, (e for e in inspection.train if not may_flip(e)))


CHECK = Check(
    31,
    Text("Mirroring", "随机翻转"),
    Text(
        "Flipping doubles a small set, but teaches that left is right and that letters run backwards.",
        "翻转能让小数据集翻倍，却会教模型左右不分、文字反写。",
    ),
    look,
)
