"""The easel: laying marks onto an RGB array that is twice as large as the picture, and bringing it down to size."""

import cv2
import numpy as np
import numpy.typing as npt

from studio.storybook.shapes import RGB, Mark, Points

Image = npt.NDArray[np.uint8]
"""RGB, (height, width, 3) in [0, 255]."""

SCALE = 2
SOFTNESS = 0.75
"""What ink does on soft paper, in picture pixels; it also keeps lines wide enough for an 8-fold autoencoder."""
_SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel


def canvas(size: tuple[int, int], colour: RGB = (255, 255, 255)) -> Image:
    """An empty canvas for a picture of `size` (width, height)."""
    image = np.empty((size[1] * SCALE, size[0] * SCALE, 3), np.uint8)
    image[:] = colour
    return image


def gradient(size: tuple[int, int], stops: tuple[RGB, ...], foot: float) -> Image:
    """A canvas whose rows run evenly through the stops from the top down to `foot` (share of the height)."""
    height, width = size[1] * SCALE, size[0] * SCALE
    rows = np.linspace(0, 1 / max(foot, 0.05), height).clip(0, 1) * (len(stops) - 1)
    table = np.array(stops, np.float32)
    ramp = np.stack([np.interp(rows, np.arange(len(stops)), table[:, c]) for c in range(3)], axis=1)
    return np.broadcast_to(ramp[:, None].round().astype(np.uint8), (height, width, 3)).copy()


def lay(image: Image, mark: Mark, colour: RGB | None = None) -> None:
    """Paint one mark in its colour, or in the given one."""
    paint = mark.colour if colour is None else colour
    if mark.alpha < 1 or mark.blur:
        _glaze(image, mark, paint)
    elif mark.width:
        stroke(image, mark.points, paint, mark.width)
    else:
        cv2.fillPoly(image, [_fixed(mark.points)], paint, cv2.LINE_AA, _SHIFT)


def stroke(image: Image, points: Points, colour: RGB, width: float, closed: bool = False) -> None:
    """A line `width` picture pixels wide along the points, with round ends."""
    thickness = max(1, round(width * SCALE))
    cv2.polylines(image, [_fixed(points)], closed, colour, thickness, cv2.LINE_AA, _SHIFT)


def outline(image: Image, mark: Mark, colour: RGB, width: float) -> None:
    """The mark's contour, reaching `width` picture pixels beyond its edge; a line is drawn as a broader line."""
    stroke(image, mark.points, colour, mark.width + 2 * width, closed=not mark.width)


def coverage(marks: tuple[Mark, ...], size: tuple[int, int], grow: float = 0.0) -> Image:
    """Where the marks are: (height, width) of the canvas, 255 inside, `grow` picture pixels beyond the edges."""
    mask = np.zeros((size[1] * SCALE, size[0] * SCALE), np.uint8)
    for mark in marks:
        stroke_width = mark.width + 2 * grow
        if stroke_width:
            thickness = max(1, round(stroke_width * SCALE))
            cv2.polylines(mask, [_fixed(mark.points)], not mark.width, 255, thickness, cv2.LINE_8, _SHIFT)
        if not mark.width:
            cv2.fillPoly(mask, [_fixed(mark.points)], 255, cv2.LINE_8, _SHIFT)
    return mask


def reduced(image: Image, softness: float = SOFTNESS) -> Image:
    """The canvas averaged down to the picture's size and softened by a Gaussian of `softness` picture pixels."""
    height, width = image.shape[0] // SCALE, image.shape[1] // SCALE
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), softness) if softness else small, np.uint8)


def blend(image: Image, window: tuple[int, int, int, int], mask: Image, colour: RGB, alpha: float) -> None:
    """Mix `colour` into the window (left, top, right, bottom) of the canvas where the mask says."""
    left, top, right, bottom = window
    part = image[top:bottom, left:right]
    share = mask.astype(np.float32) * (alpha / 255)
    tint = np.empty_like(part)
    tint[:] = colour
    image[top:bottom, left:right] = cv2.blendLinear(tint, part, share, 1 - share)


def window_of(points: Points, image: Image, margin: float) -> tuple[int, int, int, int]:
    """The canvas window (left, top, right, bottom) round the points, `margin` picture pixels wider, clipped."""
    low = np.floor((points.min(axis=0) - margin) * SCALE).astype(int)
    high = np.ceil((points.max(axis=0) + margin) * SCALE).astype(int)
    height, width = image.shape[:2]
    return max(0, low[0]), max(0, low[1]), min(width, high[0]), min(height, high[1])


def _glaze(image: Image, mark: Mark, colour: RGB) -> None:
    window = window_of(mark.points, image, mark.blur * 2 + mark.width)
    left, top, right, bottom = window
    if right <= left or bottom <= top:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    shifted = _fixed(mark.points) - np.array([left, top], np.int32) * (1 << _SHIFT)
    if mark.width:
        cv2.polylines(mask, [shifted], False, 255, max(1, round(mark.width * SCALE)), cv2.LINE_AA, _SHIFT)
    else:
        cv2.fillPoly(mask, [shifted], 255, cv2.LINE_AA, _SHIFT)
    if mark.blur:
        mask = _soft(mask, mark.blur * SCALE)
    blend(image, window, mask, colour, mark.alpha)


def _soft(mask: Image, radius: float) -> Image:
    """Three box blurs stand for a Gaussian: the same look at any radius for the same price."""
    side = max(1, int(radius * 0.8)) * 2 + 1
    for _ in range(2):
        mask = np.asarray(cv2.blur(mask, (side, side), borderType=cv2.BORDER_REPLICATE), np.uint8)
    return mask


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    return np.asarray(np.rint(points * (SCALE * (1 << _SHIFT))), np.int32)
