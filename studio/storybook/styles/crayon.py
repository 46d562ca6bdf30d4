"""`crayon`: wax on rough paper, slanted strokes that let the paper shine through, colours kept."""

import numpy as np

from studio.storybook.plan import Plan
from studio.storybook.styles.canvas import Image, reduced
from studio.storybook.styles.flat import render_large
from studio.storybook.styles.texture import noise, wobbled

_PAPER = np.array((253, 248, 236), np.float32)


def render(plan: Plan) -> Image:
    """The finished picture (height, width, 3)."""
    seed = plan.scene.seed
    image = wobbled(render_large(plan, contour=1.0, rim=1.0), seed, 0.8, 9)
    small = reduced(image)
    wax = noise(small, seed, 5.0, 30.0, 38.0) * np.float32(0.10) + noise(
        small, seed + 77, 4.5, 4.5
    ) * np.float32(0.06)
    bare = (wax + np.float32(0.12)).clip(0, 0.5)[:, :, None]
    pressed = (-wax).clip(0, 0.4)[:, :, None] * np.float32(0.45)
    waxy = small.astype(np.float32) * (1 - pressed)
    return np.asarray(waxy + (_PAPER - waxy) * bare, np.uint8)
