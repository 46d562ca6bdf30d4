"""The painter: a scene and a style in, a picture out; the same arguments always give the same pixels."""

from PIL import Image

from studio.storybook.plan import plan
from studio.storybook.scene import Scene
from studio.storybook.styles import RENDERERS


def paint(scene: Scene, style: str = "flat") -> Image.Image:
    """Paint `scene` in one of scene.STYLES: an RGB picture of exactly `scene.size`."""
    return Image.fromarray(RENDERERS[style](plan(scene)))
