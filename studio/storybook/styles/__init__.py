"""The eight ways of laying down a plan; a new style is one module and one line here."""

from collections.abc import Callable

from studio.storybook.plan import Plan
from studio.storybook.styles import blueprint, crayon, flat, ink_outline, ink_wash, neon, pixel, woodcut
from studio.storybook.styles.canvas import Image

RENDERERS: dict[str, Callable[[Plan], Image]] = {
    "flat": flat.render, "ink-outline": ink_outline.render, "ink-wash": ink_wash.render, "blueprint": blueprint.render,
    "woodcut": woodcut.render, "crayon": crayon.render, "pixel": pixel.render, "neon": neon.render,
}  # fmt: skip
"""From a style's name in scene.STYLES to the function that paints a plan as RGB (height, width, 3)."""
