"""Whether there are enough pictures for what is to be learnt, and as many as were wanted."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Count, Finding, Inspection
from studio.words import Said, Text

LEAST = 5
USUAL = {"style": 30, "character": 15, "object": 10, "product": 10, "place": 15, "other": 10}
"""Goal to the pictures that are usually wanted at least."""
MANY = 500
NONE_LEFT = Text("There is no picture to learn from.", "没有可供学习的图片。")
HARDLY_ANY = Text(
    "Only {count:picture|pictures} to learn from: expect copies of them. {usual} or more suit this goal.",
    "只有 {count} 张图片可学：模型多半会照搬它们。这个目标适合 {usual} 张以上。",
)
TOO_FEW = Text(
    "{count:picture|pictures} to learn from, {wanted} were wanted; {usual} or more suit this goal.",
    "可学的图片有 {count} 张，目标是 {wanted} 张；这类目标适合 {usual} 张以上。",
)
FEWER = Text(
    "{count:picture|pictures} to learn from; {wanted} were wanted.",
    "可学的图片有 {count} 张，目标是 {wanted} 张。",
)
BELOW_USUAL = Text(
    "As many pictures as wanted ({count}); {usual} or more would be usual for this goal.",
    "图片已达目标（{count} 张）；不过这类目标通常用 {usual} 张以上。",
)
CULL = Text(
    "{count} pictures: for a LoRA a choice of the best usually beats the whole.",
    "共 {count} 张图片：训练 LoRA 时精选往往胜过全部。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Pictures to learn from against the goal's usual number and the number that the need asks for."""
    need, count = inspection.need, len(inspection.learnt)
    usual = USUAL[need.goal]
    told: dict[str, object] = {"count": Count(count), "usual": usual, "wanted": need.train_count}
    if count < LEAST:
        yield Finding("error", Said(HARDLY_ANY if count else NONE_LEFT, told))
    elif count < min(usual, need.train_count):
        yield Finding("warning", Said(TOO_FEW, told))
    elif count < need.train_count:
        yield Finding("note", Said(FEWER, told))
    elif count < usual:
        yield Finding("note", Said(BELOW_USUAL, told))
    elif count > max(MANY, need.train_count):
        yield Finding("note", Said(CULL, told))


CHECK = Check(
    18,
    Text("Number of pictures", "图片数量"),
    Text(
        "Too few are learnt by heart; beyond a few hundred, choosing helps more than adding.",
        "太少会被死记硬背；超过几百张后，精选比增加更有用。",
    ),
    look,
    thresholds={"least": LEAST, "many": MANY, **{f"usual_{goal}": count for goal, count in USUAL.items()}},
)
