"""`blueprint`: white lines on blue drawing paper with a ruled grid and dimension lines."""

import numpy as np

from studio.storybook.palette import luminance, mix
from studio.storybook.plan import PlacedThing, Plan
from studio.storybook.shapes import RGB, Mark
from studio.storybook.styles.canvas import SCALE, Image, canvas, lay, outline, reduced, stroke
from studio.storybook.styles.contour import bounds, runs

_PAPER: RGB = (26, 76, 148)
_RULE: RGB = (42, 92, 163)
_FAINT: RGB = (118, 162, 216)
_LINE: RGB = (240, 247, 255)
_SKIPPED = frozenset({"glow", "shadow", "cloud-shade", "peak"})
_GRID = 16


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    image = canvas(plan.scene.size, _PAPER)
    for at in range(_GRID * SCALE, max(image.shape[:2]), _GRID * SCALE):
        image[at : at + SCALE, :] = _RULE
        image[:, at : at + SCALE] = _RULE
    for role, run in runs(tuple(mark for mark in plan.backdrop if mark.role not in _SKIPPED)):
        _far(image, role in ("cloud", "sun", "moon", "hill"), run)
    for placed in plan.things:
        _near(image, placed)
        _dimensions(image, plan, placed)
    return reduced(image)


def _far(image: Image, is_form: bool, run: list[Mark]) -> None:
    """The backdrop in faint lines; forms hide what lies behind them."""
    for mark in run:
        if mark.width:
            lay(image, mark, mix(_PAPER, _FAINT, 0.75))
        else:
            outline(image, mark, _FAINT, 0.45)
    for mark in run:
        if not mark.width:
            lay(image, mark, mix(_PAPER, _FAINT, 0.10 if is_form else 0.0))


def _near(image: Image, placed: PlacedThing) -> None:
    for mark in placed.marks:
        outline(image, mark, _PAPER, 2.2)
    for mark in placed.marks:
        outline(image, mark, _LINE, 1.1)
    for role, run in runs(placed.marks):
        for mark in run:
            if bounds(role) and not mark.width:
                outline(image, mark, _LINE, 0.55)
        for mark in run:
            lay(image, mark, _LINE if mark.width and bounds(role) else _tint(mark.colour))


def _tint(paint: RGB) -> RGB:
    """Paper blue, a little lighter where the paint is light."""
    return mix(_PAPER, _LINE, 0.02 + 0.30 * luminance(paint))


def _dimensions(image: Image, plan: Plan, placed: PlacedThing) -> None:
    """The height of the thing, ruled beside it on the side with more room."""
    left, top, right, bottom = placed.thing.box(plan.scene.size)
    x = right + 7 if plan.scene.size[0] - right > left else left - 7
    for points in (((x, top), (x, bottom)), ((x - 3, top), (x + 3, top)), ((x - 3, bottom), (x + 3, bottom))):
        stroke(image, np.array(points, np.float32), _FAINT, 1.0)
