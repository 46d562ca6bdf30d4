"""What a varied copy is: the numbers that are drawn for it, and the pixels that they make.

The numbers are a pure function of the seed, the original and the copy's number. A mirror image makes a caption untrue
that says left or right, and letters unreadable: such pictures are never flipped."""

import math
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageEnhance

from studio.dataset_requests import VARIATIONS, AugmentRequest
from studio.datasets.entry import Entry
from studio.datasets.pictures import LEAST_SIDE_PX

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_LEAST_PART = 0.25
"""Every variation is at least this part of the largest: a copy that can't be told from the original only counts double."""
_SIDES = re.compile(r"\b(left|right)(hand(ed)?|most|wards?)?\b|[左右]", re.IGNORECASE)
_LETTERS = re.compile(
    r"\b(text|letters?|lettering|words?|writing|handwriting|typography)\b|字", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The exact numbers of one copy, in the order in which they are applied: mirrored; turned by `degrees`
    counter-clockwise with the corners cut off, and enlarged `zoom` times around the middle; cut to `crop` (left, top,
    right, bottom as shares); brightness, contrast and saturation multiplied."""

    flip: bool = False
    degrees: float = 0.0
    zoom: float = 1.0
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0


def may_flip(entry: Entry) -> bool:
    """Whether a mirror image of the picture still is what its caption and tags say."""
    words = " ".join((entry.caption, *entry.tags)).replace("_", " ")
    return not (_SIDES.search(words) or _LETTERS.search(words))


def recipe_of(entry: Entry, request: AugmentRequest, number: int) -> Recipe:
    """The numbers of a copy. Each kind of variation draws from dice of its own, so that asking for one more changes
    nothing about the others."""
    drawn: dict[str, Any] = {}
    for kind in (kind for kind in VARIATIONS if kind in request.variations):
        dice = random.Random(f"{request.seed} {entry.sha256} {number} {kind}")
        drawn |= _DRAWS[kind](dice, request, entry)
    return Recipe(**drawn)


def vary(picture: "Picture", recipe: Recipe) -> "Picture":
    """An RGB picture varied by a recipe. A flip moves pixels and changes none; turning and scaling share one resampling,
    and every pixel of the result comes from inside the picture."""
    if recipe.flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if recipe.degrees or recipe.zoom != 1:
        picture = _turned(picture, recipe.degrees, recipe.zoom)
    if recipe.crop != Recipe.crop:
        left, top, right, bottom = recipe.crop
        w, h = picture.size
        picture = picture.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))
    for enhance, factor in (
        (ImageEnhance.Brightness, recipe.brightness),
        (ImageEnhance.Contrast, recipe.contrast),
        (ImageEnhance.Color, recipe.saturation),
    ):
        if factor != 1:
            picture = enhance(picture).enhance(factor)
    return picture


def _draw_flip(dice: random.Random, request: AugmentRequest, entry: Entry) -> dict[str, Any]:
    """Always where nothing else is varied, else for every second copy."""
    is_alone = set(request.variations) == {"flip"}
    return {"flip": may_flip(entry) and (is_alone or dice.random() < 0.5)}


def _draw_rotate(dice: random.Random, request: AugmentRequest, entry: Entry) -> dict[str, Any]:
    degrees = dice.choice((-1, 1)) * dice.uniform(_LEAST_PART, 1) * request.degrees
    return {"degrees": round(degrees, 4) + 0.0}


def _draw_scale(dice: random.Random, request: AugmentRequest, entry: Entry) -> dict[str, Any]:
    return {"zoom": round(1 + dice.uniform(_LEAST_PART, 1) * (request.zoom - 1), 4)}


def _draw_crop(dice: random.Random, request: AugmentRequest, entry: Entry) -> dict[str, Any]:
    """What is left of width and height; never less than a picture needs."""
    sides = []
    for side in entry.size:
        most = max(0.0, min(request.cut, 1 - LEAST_SIDE_PX / side)) if side else request.cut
        gone = dice.uniform(_LEAST_PART, 1) * most
        start = dice.random() * gone
        sides.append((round(start, 4), round(1 - gone + start, 4)))
    (left, right), (top, bottom) = sides
    return {"crop": (left, top, right, bottom)}


def _draw_colour(dice: random.Random, request: AugmentRequest, entry: Entry) -> dict[str, Any]:
    names = ("brightness", "contrast", "saturation")
    return {name: round(1 + dice.uniform(-1, 1) * request.colour, 4) for name in names}


_DRAWS = {
    "flip": _draw_flip, "rotate": _draw_rotate, "scale": _draw_scale, "crop": _draw_crop, "colour": _draw_colour,
}  # fmt: skip


def _turned(picture: "Picture", degrees: float, zoom: float) -> "Picture":
    """Turned around its middle and enlarged, then cut to the largest frame of the same shape without empty corners."""
    import cv2
    import numpy as np

    width, height = picture.size
    angle = math.radians(degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    share = min(width / (width * cos + height * sin), height / (width * sin + height * cos))
    frame = max(1, math.floor(width * share)), max(1, math.floor(height * share))
    around = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    around[0, 2] += (frame[0] - width) / 2
    around[1, 2] += (frame[1] - height) / 2
    turned = cv2.warpAffine(
        np.asarray(picture), around, frame, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return Image.fromarray(turned)
