"""A picture's pixels as numbers: decoded upright to 8-bit RGB, then sharpness, exposure, detail and colours."""

from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import simplejpeg
import xxhash
from numpy.typing import NDArray
from PIL import Image

from studio.datasets import phash

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Bytes = NDArray[np.uint8]

WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
"""Pillow's modes of pictures that may be transparent in parts."""
HUES, GREYS = 12, 8
LONG_SIDE_PX = 512
_SAMPLES = 32
_TILE_PX, _LEAST_TILE_PX = 192, 32
_MANY_PIXELS = 2**20
_PIXELS_LOST = ("premature end of data segment", "bad Huffman code")
"""What libjpeg says of a JPEG whose coded pixels are damaged; stray bytes between its parts do no harm."""
_DARK, _LIGHT = 4, 251
_DIGITS = "0123456789abcdef"


def decode(picture: "Picture", content: bytes, orientation: int) -> Bytes:
    """All pixels (H, W, 3) in RGB, turned upright, transparency laid on white; raises what Pillow raises. JPEGs go through
    simplejpeg, the same decoder without a copy, which refuses whatever is amiss. Where pixels are lost that is raised,
    since Pillow and OpenCV make up grey for them and say nothing; of the rest Pillow, as training does, has to judge."""
    if picture.format in ("JPEG", "MPO") and picture.mode in ("RGB", "L"):
        try:
            return upright(simplejpeg.decode_jpeg(content, "RGB"), orientation)
        except ValueError as error:
            if any(lost in str(error) for lost in _PIXELS_LOST):
                raise
    picture.load()
    return upright(np.asarray(as_rgb(picture)), orientation)


def as_rgb(picture: "Picture") -> "Picture":
    """A loaded picture in 8-bit RGB: transparency laid on white, deeper greys scaled down instead of cut off."""
    if picture.mode in WITH_ALPHA or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if picture.mode.startswith(("I", "F")):
        picture = Image.fromarray(_eight_bits(np.asarray(picture)))
    return picture.convert("RGB")


def _eight_bits(deep: NDArray[Any]) -> Bytes:
    """Greys of more than 8 bits: whole numbers as of 16 bits, fractions as lying between 0 and 1 or their largest."""
    if np.issubdtype(deep.dtype, np.floating):
        top = max(1.0, float(np.nanmax(deep, initial=0.0)))
        return np.asarray(np.nan_to_num(deep).clip(0, top) * (255 / top)).astype(np.uint8)
    return np.asarray(deep.clip(0, 65535).astype(np.uint16) >> 8).astype(np.uint8)


