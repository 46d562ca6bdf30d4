"""The six grounds: grass, sand, snow, sea, stone and soil, each told by colour and by its own texture."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from studio.storybook.palette import mix
from studio.storybook.scene import Scene
from studio.storybook.shapes import RGB, Mark, Point, Points, oval_points, rounded, smooth_points

GROUND_COLOURS: dict[str, dict[str, tuple[RGB, RGB]]] = {
    "grass": {"day": ((134, 200, 92), (104, 178, 78)), "sunset": ((160, 176, 76), (124, 152, 66)),
              "night": ((44, 92, 74), (34, 76, 64)), "rain": ((112, 164, 96), (90, 144, 84))},
    "sand": {"day": ((248, 228, 168), (238, 210, 142)), "sunset": ((250, 206, 142), (238, 184, 120)),
             "night": ((176, 162, 132), (154, 140, 118)), "rain": ((214, 198, 154), (198, 180, 136))},
    "snow": {"day": ((247, 251, 255), (226, 238, 250)), "sunset": ((255, 240, 234), (246, 220, 220)),
             "night": ((158, 172, 218), (136, 150, 202)), "rain": ((232, 238, 245), (212, 221, 232))},
    "sea": {"day": ((64, 158, 214), (38, 122, 190)), "sunset": ((104, 126, 184), (74, 98, 164)),
            "night": ((30, 66, 130), (22, 50, 106)), "rain": ((86, 132, 164), (66, 108, 144))},
    "stone": {"day": ((186, 190, 198), (164, 169, 179)), "sunset": ((188, 172, 172), (166, 150, 154)),
              "night": ((82, 86, 112), (70, 74, 100)), "rain": ((146, 154, 164), (126, 134, 146))},
    "soil": {"day": ((164, 112, 74), (142, 94, 62)), "sunset": ((168, 102, 68), (144, 84, 58)),
             "night": ((84, 62, 70), (70, 50, 60)), "rain": ((128, 92, 70), (110, 78, 60))},
}  # fmt: skip
"""For each ground and hour the colour at the horizon and the one at the picture's foot."""


@dataclass(frozen=True)
class Land:
    """The stretch of picture below the horizon: its size in pixels and its two colours."""

    width: float
    top: float
    bottom: float
    far: RGB
    near: RGB
    unit: float
    """A hundredth of the picture's shorter edge, in pixels."""

    def y(self, depth: float) -> float:
        """The row of a depth in [0, 1], 0 at the horizon and 1 at the picture's foot, seen in perspective."""
        return self.top + (self.bottom - self.top) * math.pow(depth, 1.35)

    def at(self, depth: float) -> RGB:
        """The ground's colour at a depth."""
        return mix(self.far, self.near, depth)

    def size(self, depth: float) -> float:
        """How large a unit is at a depth, in pixels."""
        return self.unit * (0.55 + 0.75 * depth)


def ground_marks(scene: Scene, rng: random.Random) -> list[Mark]:
    """The ground from the horizon to the picture's foot, then its texture."""
    width, height = scene.size
    far, near = GROUND_COLOURS[scene.ground][scene.time]
    land = Land(width, scene.horizon * height, height, far, near, min(scene.size) / 100)
    return _TEXTURES[scene.ground](land, rng, scene.time)


def _band(land: Land, depth: float, wave: float, colour: RGB, rng: random.Random) -> Mark:
    """Everything from a depth on down; its upper edge swings by `wave` units."""
    xs = np.linspace(-0.05, 1.05, 6) * land.width
    knots = np.array([(x, land.y(depth) + rng.uniform(-1, 1) * wave * land.unit) for x in xs], np.float32)
    crest = smooth_points(knots, closed=False)
    floor = np.array([(xs[-1], land.bottom + 4), (xs[0], land.bottom + 4)], np.float32)
    return Mark("ground", np.concatenate([crest, floor]), colour)


def _scatter(rng: random.Random, columns: int, rows: int, chance: float = 1.0) -> list[tuple[float, float]]:
    """Places (share of the width, depth), one by lot in each cell of a grid, so that none clump."""
    return [
        ((column + rng.uniform(0.12, 0.88)) / columns, (row + rng.uniform(0.2, 0.8)) / rows)
        for row in range(rows)
        for column in range(columns)
        if rng.random() < chance
    ]


