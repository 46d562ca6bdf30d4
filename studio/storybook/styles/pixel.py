"""`pixel`: an old video game, cells of four pixels and only the colours that the plan names."""

import cv2
import numpy as np
import numpy.typing as npt

from studio.storybook.plan import Plan
from studio.storybook.styles.canvas import SCALE, Image
from studio.storybook.styles.flat import render_large

_CELL = 4


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    large = render_large(plan, contour=1.6, rim=0.0)
    height, width = large.shape[0] // (SCALE * _CELL), large.shape[1] // (SCALE * _CELL)
    cells = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    paints = _paints(plan)
    distance = np.square(cells[:, :, None] - paints).sum(axis=3)
    return np.repeat(
        np.repeat(paints[distance.argmin(axis=2)].astype(np.uint8), _CELL, axis=0), _CELL, axis=1
    )


def _paints(plan: Plan) -> npt.NDArray[np.float32]:
    """The limited palette (N, 3): five bands of sky, the backdrop's and the things' paints."""
    stops = np.array(plan.sky, np.float32)
    at = np.linspace(0, len(stops) - 1, 5)
    bands = [tuple(np.interp(t, np.arange(len(stops)), stops[:, c]) for c in range(3)) for t in at]
    marks = [*plan.backdrop, *(mark for placed in plan.things for mark in placed.marks)]
    named = {mark.colour for mark in marks if mark.alpha == 1} | {placed.deep for placed in plan.things}
    return np.array([*bands, *sorted(named)], np.float32)
