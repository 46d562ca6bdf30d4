"""`flat`: the house look, a modern picture book of flat paint with soft shades and paper-light rims."""

import cv2
import numpy as np

from studio.storybook.plan import PlacedThing, Plan, is_flying
from studio.storybook.shapes import RGB, Mark, oval_points
from studio.storybook.styles.canvas import (
    SCALE,
    Image,
    blend,
    coverage,
    gradient,
    lay,
    outline,
    reduced,
    window_of,
)  # fmt: skip

_RIM: dict[str, float] = {"day": 0.55, "sunset": 0.55, "night": 0.42, "rain": 0.55}


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    return reduced(render_large(plan))


def render_large(plan: Plan, contour: float = 0.45, rim: float = 1.0) -> Image:
    """The same on the large canvas, for the styles that start from it: `contour` is the width of the dark line in
    picture pixels, `rim` the strength of the pale glow."""
    image = gradient(plan.scene.size, plan.sky, plan.scene.horizon)
    for mark in plan.backdrop:
        lay(image, mark)
    for placed in plan.things:
        _ground(image, plan, placed)
        if rim:
            _rim(image, plan, placed, rim)
        for mark in placed.marks:
            outline(image, mark, placed.deep, contour)
        for mark in placed.marks:
            lay(image, mark)
    return image


def _ground(image: Image, plan: Plan, placed: PlacedThing) -> None:
    """A soft shadow at the foot of what stands; on the sea a ring of foam."""
    if is_flying(placed.thing):
        return
    left, top, right, bottom = placed.thing.box(plan.scene.size)
    x, half, flat = (left + right) / 2, (right - left) * 0.5, (bottom - top) * 0.055 + 1
    if plan.scene.ground == "sea":
        ring = oval_points(x, bottom - flat * 0.4, half * 1.1, flat * 1.25)
        lay(image, Mark("shadow", ring, (214, 238, 248), alpha=0.5, blur=0.8))
        return
    shadow: RGB = (40, 44, 84) if plan.scene.ground == "snow" else (28, 26, 44)
    pool = oval_points(x + half * 0.06, bottom - flat * 0.3, half * 1.0, flat)
    lay(image, Mark("shadow", pool, shadow, alpha=0.30, blur=1.6))


def _rim(image: Image, plan: Plan, placed: PlacedThing, strength: float) -> None:
    """A pale glow round the whole silhouette, so that like stands out from like."""
    points = np.concatenate([mark.points for mark in placed.marks])
    window = window_of(points, image, 6)
    left, top, right, bottom = window
    shift = np.array([left, top], np.float32) / np.float32(SCALE)
    moved = tuple(Mark(m.role, m.points - shift, m.colour, m.width) for m in placed.marks)
    mask = coverage(moved, (-(-(right - left) // SCALE), -(-(bottom - top) // SCALE)), grow=2.0)
    mask = np.asarray(cv2.blur(mask, (7, 7)), np.uint8)[: bottom - top, : right - left]
    blend(image, window, mask, (255, 250, 236), _RIM[plan.scene.time] * strength)
