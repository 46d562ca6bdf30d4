"""The plan of a picture: a scene turned into marks with place and colour, which every style then lays down its way."""

import random
from dataclasses import dataclass

import numpy as np

from studio.storybook.backdrop import backdrop, sky
from studio.storybook.objects import drawing
from studio.storybook.palette import palette
from studio.storybook.scene import Scene, Thing, kind_of
from studio.storybook.shapes import RGB, Mark


@dataclass(frozen=True, eq=False)
class PlacedThing:
    """One thing's marks from back to front, the deep tone of its contour, and its main paint."""

    thing: Thing
    marks: tuple[Mark, ...]
    main: RGB
    deep: RGB


@dataclass(frozen=True, eq=False)
class Plan:
    """Sky colours from the top down to the horizon, the backdrop's marks, and the things from back to front."""

    scene: Scene
    sky: tuple[RGB, ...]
    backdrop: tuple[Mark, ...]
    things: tuple[PlacedThing, ...]


def plan(scene: Scene) -> Plan:
    """Everything a style needs to know about `scene`; all chance comes from the scene's seed."""
    placed = [
        _placed(thing, scene, random.Random(f"thing-{scene.seed}-{i}"))
        for i, thing in enumerate(scene.things)
    ]
    placed.sort(key=lambda one: one.thing.foot)
    return Plan(scene, sky(scene.time), backdrop(scene), tuple(placed))


def _placed(thing: Thing, scene: Scene, rng: random.Random) -> PlacedThing:
    paints = palette(thing.colour, scene.time, rng)
    left, top, right, bottom = thing.box(scene.size)
    unit = (bottom - top) / 100
    across = -1 if thing.mirrored else 1
    scale = np.array([across * unit, unit], np.float32)
    start = np.array([right if thing.mirrored else left, top], np.float32)
    marks = tuple(
        Mark(shape.role, shape.points * scale + start, paints[shape.role], shape.width * unit)
        for shape in drawing(thing.kind)
    )
    return PlacedThing(thing, marks, paints["main"], paints["deep"])


def is_flying(thing: Thing) -> bool:
    """Whether the thing hangs in the air, so that it casts no shadow at its foot."""
    return kind_of(thing.kind).flies