def upright(rgb: Bytes, orientation: int) -> Bytes:
    """The picture as EXIF's orientation (1 to 8) wants it to be seen."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(rgb)


def measured(rgb: Bytes) -> dict[str, Any]:
    """What `Measures` keeps of upright pixels (H, W, 3)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    seen = _within(grey, LONG_SIDE_PX)
    half = _within(seen, max(seen.shape) // 2)
    square = cv2.resize(half, (phash.SIDE, phash.SIDE), interpolation=cv2.INTER_AREA)
    own, mirrored = phash.hashes(np.asarray(square, np.uint8))
    shares = _histogram(half)
    return {
        "pixels_digest": xxhash.xxh3_128_hexdigest(rgb.data),
        "phash": own,
        "mirror_phash": mirrored,
        "sharpness": _sharpness(seen),
        "detail": _detail(grey),
        **_exposure(shares),
        **_colours(rgb, shares),
    }


def _within(grey: Any, long_side: int) -> Any:
    """A picture scaled down to a longest side, never up."""
    height, width = grey.shape
    scale = long_side / max(height, width)
    if scale >= 1:
        return grey
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _histogram(grey: Any) -> NDArray[np.float64]:
    """Shares of the 256 greys."""
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    return np.asarray(counts / counts.sum())


def _sharpness(grey: Any) -> float:
    """Variance of the Laplacian (Pech-Pacheco 2000)."""
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    mean = float(cv2.mean(edges)[0])
    squares = float(cv2.norm(edges, cv2.NORM_L2SQR))
    return squares / int(edges.size) - mean * mean


def _exposure(shares: NDArray[np.float64]) -> dict[str, float]:
    there = shares[shares > 0]
    return {
        "dark_share": float(shares[: _DARK + 1].sum()),
        "light_share": float(shares[_LIGHT:].sum()),
        "brightness": float(shares @ np.arange(256)),
        "entropy": abs(float(there @ np.log2(there))),
    }


def _colours(rgb: Bytes, shares: NDArray[np.float64]) -> dict[str, Any]:
    """Saturation, and the coarse histogram of `HUES` hues, weighted by how colourful each sample is, and `GREYS` levels of grey: a
    hexadecimal digit each, the root of its share in fifteenths."""
    down, across = (max(1, side // _SAMPLES) for side in rgb.shape[:2])
    few = rgb[down // 2 :: down, across // 2 :: across]
    hsv = cv2.cvtColor(np.ascontiguousarray(few), cv2.COLOR_RGB2HSV).reshape(-1, 3)
    chroma = hsv[:, 1].astype(np.float64) * hsv[:, 2]
    weight = float(hsv[:, 2].sum()) * 255
    hues = np.bincount(hsv[:, 0] // (180 // HUES), chroma, HUES)[:HUES] / max(weight, 1.0)
    levels = shares.reshape(GREYS, -1).sum(1)
    digits = np.rint(15 * np.sqrt(np.concatenate([hues, levels]).clip(0, 1))).astype(int)
    return {"saturation": min(1.0, float(hues.sum())), "colours": "".join(_DIGITS[d] for d in digits)}


def _detail(grey: Any) -> float:
    """Share of the spectrum's energy above half of the Nyquist frequency, without the mean: in one square from the
    middle, or five of a large picture."""
    height, width = grey.shape
    side = _TILE_PX
    while side > min(height, width):
        side //= 2
    if side < _LEAST_TILE_PX:
        return 0.0
    window, energy, high = _spectral_weights(side)
    whole = above = 0.0
    for top, left in _corners(height, width, side):
        tile: Any = grey[top : top + side, left : left + side]
        mean: Any = cv2.mean(tile)[:1]
        power: Any = cv2.subtract(tile, mean, dtype=cv2.CV_32F)
        power *= window
        cv2.dft(power, power)
        power *= power
        whole += float(power.ravel() @ energy)
        above += float(power.ravel() @ high)
    return above / whole if whole > 1e-3 else 0.0


def _corners(height: int, width: int, side: int) -> list[tuple[int, int]]:
    middle = ((height - side) // 2, (width - side) // 2)
    if height * width < _MANY_PIXELS or min(height, width) < 2 * side:
        return [middle]
    quarter, rest = (middle[0] // 2, middle[1] // 2), (middle[0] * 3 // 2, middle[1] * 3 // 2)
    return [middle, quarter, rest, (quarter[0], rest[1]), (rest[0], quarter[1])]


@cache
def _spectral_weights(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """A Hann window, and what each number of OpenCV's packed spectrum counts for in the energy, and in that above half of
    Nyquist. Packed: columns hold the real and imaginary parts of the horizontal frequencies in turn; the first and the
    last one, which are their own mirrors, hold those of the vertical frequencies in turn."""
    packed = (np.arange(side) + 1) // 2
    down = np.minimum(np.arange(side), side - np.arange(side))[:, None].repeat(side, 1)
    down[:, [0, -1]] = packed[:, None]
    radius = np.hypot(down, packed[None, :])
    energy = np.full((side, side), 2.0)
    for row in (0, -1):
        for column in (0, -1):
            energy[row, column] = 1.0
    energy[0, 0] = 0.0
    window = np.hanning(side + 1)[:-1].astype(np.float32)
    return (
        np.outer(window, window),
        energy.astype(np.float32).ravel(),
        (energy * (radius > side / 4)).astype(np.float32).ravel(),
    )
