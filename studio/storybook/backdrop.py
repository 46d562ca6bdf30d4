"""Sky, distance and ground behind the things: four hours, six grounds, and what the seed adds to them.

Details are few, crisp and at least two pixels wide at 256 pixels, so that an autoencoder can carry them.
"""

import math
import random

import numpy as np

from studio.storybook.grounds import ground_marks
from studio.storybook.palette import mix
from studio.storybook.scene import Scene
from studio.storybook.shapes import RGB, Mark, Point, Points, Role, oval_points, smooth_points

_SKIES: dict[str, tuple[RGB, ...]] = {
    "day": ((92, 176, 240), (148, 208, 248), (214, 239, 252)),
    "sunset": ((238, 106, 116), (252, 150, 98), (255, 204, 126), (255, 226, 164)),
    "night": ((20, 22, 62), (34, 40, 96), (62, 70, 138)),
    "rain": ((118, 132, 150), (150, 163, 178), (188, 198, 208)),
}
_CLOUDS: dict[str, tuple[RGB, RGB]] = {
    "day": ((255, 255, 255), (222, 236, 248)),
    "sunset": ((255, 214, 184), (246, 168, 142)),
    "night": ((62, 70, 132), (50, 56, 114)),
    "rain": ((212, 219, 227), (168, 179, 192)),
}
_HILLS: dict[str, tuple[RGB, RGB]] = {
    "day": ((150, 196, 178), (120, 178, 150)),
    "sunset": ((206, 120, 122), (172, 96, 116)),
    "night": ((44, 52, 104), (36, 42, 88)),
    "rain": ((132, 150, 160), (112, 132, 142)),
}
_PEAKS: dict[str, tuple[RGB, RGB]] = {
    "day": ((138, 162, 196), (244, 249, 253)),
    "sunset": ((170, 104, 132), (255, 220, 202)),
    "night": ((48, 54, 108), (140, 150, 204)),
    "rain": ((118, 132, 152), (214, 221, 229)),
}


def sky(time: str) -> tuple[RGB, ...]:
    """The sky's colours, evenly spaced from the picture's top to the horizon."""
    return _SKIES[time]


def backdrop(scene: Scene) -> tuple[Mark, ...]:
    """All marks behind the things, from the farthest to the nearest."""
    rng = random.Random(scene.seed)
    marks = [*_heaven(scene, rng), *_distance(scene, rng), *ground_marks(scene, rng)]
    return (*marks, *_rain(scene, rng)) if scene.time == "rain" else tuple(marks)


def _heaven(scene: Scene, rng: random.Random) -> list[Mark]:
    """Sun, moon, stars and clouds."""
    marks: list[Mark] = []
    if scene.time == "night":
        marks += _stars(scene, rng) + _moon(scene, rng)
    if scene.time in ("day", "sunset"):
        marks += _sun(scene, rng)
    count = {"day": rng.choice((1, 2, 2, 3)), "sunset": rng.choice((1, 2, 2)), "night": rng.choice((0, 0, 1)),
             "rain": 4}[scene.time]  # fmt: skip
    for i in range(count):
        marks += _cloud(scene, _cloud_spot(scene, i / count, 1 / count, marks, rng), rng)
    return marks


def _cloud_spot(scene: Scene, left: float, share: float, marks: list[Mark], rng: random.Random) -> Point:
    """A point in a cloud's share of the sky that covers neither sun nor moon, if three throws find one."""
    width, height = scene.size
    lights = [mark.points.mean(axis=0) for mark in marks if mark.role in ("sun", "moon")]
    low = 0.4 if scene.time == "rain" else 0.62
    throws = [
        ((left + rng.uniform(0.15, 0.85) * share) * width, rng.uniform(0.12, low) * scene.horizon * height)
        for _ in range(3)
    ]
    return max(
        throws, key=lambda p: min((math.dist(p, (float(s[0]), float(s[1]))) for s in lights), default=0.0)
    )


