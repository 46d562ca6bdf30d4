"""Whether the steps that training will take suit the number of pictures."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection
from studio.words import Said, Text

LEAST_PASSES, MOST_PASSES = 10, 100
USUAL_STEPS = (1000, 3000)
UNSEEN = Text(
    "{steps} steps end before every one of {count} pictures was seen once; a pass takes {a_pass}.",
    "{steps} 步不够把 {count} 张图片看一遍；一遍需要 {a_pass} 步。",
)
FEW = Text(
    "{steps} steps show each picture {passes:.1f} times; {least}-{most} times is usual, here {low}-{high} steps.",
    "{steps} 步只让每张图片出现 {passes:.1f} 次；常用 {least}-{most} 次，即 {low}-{high} 步。",
)
MANY = Text(
    "{steps} steps show each picture {passes:.0f} times: beyond {most} a model mostly memorises. {high} would be enough "
    "({usual_low}-{usual_high} is usual).",
    "{steps} 步会让每张图片出现 {passes:.0f} 次：超过 {most} 次多半是死记硬背。{high} 步就够了（常用 {usual_low}-{usual_high}）。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """How often each picture would be seen; nothing when no steps are asked for."""
    steps, count = inspection.asked.steps, len(inspection.train)
    if not steps or not count:
        return
    a_pass = inspection.plan.batches_a_pass
    passes = steps / a_pass
    told: dict[str, object] = {
        "steps": steps, "count": count, "a_pass": a_pass, "passes": passes, "least": LEAST_PASSES,
        "most": MOST_PASSES, "low": LEAST_PASSES * a_pass, "high": MOST_PASSES * a_pass,
        "usual_low": USUAL_STEPS[0], "usual_high": USUAL_STEPS[1],
    }  # fmt: skip
    if passes < 1:
        yield Finding("warning", Said(UNSEEN, told))
    elif passes < LEAST_PASSES and steps < USUAL_STEPS[0]:
        yield Finding("note", Said(FEW, told))
    elif passes > MOST_PASSES:
        yield Finding("note", Said(MANY, told))


CHECK = Check(
    20,
    Text("Steps for these pictures", "步数与图片数"),
    Text(
        "Too few steps and nothing is learnt; past about a hundred views of each picture it is learnt by heart.",
        "步数太少学不会；每张图片看过约一百遍之后就是死记硬背。",
    ),
    look,
    thresholds={
        "least_passes": LEAST_PASSES, "most_passes": MOST_PASSES,
        "usual_steps_low": USUAL_STEPS[0], "usual_steps_high": USUAL_STEPS[1],
    },
)  # fmt: skip
