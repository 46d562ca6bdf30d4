"""Strokes over a picture as a mask, and a mask as strokes: what stands between the editor and the request."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

SHOWN_PX = 768
"""The longer side of what the editor is given: finer than a finger, light enough for a phone; and always the same, so
that the brush is as broad on every picture."""
BRUSH_PX = 30
COLOUR = (214, 64, 43)
OPACITY = 0.6
_HALF = round(255 * OPACITY / 2)


def mask_of(painted: Mapping[str, Any], size: tuple[int, int]) -> Image.Image | None:
    """The strokes of an editor's value as a mask (L, white = painted) of `size`; None when there are none."""
    mask: Image.Image | None = None
    for layer in painted.get("layers") or ():
        alpha = layer.getchannel("A").point(lambda value: 255 if value >= _HALF else 0)
        mask = alpha if mask is None else ImageChops.lighter(mask, alpha)
    if mask is None or mask.getbbox() is None:
        return None
    return mask.resize(size, Image.Resampling.BILINEAR).point(lambda value: 255 if value >= 128 else 0)


def canvas(start_file: Path, mask_file: Path | None) -> dict[str, Any]:
    """What an editor shows of a start picture, with the strokes that a mask stands for."""
    with Image.open(start_file) as opened:
        scale = SHOWN_PX / max(opened.size)
        size = (max(1, round(opened.width * scale)), max(1, round(opened.height * scale)))
        ground = opened.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    layers = [] if mask_file is None else [_strokes(mask_file, ground.size)]
    return {"background": ground, "layers": layers, "composite": None}


def _strokes(mask_file: Path, size: tuple[int, int]) -> Image.Image:
    with Image.open(mask_file) as opened:
        mask = opened.convert("L").resize(size, Image.Resampling.BILINEAR)
    strokes = Image.new("RGBA", size, (*COLOUR, 0))
    strokes.putalpha(mask.point(lambda value: round(255 * OPACITY) if value >= 128 else 0))
    return strokes