def _free_spot(scene: Scene, rng: random.Random, low: float, high: float) -> tuple[float, float]:
    """A point of the sky in pixels, the farthest from all things of a few drawn by lot."""
    width, height = scene.size
    boxes = [thing.box(scene.size) for thing in scene.things]

    def room(spot: tuple[float, float]) -> float:
        x, y = spot
        gaps = [math.hypot(max(b[0] - x, 0, x - b[2]), max(b[1] - y, 0, y - b[3])) for b in boxes]
        return min(gaps, default=0.0)

    spots = [
        (rng.uniform(0.1, 0.9) * width, rng.uniform(low, high) * scene.horizon * height) for _ in range(5)
    ]
    return max(spots, key=room)


def _sun(scene: Scene, rng: random.Random) -> list[Mark]:
    unit = min(scene.size) / 100
    if scene.time == "sunset":
        x, y = _free_spot(scene, rng, 0.78, 0.92)
        radius, core, glow = rng.uniform(10, 12.5) * unit, (255, 240, 190), (255, 232, 160)
    else:
        x, y = _free_spot(scene, rng, 0.16, 0.4)
        radius, core, glow = rng.uniform(7, 9) * unit, (255, 222, 92), (255, 247, 206)
    return [
        Mark("glow", oval_points(x, y, radius * 1.6, radius * 1.6), glow, alpha=0.5, blur=radius * 0.8),
        Mark("sun", oval_points(x, y, radius, radius), core),
    ]


def _moon(scene: Scene, rng: random.Random) -> list[Mark]:
    unit = min(scene.size) / 100
    x, y = _free_spot(scene, rng, 0.16, 0.42)
    radius = rng.uniform(6.5, 8.5) * unit
    glow = Mark(
        "glow", oval_points(x, y, radius * 1.5, radius * 1.5), (150, 160, 230), alpha=0.38, blur=radius * 0.8
    )
    if rng.random() < 0.5:
        return [glow, Mark("moon", _crescent(x, y, radius), (255, 244, 206))]
    craters = ((-0.3, -0.25, 0.24), (0.32, 0.15, 0.19), (-0.1, 0.45, 0.15))
    return [
        glow,
        Mark("moon", oval_points(x, y, radius, radius), (252, 243, 214)),
        *(Mark("detail", oval_points(x + dx * radius, y + dy * radius, r * radius, r * radius), (232, 219, 182))
          for dx, dy, r in craters),
    ]  # fmt: skip


def _crescent(x: float, y: float, radius: float) -> Points:
    outer = np.radians(np.linspace(-50, 230, 30))
    inner = np.radians(np.linspace(212, -32, 24))
    rim = np.stack([x - radius * np.sin(outer), y + radius * np.cos(outer)], axis=1)
    bite = np.stack(
        [x + radius * 0.42 - 0.8 * radius * np.sin(inner), y + 0.8 * radius * np.cos(inner)], axis=1
    )
    return np.concatenate([rim, bite]).astype(np.float32)


def _stars(scene: Scene, rng: random.Random) -> list[Mark]:
    width, height = scene.size
    unit = min(scene.size) / 100
    marks = []
    for _ in range(16):
        x, y = rng.uniform(0.02, 0.98) * width, rng.uniform(0.02, 0.8) * scene.horizon * height
        radius = rng.choice((0.5, 0.6, 0.8)) * unit
        marks.append(Mark("star", oval_points(x, y, radius, radius, count=12), (250, 242, 206)))
    return marks


