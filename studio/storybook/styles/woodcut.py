"""`woodcut`: black ink from a carved block on cream paper; broad gouge strokes swell where it is dark."""

from functools import cache

import numpy as np

from studio.storybook.palette import luminance
from studio.storybook.plan import PlacedThing, Plan
from studio.storybook.shapes import RGB, Mark
from studio.storybook.styles.canvas import SCALE, Image, coverage, gradient, lay, outline, reduced
from studio.storybook.styles.contour import bounds, runs
from studio.storybook.styles.texture import Field, wobbled

_PAPER = np.array((243, 232, 206), np.float32)
_INK = np.array((32, 27, 27), np.float32)
_SOLID: RGB = (0, 0, 0)
_BARE: RGB = (255, 255, 255)
_SKY = {"day": (120, 200, 255, 255), "sunset": (120, 130, 150), "night": (0, 20, 80), "rain": (90, 130, 170)}
"""The sky's tones from the top down to the horizon."""
_LINED = frozenset({"sun", "moon", "cloud-shade", "hill", "ground"})
_PERIOD = 14.0  # picture pixels from stroke to stroke


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    tone = wobbled(_tones(plan), plan.scene.seed, 0.5, 12)[:, :, 0]
    things = np.zeros(tone.shape, np.uint8)
    for placed in plan.things:
        things |= coverage(placed.marks, plan.scene.size)
    height, width = tone.shape
    screen = np.where(things > 0, _slanted(height, width), _sky_screen(plan, height, width))
    share = ((tone.astype(np.float32) - screen) * np.float32(0.03) + np.float32(0.5)).clip(0, 1)[:, :, None]
    return reduced((_INK + (_PAPER - _INK) * share).astype(np.uint8), 1.0)


def _tones(plan: Plan) -> Image:
    """Brightness of the carved picture; 0 prints solid, 255 leaves the paper bare, between them strokes."""
    is_night = plan.scene.time == "night"
    image = gradient(
        plan.scene.size, tuple(_grey(value) for value in _SKY[plan.scene.time]), plan.scene.horizon
    )
    for role, run in runs(plan.backdrop):
        if role in ("glow", "shadow"):
            continue
        for mark in run:
            if role in _LINED:
                outline(image, mark, _BARE if is_night else _SOLID, 0.9)
        for mark in run:
            lay(image, mark, _backdrop_tone(mark, plan))
    for placed in plan.things:
        _carve(image, placed)
    return image


def _backdrop_tone(mark: Mark, plan: Plan) -> RGB:
    """Lights stay bare; the land is bare by day with solid details, and the other way round by night."""
    is_night = plan.scene.time == "night"
    if mark.role in ("sun", "moon", "star", "peak"):
        return _BARE
    if mark.role in ("cloud", "cloud-shade"):
        return _grey(70) if is_night else _BARE
    if mark.role == "hill":
        return _BARE if plan.scene.time == "sunset" else _grey(60 if is_night else 168)
    if mark.role == "rain":
        return _SOLID
    is_slab = plan.scene.ground == "stone" and mark.role == "detail"
    is_bare = (mark.role == "ground") != (plan.scene.ground == "stone") or is_slab
    if plan.scene.ground == "snow":
        return _grey(215) if is_night else _BARE
    return _BARE if is_bare != is_night else _SOLID


def _carve(image: Image, placed: PlacedThing) -> None:
    """One thing: a bare gap all round, then its marks; dark things are left standing in the block and show their
    parts by bare lines, light ones have bold contours."""
    is_dark = luminance(placed.main) < 0.56
    for mark in placed.marks:
        outline(image, mark, _BARE, 3.2)
    for mark in placed.marks:
        outline(image, mark, _line(mark, is_dark), 1.6)
    for role, run in runs(placed.marks):
        for mark in run:
            if bounds(role) and not mark.width:
                outline(image, mark, _line(mark, is_dark), 0.9)
        for mark in run:
            lay(image, mark, _inked(mark, is_dark))


def _line(mark: Mark, is_dark: bool) -> RGB:
    """A line that sets the mark off: bare beside solid parts of dark things, else solid."""
    return _BARE if is_dark and _inked(mark, is_dark)[0] < 128 else _SOLID


def _inked(mark: Mark, is_dark: bool) -> RGB:
    """Solid, bare, or hatched where a shade or a light models the form."""
    if mark.role == "light":
        return _grey(150) if is_dark else _BARE
    if mark.role == "shade":
        return _grey(40) if is_dark else _grey(140)
    if mark.role == "main":
        return _SOLID if is_dark else _BARE
    return _grey(127 + 900 * (luminance(mark.colour) - 0.47))


def _grey(value: float) -> RGB:
    level = round(min(255.0, max(0.0, value)))
    return level, level, level


def _sky_screen(plan: Plan, height: int, width: int) -> Field:
    """Level strokes; at sunset rays from the sun."""
    sun = next((mark for mark in plan.backdrop if mark.role == "sun"), None)
    if plan.scene.time != "sunset" or sun is None:
        return _level(height, width)
    x, y = sun.points.mean(axis=0) * SCALE
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rays = np.cos(np.arctan2(rows - y, columns - x) * 26)
    return np.asarray(127.5 + 102.5 * rays, np.float32)


@cache
def _level(height: int, width: int) -> Field:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / SCALE
    phase = rows / _PERIOD + 0.30 * np.sin(columns / 23) + 0.12 * np.sin(columns / 9 + rows / 31)
    return _strokes(phase)


@cache
def _slanted(height: int, width: int) -> Field:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / SCALE
    return _strokes((rows * 0.80 + columns * 0.60) / 7.0 + 0.18 * np.sin((columns - rows) / 17))


def _strokes(phase: Field) -> Field:
    """Brightness thresholds in [25, 230] that print strokes, the broader the darker the tone."""
    return np.asarray(127.5 + 102.5 * np.cos(2 * np.pi * phase), np.float32)
