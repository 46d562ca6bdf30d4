"""Perceptual hashes: 64 signs of a picture's low cosine frequencies, of it and of its mirror image at once.

A bit is the sign of one coefficient, not its side of the median as pHash has it: then the mirror image's hash is the same
coefficients with the odd horizontal ones negated, and the distance from one picture to another's mirror image is the
same from either side. Coefficients near zero count as zero, so that in flat or symmetrical pictures no bit is left to
the noise of compression. In place of the mean brightness, which tells nothing, stands the ninth vertical frequency."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32
"""Pictures are hashed as grey squares of this many pixels a side."""
BITS = 64
_LOW = 8
_STILL = 2.0
"""A coefficient below this, in grey levels of the orthonormal transform, is noise: JPEG's is about 0.3."""

Grey = NDArray[np.uint8]


def _cosines(rows: int) -> NDArray[np.float32]:
    """The first rows of the orthonormal DCT-II of `SIDE` values."""
    angle = np.outer(np.arange(rows), np.pi / SIDE * (np.arange(SIDE) + 0.5))
    table = np.cos(angle) * np.sqrt(2 / SIDE)
    table[0] = np.sqrt(1 / SIDE)
    return np.asarray(table, np.float32)


_DOWN, _ACROSS = _cosines(_LOW + 1), _cosines(_LOW).T.copy()
_MIRRORED = np.where(np.arange(_LOW) % 2, -1, 1).astype(np.float32)


def hashes(square: Grey) -> tuple[int, int]:
    """Hash of a grey picture (32, 32) and hash of its mirror image, each 0 to 2**64 - 1."""
    low = _DOWN @ square.astype(np.float32) @ _ACROSS
    low[0, 0] = low[_LOW, 0]
    low = low[:_LOW]
    return _packed(low), _packed(low * _MIRRORED)


def distances(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits differ, 0 to 64, element by element; shapes are broadcast."""
    return np.asarray(np.bitwise_count(a ^ b))


def as_hashes(numbers: Any) -> NDArray[np.uint64]:
    """Hashes as an array; signed ones, as SQLite keeps them, are taken as the bits that they are."""
    return np.array([int(number) % 2**BITS for number in numbers], dtype=np.uint64)


def _packed(low: NDArray[np.float32]) -> int:
    return int.from_bytes(np.packbits(low > _STILL).tobytes(), "big")