def _cloud(scene: Scene, spot: Point, rng: random.Random) -> list[Mark]:
    """A flat-bottomed heap of puffs with a shaded foot."""
    unit = min(scene.size) / 100
    x, y = spot
    size = rng.uniform(0.75, 1.25) * unit * (1.35 if scene.time == "rain" else 1.0)
    bright, shaded = _CLOUDS[scene.time]
    lean = rng.choice((-1, 1))
    puffs = ((-9 * lean, 1.2, 4.6), (-3 * lean, -2.4, 6.2), (4.5 * lean, -0.6, 5.4), (10 * lean, 2, 3.8))
    top = y - 6 * size
    floor = y + 4.6 * size

    def puff(role: Role, dx: float, dy: float, r: float, colour: RGB) -> Mark:
        rim = oval_points(x + dx * size, y + dy * size, r * size * 1.15, r * size)
        rim[:, 1] = rim[:, 1].clip(top - 9 * size, floor)
        return Mark(role, rim, colour)

    return [
        *(puff("cloud-shade", dx, dy + 1.5, r, shaded) for dx, dy, r in puffs),
        *(puff("cloud", dx * 0.96, dy - 0.3, r * 0.86, bright) for dx, dy, r in puffs),
    ]


def _distance(scene: Scene, rng: random.Random) -> list[Mark]:
    """Rolling hills, mountains, both, or nothing behind the horizon."""
    choice = rng.choice(("hills", "hills", "mountains", "mountains", "both", "none"))
    marks: list[Mark] = []
    if choice in ("mountains", "both"):
        marks += _mountains(scene, rng)
    if choice in ("hills", "both"):
        far, near = _HILLS[scene.time]
        marks.append(Mark("hill", _ridge(scene, rng.uniform(0.10, 0.15), rng), far))
        marks.append(Mark("hill", _ridge(scene, rng.uniform(0.04, 0.08), rng), near))
    return marks


def _ridge(scene: Scene, share: float, rng: random.Random) -> Points:
    """A wavy band over the whole width, about `share` of the height above the horizon."""
    width, height = scene.size
    base, tall = scene.horizon * height, share * height
    xs = np.linspace(-0.05, 1.05, 7) * width
    knots = np.array([(x, base - tall * rng.uniform(0.35, 1.25)) for x in xs], np.float32)
    crest = smooth_points(knots, closed=False)
    corners = np.array([(xs[-1], base + 0.05 * height), (xs[0], base + 0.05 * height)], np.float32)
    return np.concatenate([crest, corners])


def _mountains(scene: Scene, rng: random.Random) -> list[Mark]:
    width, height = scene.size
    base = scene.horizon * height + 0.04 * height
    rock, snow = _PEAKS[scene.time]
    marks = []
    for i in range(rng.choice((2, 3, 3))):
        x = (i * 0.38 + rng.uniform(0.0, 0.3)) * width
        tall = rng.uniform(0.18, 0.3) * height
        half = tall * rng.uniform(0.9, 1.2)
        top = base - tall
        rock_i = mix(rock, _SKIES[scene.time][-1], rng.uniform(0.0, 0.18))
        body = np.array([(x - half, base), (x, top), (x + half, base)], np.float32)
        shady = np.array(
            [(x, top), (x + half, base), (x + half * 0.16, base), (x + half * 0.1, top + tall * 0.45)],
            np.float32,
        )
        cap = np.array([(x, top), (x + half * 0.3, top + tall * 0.3), (x + half * 0.13, top + tall * 0.25),
                        (x, top + tall * 0.36), (x - half * 0.13, top + tall * 0.25),
                        (x - half * 0.3, top + tall * 0.3)], np.float32)  # fmt: skip
        marks += [
            Mark("hill", body, rock_i),
            Mark("hill", shady, mix(rock_i, (40, 44, 80), 0.16)),
            Mark("peak", cap, snow),
        ]
    return marks


def _rain(scene: Scene, rng: random.Random) -> list[Mark]:
    """Slanted streaks over the whole picture, evenly strewn, and rings where drops meet the ground."""
    width, height = scene.size
    unit = min(scene.size) / 100
    marks = []
    columns, rows = round(width / 51), round(height / 60)
    for column in range(columns):
        for row in range(rows):
            x = (column + rng.uniform(0.1, 0.9)) / columns * width
            y = (row + rng.uniform(0.1, 0.9)) / rows * height
            long = rng.uniform(6, 8) * unit
            drop = np.array([(x, y), (x - long * 0.34, y + long)], np.float32)
            marks.append(Mark("rain", drop, (222, 232, 242), width=0.9 * unit))
    return marks
