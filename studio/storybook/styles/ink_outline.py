"""`ink-outline`: a pen drawing tinted with thin watercolour on white paper."""

from studio.storybook.palette import mix
from studio.storybook.plan import Plan
from studio.storybook.shapes import RGB, Mark
from studio.storybook.styles.canvas import Image, gradient, lay, outline, reduced
from studio.storybook.styles.contour import runs
from studio.storybook.styles.texture import wobbled

_PAPER: RGB = (255, 252, 244)
_INK: RGB = (38, 34, 44)
_LINED = frozenset({"sun", "moon", "cloud-shade", "hill", "ground"})


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    pale = tuple(mix(stop, _PAPER, 0.62) for stop in plan.sky)
    image = gradient(plan.scene.size, pale, plan.scene.horizon)
    for role, run in runs(plan.backdrop):
        if role in _LINED:
            for mark in run:
                outline(image, mark, mix(_INK, mark.colour, 0.25), 0.7)
        for mark in run:
            lay(image, mark, mix(mark.colour, _PAPER, 0.58))
    for placed in plan.things:
        for mark in placed.marks:
            outline(image, mark, _PAPER, 2.6)
        for mark in placed.marks:
            outline(image, mark, _INK, 1.4)
        for role, run in runs(placed.marks):
            _draw(image, role not in ("shade", "light", "deep", "blush"), run)
    return reduced(wobbled(image, plan.scene.seed, 0.5, 12))


def _draw(image: Image, is_bound: bool, run: list[Mark]) -> None:
    if is_bound:
        for mark in run:
            if not mark.width:
                outline(image, mark, _INK, 0.7)
    for mark in run:
        lay(image, mark, mix(mark.colour, _PAPER, 0.22))
