"""What a Storybook scene is: its vocabulary, one scene as plain data, and how scenes are drawn by lot.

A scene holds everything the painter needs and everything a caption may say, so pictures, captions and the judge
share one truth. Nothing here touches pixels.
"""

import random
from dataclasses import dataclass, replace
from typing import Literal

Box = tuple[float, float, float, float]
Arrangement = Literal["single", "group", "left", "above", "row"]
SizeWord = Literal["", "small", "big"]


@dataclass(frozen=True)
class Kind:
    """A sort of object: its names, its Chinese measure word, its width over height, and where it lives."""

    en: str
    plural: str
    zh: str
    measure: str
    aspect: float
    flies: bool = False


KINDS: dict[str, Kind] = {
    "house": Kind("house", "houses", "房子", "座", 1.05),
    "tree": Kind("tree", "trees", "树", "棵", 0.8),
    "boat": Kind("boat", "boats", "小船", "艘", 1.0),
    "balloon": Kind("balloon", "balloons", "热气球", "个", 0.72, flies=True),
    "car": Kind("car", "cars", "汽车", "辆", 1.75),
    "mushroom": Kind("mushroom", "mushrooms", "蘑菇", "个", 0.95),
    "flower": Kind("flower", "flowers", "花", "朵", 0.7),
    "fish": Kind("fish", "fish", "鱼", "条", 1.6),
    "cat": Kind("cat", "cats", "猫", "只", 0.85),
    "dog": Kind("dog", "dogs", "狗", "只", 1.25),
    "bird": Kind("bird", "birds", "鸟", "只", 1.35, flies=True),
    "sheep": Kind("sheep", "sheep", "绵羊", "只", 1.3),
    "rocket": Kind("rocket", "rockets", "火箭", "枚", 0.55, flies=True),
    "lighthouse": Kind("lighthouse", "lighthouses", "灯塔", "座", 0.45),
    "castle": Kind("castle", "castles", "城堡", "座", 1.1),
    "train": Kind("train", "trains", "火车", "列", 1.7),
    "umbrella": Kind("umbrella", "umbrellas", "雨伞", "把", 1.0),
    "cactus": Kind("cactus", "cacti", "仙人掌", "棵", 0.75),
    "pine": Kind("pine tree", "pine trees", "松树", "棵", 0.68),
    "star": Kind("star", "stars", "星星", "颗", 1.0, flies=True),
    "rabbit": Kind("rabbit", "rabbits", "兔子", "只", 0.75),
    "tent": Kind("tent", "tents", "帐篷", "顶", 1.35),
}

CREATURES: dict[str, Kind] = {"mobo": Kind("mobo", "mobos", "mobo", "只", 0.95)}
"""Kinds that training never shows and the judge does not know: each has its own colours, and one invented name in both
languages, to be taught with a LoRA."""

COLOURS: dict[str, str] = {
    "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "blue": "蓝色",
    "purple": "紫色", "pink": "粉色", "brown": "棕色", "white": "白色", "black": "黑色",
}  # fmt: skip

GROUNDS: tuple[str, ...] = ("grass", "sand", "snow", "sea", "stone", "soil")
TIMES: tuple[str, ...] = ("day", "sunset", "night", "rain")
STYLES: tuple[str, ...] = (
    "flat", "ink-outline", "ink-wash", "blueprint", "woodcut", "crayon", "pixel", "neon",
)  # fmt: skip
COLOURFUL_STYLES: tuple[str, ...] = ("flat", "ink-outline", "crayon", "pixel", "neon")
"""The styles that keep the colours that captions name."""
SIZES: tuple[tuple[int, int], ...] = ((256, 256), (320, 192), (192, 320))
"""Width and height in pixels of the three aspect buckets; multiples of 32, about equal areas."""

HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {("boat", "purple"), ("cat", "green"), ("house", "blue"), ("tree", "pink"), ("balloon", "red"),
     ("car", "orange"), ("mushroom", "blue"), ("flower", "white"), ("fish", "red"), ("dog", "purple"),
     ("bird", "yellow"), ("sheep", "pink"), ("rocket", "green"), ("lighthouse", "yellow"),
     ("castle", "orange"), ("train", "black"), ("umbrella", "brown"), ("cactus", "purple"),
     ("pine", "white"), ("star", "blue"), ("rabbit", "orange"), ("tent", "green")}
)  # fmt: skip
"""Pairs of kind and colour that training never shows: the test of composition."""


def kind_of(name: str) -> Kind:
    """What is known of a kind or a creature."""
    return KINDS.get(name) or CREATURES[name]


@dataclass(frozen=True)
class Thing:
    """One object of a scene. x is its centre and foot its lower edge, in shares of the picture's width and
    height; height is in shares of the picture's shorter edge."""

    kind: str
    colour: str
    x: float
    foot: float
    height: float
    size: SizeWord = ""
    mirrored: bool = False

    def box(self, size: tuple[int, int]) -> Box:
        """Left, top, right, bottom in pixels in a picture of `size` (width, height)."""
        width_px, height_px = size
        tall = self.height * min(size)
        wide = tall * kind_of(self.kind).aspect
        x, foot = self.x * width_px, self.foot * height_px
        return (x - wide / 2, foot - tall, x + wide / 2, foot)


@dataclass(frozen=True)
class Scene:
    """A whole picture as data: its things from left to right (for "above": the upper one first), how they are
    arranged, the ground, the time of day or weather, the horizon in shares of the height, the picture's size in
    pixels, and the seed of everything that captions leave unsaid (clouds, hills, shades)."""

    things: tuple[Thing, ...]
    arrangement: Arrangement
    ground: str
    time: str
    horizon: float
    size: tuple[int, int]
    seed: int


def draw_lot(
    seed: int,
    size: tuple[int, int] | None = None,
    arrangement: Arrangement | None = None,
    held_out: bool = False,
    only: str | None = None,
) -> Scene:
    """A random scene, a pure function of its arguments. With `held_out`, the first thing is a held-out pair;
    otherwise no thing is. With `only`, it shows one thing of that kind, or one creature."""
    rng = random.Random(f"scene-{seed}")
    size = size or rng.choice(SIZES)
    arrangement = (
        "single"
        if only
        else (arrangement or rng.choices(("single", "group", "left", "above", "row"), (34, 16, 30, 12, 8))[0])
    )
    horizon = rng.uniform(0.5, 0.66)
    things = _kinds_and_colours(rng, arrangement, held_out)
    if only:
        things = tuple(
            replace(thing, kind=only, colour=_CREATURE_COLOUR if only in CREATURES else thing.colour)
            for thing in things
        )
    for _ in range(200):
        placed = _place(rng, things, arrangement, horizon, size)
        if placed is not None:
            break
    else:
        raise AssertionError(f"scene {seed} found no room for {things}")
    ground, time = rng.choice(GROUNDS), rng.choice(TIMES)
    return Scene(placed, arrangement, ground, time, horizon, size, rng.randrange(2**31))


def _kinds_and_colours(rng: random.Random, arrangement: Arrangement, held_out: bool) -> tuple[Thing, ...]:
    fliers = [k for k, v in KINDS.items() if v.flies]
    walkers = [k for k, v in KINDS.items() if not v.flies]
    everything = list(KINDS)
    if arrangement == "group":
        kinds = [rng.choice(everything)] * rng.choice((2, 3))
    elif arrangement == "above":
        kinds = [rng.choice(fliers), rng.choice(walkers)]
    else:
        kinds = rng.sample(everything, {"single": 1, "left": 2, "row": 3}[arrangement])
    colours = [rng.choice([c for c in COLOURS if (kind, c) not in HELD_OUT]) for kind in kinds]
    if held_out:
        colours[0] = next(c for k, c in sorted(HELD_OUT) if k == kinds[0])
    if arrangement == "group":
        colours = [colours[0]] * len(kinds)
    sizes: list[SizeWord] = ["", "", ""]
    if arrangement in ("single", "left"):
        sizes = [rng.choices(("", "small", "big"), (60, 20, 20))[0] for _ in range(3)]
    return tuple(
        Thing(k, c, 0.5, 0.8, 0.3, s, rng.random() < 0.5)
        for k, c, s in zip(kinds, colours, sizes, strict=False)
    )


