"""The display list: what a drawing is made of, before anyone has chosen a size, a palette or a style.

A drawing lives in a frame 100 units high and 100 x aspect units wide, x to the right and y down, so circles stay
circles. Every shape names a role instead of a colour; the palette answers roles, the style decides how to lay them
down.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Role = Literal[
    "main", "shade", "light", "deep", "accent", "dark", "pale", "glass", "wood", "leaf", "metal", "gold", "blush", "eye", "pupil",
    "sun", "moon", "star", "cloud", "cloud-shade", "rain", "hill", "peak", "ground", "detail", "glow", "shadow",
]  # fmt: skip
"""The first row belongs to things, the second to backdrops."""

RGB = tuple[int, int, int]
Point = tuple[float, float]
Points = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shape:
    """A filled outline, or with a width an open line of that width; points (N, 2) in frame units."""

    role: Role
    points: Points
    width: float = 0.0


@dataclass(frozen=True, eq=False)
class Mark:
    """A shape that has its place and colour: points (N, 2) and width in picture pixels; blur is the softness of
    its edge in pixels, alpha its opacity."""

    role: Role
    points: Points
    colour: RGB
    width: float = 0.0
    alpha: float = 1.0
    blur: float = 0.0


Drawing = tuple[Shape, ...]


def oval(role: Role, x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Shape:
    """An ellipse round (x, y), a circle without `ry`; `turn` in degrees, clockwise as seen."""
    return Shape(role, oval_points(x, y, rx, rx if ry is None else ry, turn))


def poly(role: Role, *corners: Point, r: float = 0.0) -> Shape:
    """A polygon whose corners are rounded off by about `r`."""
    points = np.array(corners, np.float32)
    return Shape(role, rounded(points, r) if r else points)


def box(role: Role, left: float, top: float, right: float, bottom: float, r: float = 0.0) -> Shape:
    """An upright box with corners of radius `r`."""
    return poly(role, (left, top), (right, top), (right, bottom), (left, bottom), r=r)


def dome(role: Role, left: float, right: float, top: float, base: float) -> Shape:
    """The upper half of an ellipse that stands on `base`."""
    angles = np.linspace(np.pi, 2 * np.pi, 28)
    x, rx = (left + right) / 2, (right - left) / 2
    rim = np.stack([x + rx * np.cos(angles), base + (base - top) * np.sin(angles)], axis=1)
    return Shape(role, rim.astype(np.float32))


def arch(role: Role, left: float, right: float, top: float, bottom: float) -> Shape:
    """A door or window with a round top."""
    radius = (right - left) / 2
    rim = dome(role, left, right, top, top + radius).points
    return Shape(role, np.concatenate([rim, np.array([(right, bottom), (left, bottom)], np.float32)]))


def blob(role: Role, *knots: Point) -> Shape:
    """A smooth closed outline through all knots."""
    return Shape(role, smooth_points(np.array(knots, np.float32), closed=True))


def line(role: Role, width: float, *knots: Point) -> Shape:
    """A straight or broken line with round ends."""
    return Shape(role, np.array(knots, np.float32), width)


def curve(role: Role, width: float, *knots: Point) -> Shape:
    """A smooth open line through all knots, with round ends."""
    return Shape(role, smooth_points(np.array(knots, np.float32), closed=False), width)


def limb(role: Role, width: float, *knots: Point) -> Shape:
    """A filled tail, arm or stem of even width along a smooth curve, with round ends; unlike a curve it has a
    contour of its own."""
    spine = smooth_points(np.array(knots, np.float32), closed=False)
    along = np.gradient(spine, axis=0)
    along /= np.hypot(along[:, :1], along[:, 1:]).clip(1e-6)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1) * (width / 2)
    angles = np.linspace(0, np.pi, 9)[1:-1, None]
    cap = np.cos(angles) * across[-1] + np.sin(angles) * along[-1] * (width / 2) + spine[-1]
    start = -np.cos(angles) * across[0] - np.sin(angles) * along[0] * (width / 2) + spine[0]
    rim = np.concatenate([spine + across, cap, (spine - across)[::-1], start])
    return Shape(role, rim.astype(np.float32))


def oval_points(x: float, y: float, rx: float, ry: float, turn: float = 0.0, count: int = 36) -> Points:
    """The outline (count, 2) of an ellipse."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    across, along = rx * np.cos(angles), ry * np.sin(angles)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    rim = np.stack([x + across * cos - along * sin, y + across * sin + along * cos], axis=1)
    return rim.astype(np.float32)


def smooth_points(knots: Points, closed: bool, steps: int = 8) -> Points:
    """A Catmull-Rom curve through the knots (N, 2), with `steps` points to a span."""
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    curve_ = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    flat = curve_.reshape(-1, 2)
    return (flat if closed else np.concatenate([flat, knots[-1:]])).astype(np.float32)


def rounded(corners: Points, r: float) -> Points:
    """Each corner replaced by a short quadratic Bezier curve, never longer than half an edge."""
    t = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    pieces = []
    for i, corner in enumerate(corners):
        before, after = corners[i - 1] - corner, corners[(i + 1) % len(corners)] - corner
        start = corner + before * min(0.5, r / max(float(np.hypot(*before)), 1e-6))
        end = corner + after * min(0.5, r / max(float(np.hypot(*after)), 1e-6))
        pieces.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return np.concatenate(pieces).astype(np.float32)
