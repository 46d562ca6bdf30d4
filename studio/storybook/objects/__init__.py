"""The twenty-two kinds and the creatures as display lists, one small function a kind; a new kind is one function and one line here."""

from collections.abc import Callable
from functools import cache

from studio.storybook.objects import animals, buildings, creatures, plants, vehicles
from studio.storybook.shapes import Drawing

_DRAWERS: dict[str, Callable[[], Drawing]] = {
    "house": buildings.house, "tree": plants.tree, "boat": vehicles.boat, "balloon": vehicles.balloon,
    "car": vehicles.car, "mushroom": plants.mushroom, "flower": plants.flower, "fish": animals.fish,
    "cat": animals.cat, "dog": animals.dog, "bird": animals.bird, "sheep": animals.sheep,
    "rocket": vehicles.rocket, "lighthouse": buildings.lighthouse, "castle": buildings.castle,
    "train": vehicles.train, "umbrella": buildings.umbrella, "cactus": plants.cactus, "pine": plants.pine,
    "star": plants.star, "rabbit": animals.rabbit, "tent": buildings.tent, "mobo": creatures.mobo,
}  # fmt: skip


@cache
def drawing(kind: str) -> Drawing:
    """The shapes of one of scene.KINDS or CREATURES, back to front, in a frame 100 high and 100 x aspect wide."""
    return _DRAWERS[kind]()