_CREATURE_COLOUR = "blue"
_HEIGHTS = {"": (0.34, 0.44), "small": (0.22, 0.27), "big": (0.52, 0.62)}
_WIDE_FACTOR = 0.72  # wide kinds are drawn lower, so that no kind dwarfs another


def _place(
    rng: random.Random,
    things: tuple[Thing, ...],
    arrangement: Arrangement,
    horizon: float,
    size: tuple[int, int],
) -> tuple[Thing, ...] | None:
    """One try at putting every thing somewhere; None when two of them collide or one leaves the picture."""
    width_px, height_px = size
    short = min(size)
    same_height = rng.uniform(0.27, 0.38)
    tall: list[float] = []
    for thing in things:
        share = same_height if arrangement == "group" else rng.uniform(*_HEIGHTS[thing.size])
        aspect = kind_of(thing.kind).aspect
        tall.append(share * (_WIDE_FACTOR if aspect > 1.2 else 1.15 if aspect < 0.7 else 1.0))
    wide_px = [t * short * kind_of(thing.kind).aspect for t, thing in zip(tall, things, strict=True)]
    room_px = width_px * 0.94
    across = max(wide_px) if arrangement in ("single", "above") else sum(wide_px) * 1.08
    shrink = min(1.0, room_px / across)
    if arrangement == "above":
        shrink = min(shrink, 0.76 * height_px / (sum(tall) * short))
    tall = [t * shrink for t in tall]
    wide = [w * shrink / width_px for w in wide_px]
    if arrangement in ("single", "above"):
        xs = [rng.uniform(w / 2 + 0.02, 1 - w / 2 - 0.02) for w in wide]
        if arrangement == "above":
            low, high = wide[0] / 2 + 0.02, 1 - wide[0] / 2 - 0.02
            xs[0] = min(max(xs[1] + rng.uniform(-0.12, 0.12), low), high)
    else:
        spare = max(0.0, 1 - sum(wide) - 0.03)
        cuts = sorted(rng.uniform(0, spare) for _ in wide)
        gaps = [b - a for a, b in zip([0.0, *cuts], cuts, strict=False)]
        xs, edge = [], 0.015
        for gap, w in zip(gaps, wide, strict=True):
            xs.append(edge + gap + w / 2)
            edge += gap + w
    level = rng.uniform(horizon + 0.08, 0.92)
    placed = []
    for thing, x, t in zip(things, xs, tall, strict=True):
        share = t * short / height_px
        if arrangement == "above" and kind_of(thing.kind).flies:
            foot = rng.uniform(share + 0.02, max(share + 0.03, level - tall[1] * short / height_px - 0.05))
        elif kind_of(thing.kind).flies:
            foot = rng.uniform(share + 0.03, max(share + 0.04, horizon - 0.04))
        else:
            foot = min(0.96, level + rng.uniform(-0.04, 0.04))
        placed.append(replace(thing, x=x, foot=foot, height=t))
    boxes = [thing.box(size) for thing in placed]
    if any(b[1] < 2 or b[0] < 0 or b[2] > width_px or b[3] > height_px for b in boxes):
        return None
    if arrangement == "above":
        upper, lower = boxes
        if upper[3] > lower[1] - 2 or abs(placed[0].x - placed[1].x) > 0.25:
            return None
    return tuple(placed)
