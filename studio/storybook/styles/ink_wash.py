"""`ink-wash`: a Chinese ink painting, grey washes that bleed into warm rice paper, brush contours and a red seal."""

import math

import cv2
import numpy as np

from studio.storybook.palette import luminance
from studio.storybook.plan import PlacedThing, Plan
from studio.storybook.scene import Scene
from studio.storybook.shapes import RGB, Mark, Points, poly
from studio.storybook.styles.canvas import SCALE, Image, lay, outline, reduced
from studio.storybook.styles.contour import bounds, runs
from studio.storybook.styles.texture import Field, noise, wobbled

_PAPER = np.array((245, 238, 221), np.float32)
_INK = np.array((28, 27, 31), np.float32)
_SEAL: RGB = (190, 46, 38)
_SKY = {"day": (16, 0, 0), "sunset": (50, 18, 0), "night": (196, 150, 64), "rain": (96, 50, 22)}
"""Density of the sky's wash from the top down to the horizon, 0 paper, 255 ink."""
_BACKDROP = {"sun": 0, "moon": 0, "star": 6, "peak": 8, "cloud": 12, "cloud-shade": 46}


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    seed = plan.scene.seed
    wash = _bled(wobbled(_backdrop(plan), seed, 1.6, 20), 2.4)
    brush, inside = _things(plan)
    brush, inside = wobbled(brush, seed + 5, 0.8, 12), wobbled(inside, seed + 5, 0.8, 12)
    share = cv2.GaussianBlur(inside, (0, 0), 2.2).astype(np.float32) / 255
    density = wash * (1 - share) + _bled(brush, 1.1) * share
    density *= 1 + np.float32(0.09) * noise(brush, seed, 34, 34)
    return _sealed(_on_paper(np.asarray(density, np.float32), seed), plan)


def _backdrop(plan: Plan) -> Image:
    """Density (height, width) of sky, distance and ground; mist lies along the horizon."""
    height, width = plan.scene.size[1] * SCALE, plan.scene.size[0] * SCALE
    stops = _SKY[plan.scene.time]
    rows = np.linspace(0, 2 / plan.scene.horizon, height).clip(0, 2)
    image = np.empty((height, width), np.uint8)
    image[:] = np.interp(rows, (0, 1, 2), stops)[:, None]
    for role, run in runs(plan.backdrop):
        if role in ("glow", "shadow"):
            continue
        for mark in run:
            if role in ("sun", "moon"):
                outline(image, mark, _grey(150), 0.8)
            if role == "hill":
                _mountain(image, mark)
            elif role in ("ground", "detail"):
                lay(image, mark, _grey(_ground_density(mark.colour)))
            elif role == "rain":
                lay(image, mark, _grey(150))
            else:
                lay(image, mark, _grey(_BACKDROP.get(role, 8)))
    floor = np.linspace(0, 1, height)[:, None]
    mist = 1 - 0.55 * ((floor - 0.72) / 0.28).clip(0, 1)
    return (image * mist).astype(np.uint8)


def _ground_density(paint: RGB) -> float:
    return 4 + 104 * math.pow(1 - luminance(paint), 1.2)


def _mountain(image: Image, mark: Mark) -> None:
    """Dark along the crest, dissolving in mist towards its foot."""
    mask = np.zeros_like(image)
    lay(mask, mark, _grey(255))
    low, high = float(mark.points[:, 1].min()) * SCALE, float(mark.points[:, 1].max()) * SCALE
    fade = np.linspace(0, 1, image.shape[0]) * image.shape[0]
    density = (130 * (1 - (fade - low) / max(1.0, high - low))).clip(6, 130)
    image[:] = np.where(mask > 127, np.broadcast_to(density[:, None], image.shape), image).astype(np.uint8)


def _things(plan: Plan) -> tuple[Image, Image]:
    """Density of the things, and where they stand with a breath of bare paper round them."""
    width, height = plan.scene.size
    density = np.zeros((height * SCALE, width * SCALE), np.uint8)
    inside = np.zeros_like(density)
    for placed in plan.things:
        for mark in placed.marks:
            outline(inside, mark, _grey(255), 3.2)
            lay(inside, mark, _grey(255))
        _brushed(density, placed)
    return density, inside