def _grass(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """Three soft bands of meadow, tufts of three blades, and a few daisies."""
    marks = [_band(land, 0, 0.8, land.far, rng), _band(land, 0.34, 2, land.at(0.5), rng),
             _band(land, 0.72, 2, land.near, rng)]  # fmt: skip
    blade = mix(land.near, (12, 60, 40), 0.30)
    bright = mix(land.far, (244, 250, 160), 0.30)
    for x, depth in _scatter(rng, 5, 3, 0.8):
        marks += _tuft((x * land.width, land.y(depth)), land.size(depth), rng.choice((blade, bright)))
    petal = mix((255, 250, 240), land.near, 0.0 if time == "day" else 0.3)
    for x, depth in _scatter(rng, 4, 2, 0.45):
        spot, size = (x * land.width, land.y(depth)), land.size(depth)
        marks.append(Mark("detail", oval_points(*spot, 1.5 * size, 1.3 * size), petal))
        marks.append(Mark("detail", oval_points(*spot, 0.6 * size, 0.6 * size), (246, 196, 84)))
    return marks


def _tuft(spot: Point, size: float, colour: RGB) -> list[Mark]:
    x, y = spot
    return [
        Mark("detail", np.array([(x + dx - 0.9 * size, y), (x + dx * 2.1, y - tall * size),
                                 (x + dx + 0.9 * size, y)], np.float32), colour)
        for dx, tall in ((-1.5 * size, 3.0), (0.0, 4.4), (1.5 * size, 3.2))
    ]  # fmt: skip


def _sand(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """Low dunes with lit crests, wind ripples and a few pebbles."""
    ripple = mix(land.near, (150, 100, 60), 0.20)
    marks = [_band(land, 0, 1.6, land.far, rng), _band(land, 0.30, 4, land.at(0.45), rng),
             _band(land, 0.68, 4.5, land.near, rng)]  # fmt: skip
    for x, depth in _scatter(rng, 3, 4, 0.6):
        size = land.size(depth)
        marks.append(
            _swing(land, (x * land.width, land.y(depth)), rng.uniform(7, 11) * size, 0.9 * size, ripple)
        )
    for x, depth in _scatter(rng, 4, 2, 0.4):
        spot, size = (x * land.width, land.y(depth)), land.size(depth)
        marks.append(
            Mark("detail", oval_points(*spot, 1.7 * size, 1.1 * size), mix(ripple, (255, 255, 255), 0.35))
        )
    return marks


def _swing(land: Land, spot: Point, long: float, width: float, colour: RGB) -> Mark:
    """A lying S-curve, the mark of wind and water."""
    x, y = spot
    steps = np.linspace(-1, 1, 14)
    points = np.stack([x + steps * long, y - np.sin(steps * math.pi) * 0.8 * land.unit], axis=1)
    return Mark("detail", points.astype(np.float32), colour, width=max(width, 0.8 * land.unit))


def _snow(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """Rounded drifts with blue shade under their crests, and small mounds."""
    shade = mix(land.near, (120, 156, 220), 0.22)
    marks = [_band(land, 0, 1.2, land.far, rng), _band(land, 0.32, 3.4, mix(land.near, shade, 0.35), rng),
             _band(land, 0.42, 3.4, land.far, rng), _band(land, 0.74, 3.4, mix(land.near, shade, 0.5), rng),
             _band(land, 0.84, 3.4, mix(land.far, land.near, 0.4), rng)]  # fmt: skip
    for x, depth in _scatter(rng, 3, 3, 0.5):
        size = land.size(depth)
        cx, cy, wide = x * land.width, land.y(depth), rng.uniform(5, 9) * size
        marks.append(Mark("detail", _mound(cx + 1.4 * size, cy + 0.9 * size, wide, 2.8 * size), shade))
        marks.append(Mark("detail", _mound(cx, cy, wide, 2.8 * size), mix(land.far, (255, 255, 255), 0.5)))
    return marks


def _mound(x: float, foot: float, half: float, tall: float) -> Points:
    """A low hump."""
    steps = np.linspace(-1, 1, 21)
    crest = np.stack([x + steps * half, foot - tall * np.sqrt(1 - steps**2)], axis=1)
    return crest.astype(np.float32)


def _sea(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """Bands that deepen towards us, with pale wave marks."""
    marks = [
        _band(land, depth, 0.0 if depth == 0 else 1.2, land.at(depth), rng) for depth in (0, 0.2, 0.42, 0.68)
    ]
    foam: RGB = {
        "day": (206, 238, 250),
        "sunset": (255, 206, 164),
        "night": (112, 146, 206),
        "rain": (182, 206, 222),
    }[time]
    for x, depth in _scatter(rng, 3, 3, 0.85):
        size = land.size(depth)
        colour = mix(foam, land.at(depth), rng.uniform(0.15, 0.5))
        marks.append(
            _ripple((x * land.width, land.y(depth)), rng.uniform(2.2, 3.4) * size, 0.95 * size, colour)
        )
    return marks  # fmt: skip


def _ripple(spot: Point, half: float, width: float, colour: RGB) -> Mark:
    """Two joined crests, the way a child writes a wave."""
    x, y = spot
    steps = np.linspace(-1, 1, 17)
    points = np.stack([x + steps * half * 1.6, y - np.abs(np.sin(steps * math.pi)) * half * 0.55], axis=1)
    return Mark("detail", points.astype(np.float32), colour, width=width)


def _stone(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """Paving slabs in courses that narrow towards the horizon, a few of them lighter or darker."""
    joint = mix(land.near, (30, 34, 52), 0.30)
    marks = [Mark("ground", _strip(land, land.top, land.bottom + 4), joint)]
    middle = land.width * rng.uniform(0.35, 0.65)
    edges = (0.0, 0.13, 0.31, 0.56, 0.88, 1.3)
    for i, (start, end) in enumerate(pairwise(edges)):
        far, near = land.y(start) + 0.35 * land.size(start), land.y(end) - 0.35 * land.size(end)
        wide, lean = 20 * land.size(start), land.size(end) / land.size(start)
        first = math.floor(-middle / wide) - 1
        for slab in range(first, math.ceil((land.width - middle) / wide) + 1):
            left = (slab + 0.5 * (i % 2)) * wide + 0.4 * land.size(start)
            right = left + wide - 0.8 * land.size(start)
            tint: RGB = rng.choice(((255, 255, 255), (60, 64, 84)))
            corners = np.array([(middle + left, far), (middle + right, far), (middle + right * lean, near),
                                (middle + left * lean, near)], np.float32)  # fmt: skip
            tone = mix(land.at(min(1.0, (start + end) / 2)), tint, rng.uniform(0, 0.12))
            marks.append(Mark("detail", rounded(corners, min(2.5 * land.unit, (near - far) * 0.35)), tone))
    return marks


def _strip(land: Land, top: float, bottom: float) -> Points:
    right = land.width + 4
    return np.array([(-4, top), (right, top), (right, bottom), (-4, bottom)], np.float32)


def _soil(land: Land, rng: random.Random, time: str) -> list[Mark]:
    """A ploughed field: furrows that run towards us, and a few sprouts and clods."""
    marks = [_band(land, 0, 0.6, land.far, rng)]
    dark = mix(land.near, (40, 20, 16), 0.26)
    vanish = (land.width * rng.uniform(0.3, 0.7), land.top - 0.30 * (land.bottom - land.top))
    count = max(5, round(land.width / 34))
    far_y, near_y = land.top + 1.2 * land.unit, land.bottom + 4
    share = (far_y - vanish[1]) / (near_y - vanish[1])
    step = land.width * 1.9 / count
    for i in range(count):
        x = land.width * -0.45 + (i + 0.5) * step
        x_far = vanish[0] + (x - vanish[0]) * share
        w_far, w_near = step * 0.27 * share, step * 0.27
        marks.append(Mark("detail", np.array([(x_far - w_far, far_y), (x_far + w_far, far_y), (x + w_near, near_y),
                                              (x - w_near, near_y)], np.float32), dark))  # fmt: skip
    clod = mix(land.far, (236, 190, 140), 0.22)
    for x, depth in _scatter(rng, 5, 3, 0.5):
        size = land.size(depth)
        marks.append(Mark("detail", oval_points(x * land.width, land.y(depth), 1.9 * size, 1.2 * size), clod))
    return marks


_TEXTURES: dict[str, Callable[[Land, random.Random, str], list[Mark]]] = {
    "grass": _grass, "sand": _sand, "snow": _snow, "sea": _sea, "stone": _stone, "soil": _soil,
}  # fmt: skip
