"""Soft, wide textures that the hand-made styles share: smooth noise, wobbling edges, paper."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from studio.storybook.styles.canvas import SCALE, Image

Field = npt.NDArray[np.float32]
"""One number for every pixel of the canvas, (height, width)."""

_SIDE = 1100  # room for pictures of up to 512 pixels


def noise(image: Image, seed: int, across: float, along: float, turn: float = 0.0) -> Field:
    """Smooth noise with mean 0 and spread 1 as large as `image`; its grains are about `across` by `along` picture
    pixels, turned by `turn` degrees. The seed chooses a piece of one large field."""
    field = _field(across, along, turn)
    height, width = image.shape[:2]
    top, left = seed % (_SIDE - height), (seed // 1009) % (_SIDE - width)
    return field[top : top + height, left : left + width]


def wobbled(image: Image, seed: int, reach: float, grain: float = 14.0) -> Image:
    """The canvas with every edge swaying by about `reach` picture pixels, as a hand would draw it."""
    rows, columns = _grid(image.shape[0], image.shape[1])
    sway = np.float32(reach * SCALE)
    x = columns + sway * noise(image, seed, grain, grain)
    y = rows + sway * noise(image, seed // 7 + 331, grain, grain)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8)


@cache
def _grid(height: int, width: int) -> tuple[Field, Field]:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns


@cache
def _field(across: float, along: float, turn: float) -> Field:
    """A square field of noise, made by smoothing white noise at half its size."""
    raw = np.random.default_rng(7).standard_normal((_SIDE // 2, _SIDE // 2)).astype(np.float32)
    grains = cv2.GaussianBlur(raw, (0, 0), max(0.3, across * SCALE / 6))
    if along > across:
        grains = cv2.filter2D(grains, -1, _brush(along * SCALE / 2, turn))
    even = (grains - grains.mean()) / grains.std()
    return np.asarray(cv2.resize(even, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


def _brush(length: float, turn: float) -> Field:
    """A line-shaped averaging kernel."""
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    dx, dy = np.cos(np.radians(turn)) * middle, np.sin(np.radians(turn)) * middle
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
