"""The decode stage: latents to pixels."""

from typing import TYPE_CHECKING

from studio.engine.cache import Kept
from studio.errors import NotFinite
from studio.families.family import Family, Parts
from studio.words import Said, Text

if TYPE_CHECKING:
    import torch

PIXELS = Text("{width} x {height} pixels", "{width} x {height} 像素")
DECODE = Text("decode", "解码")


def run(family: Family, parts: Parts, latents: "torch.Tensor") -> Kept:
    """The picture's RGB bytes, row by row. Raises NotFinite where the autoencoder overflowed."""
    import torch

    rgb = family.decode(parts, latents)[0]
    if not bool(torch.isfinite(rgb).all()):
        raise NotFinite("precision", stage=DECODE)
    pixels = (rgb.permute(1, 2, 0) * 255).round().to("cpu", torch.uint8).contiguous()
    height, width = pixels.shape[:2]
    return Kept(pixels.numpy().tobytes(), pixels.nbytes, Said(PIXELS, {"width": width, "height": height}))
