"""`neon`: glowing coloured tubes before a near-black night, colours kept."""

import cv2
import numpy as np

from studio.storybook.palette import luminance, mix
from studio.storybook.plan import PlacedThing, Plan
from studio.storybook.shapes import RGB, Mark
from studio.storybook.styles.canvas import Image, gradient, lay, outline, reduced, stroke
from studio.storybook.styles.contour import bounds, runs

_DARK: RGB = (9, 8, 18)
_SKIPPED = frozenset({"glow", "shadow", "cloud-shade"})
_LAMPS = frozenset({"sun", "moon", "star"})
_TUBE = 0.9


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    image = gradient(plan.scene.size, tuple(mix(_DARK, stop, 0.22) for stop in plan.sky), plan.scene.horizon)
    tubes = np.zeros_like(image)
    for _, run in runs(tuple(mark for mark in plan.backdrop if mark.role not in _SKIPPED)):
        _far(image, tubes, run)
    for placed in plan.things:
        _near(image, tubes, placed)
    return _lit(reduced(image), reduced(tubes))


def _far(image: Image, tubes: Image, run: list[Mark]) -> None:
    """The backdrop as dim thin tubes; only the lights of the sky shine."""
    for mark in run:
        strength = 1.0 if mark.role in _LAMPS else 0.45
        outline(tubes, mark, mix((0, 0, 0), _vivid(mark.colour), strength), 0.0 if mark.width else 0.6)
    for mark in run:
        if not mark.width:
            lay(tubes, mark, (0, 0, 0))
            lay(image, mark, mix(_DARK, mark.colour, 0.35 if mark.role in _LAMPS else 0.16))


def _near(image: Image, tubes: Image, placed: PlacedThing) -> None:
    for mark in placed.marks:
        outline(tubes, mark, (0, 0, 0), 3.0)
    for mark in placed.marks:
        outline(tubes, mark, _vivid(placed.main), 1.5)
    for role, run in runs(placed.marks):
        for mark in run:
            if bounds(role):
                outline(tubes, mark, _vivid(mark.colour), 0.0 if mark.width else _TUBE)
        for mark in run:
            if not mark.width:
                lay(tubes, mark, (0, 0, 0))
                lay(image, mark, mix(_DARK, mark.colour, 0.34))
            elif bounds(role):
                stroke(tubes, mark.points, _vivid(mark.colour), max(1.2, mark.width * 0.6))


def _vivid(paint: RGB) -> RGB:
    """A paint as light: dark ones are raised until they shine, keeping their hue."""
    brightness = max(paint)
    if brightness < 90:
        return mix(paint, (150, 146, 176), 0.6)
    red, green, blue = (min(255, round(channel * 255 / brightness)) for channel in paint)
    return mix((red, green, blue), paint, 0.15) if luminance(paint) > 0.5 else (red, green, blue)


def _lit(base: Image, tubes: Image) -> Image:
    """Tubes with a white-hot core, a near and a far glow, over the dark base."""
    near = cv2.GaussianBlur(tubes, (0, 0), 2.2)
    height, width = tubes.shape[:2]
    far = cv2.GaussianBlur(
        cv2.resize(tubes, (width // 4, height // 4), interpolation=cv2.INTER_AREA), (0, 0), 2.6
    )
    far = cv2.resize(far, (width, height), interpolation=cv2.INTER_LINEAR)
    light = base.astype(np.float32) + tubes + near * np.float32(0.55) + far * np.float32(0.75)
    return np.asarray(light.clip(0, 255), np.uint8)