def _brushed(density: Image, placed: PlacedThing) -> None:
    """A contour that swells on one side, as a pressed brush leaves it, then the washes."""
    lean = np.array([0.7, 0.8], np.float32)
    for mark in placed.marks:
        outline(density, _moved(mark, lean), _grey(225), 0.9)
    is_dark = luminance(placed.main) < 0.3
    for role, run in runs(placed.marks):
        if bounds(role):
            for mark in run:
                outline(density, _moved(mark, lean * 0.5), _grey(40 if is_dark else 205), 0.45)
        for mark in run:
            lay(density, mark, _grey(_density(mark.colour)))


def _density(paint: RGB) -> float:
    return 4 + 236 * math.pow(1 - luminance(paint), 1.25)


def _moved(mark: Mark, by: Points) -> Mark:
    return Mark(mark.role, mark.points + by, mark.colour, mark.width)


def _grey(value: float) -> RGB:
    level = round(value)
    return level, level, level


def _bled(density: Image, reach: float) -> Field:
    """Wet paint: soft edges, a darker rim where the water dried, and a slow run inside."""
    soft = cv2.GaussianBlur(density, (0, 0), reach * SCALE * 0.5).astype(np.float32)
    wide = cv2.GaussianBlur(density, (0, 0), reach * SCALE * 2).astype(np.float32)
    return np.asarray(soft + np.float32(0.42) * (soft - wide), np.float32)


def _on_paper(density: Field, seed: int) -> Image:
    """Ink of a density (canvas) over rice paper with soft fibres (picture)."""
    size = (density.shape[1] // SCALE, density.shape[0] // SCALE)
    ink = cv2.resize(density, size, interpolation=cv2.INTER_AREA).clip(0, 255)[:, :, None] / np.float32(255)
    blank = np.empty((size[1], size[0], 3), np.uint8)
    fibres = noise(blank, seed + 11, 8, 26, 20)[:, :, None] * np.float32(2.2)
    return ((_PAPER + fibres) * (1 - ink) + _INK * ink).clip(0, 255).astype(np.uint8)


def _sealed(image: Image, plan: Plan) -> Image:
    """The artist's red seal in the emptiest corner."""
    side = min(plan.scene.size) * 0.085
    left, top = _free_corner(plan.scene, side)
    stamp = np.repeat(np.repeat(image, SCALE, axis=0), SCALE, axis=1)
    corners = ((left, top), (left + side, top), (left + side, top + side), (left, top + side))
    lay(stamp, Mark("accent", poly("accent", *corners, r=side * 0.2).points, _SEAL))
    for strip in (
        (0.28, 0.2, 0.28, 0.8),
        (0.5, 0.2, 0.8, 0.2),
        (0.5, 0.5, 0.8, 0.5),
        (0.5, 0.8, 0.8, 0.8),
        (0.64, 0.2, 0.64, 0.8),
    ):
        x0, y0, x1, y1 = (share * side for share in strip)
        ends = np.array([(left + x0, top + y0), (left + x1, top + y1)], np.float32)
        lay(stamp, Mark("pale", ends, (246, 226, 206), width=side * 0.1))
    return reduced(stamp)  # fmt: skip


def _free_corner(scene: Scene, side: float) -> tuple[float, float]:
    """Left and top of the corner square that is farthest from all things; a lower one if equal."""
    width, height = scene.size
    boxes = [thing.box(scene.size) for thing in scene.things]

    def room(spot: tuple[float, float]) -> float:
        x, y = spot
        gaps = [max(b[0] - x - side, x - b[2], b[1] - y - side, y - b[3]) for b in boxes]
        return min(min(gaps, default=side), side)

    near, right, low = side * 0.7, width - side * 1.7, height - side * 1.7
    return max(((right, low), (near, low), (right, near), (near, near)), key=room)
