"""The picture to begin with: fitted to the size that is painted, and encoded to latents; and the mask beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from studio.engine.cache import Kept
from studio.errors import MaskBlack, NotFinite, StartMissing
from studio.families.family import Family, Parts
from studio.words import Said, Text

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image as Picture

ENCODE = Text("encode", "编码")
PICTURE = Text("start picture, latents {shape}", "起始图，潜变量 {shape}")
FEATHER_PX = 4
"""How far inside the mask's edge the new picture is mixed with the old one."""
_BLACK, _WHITE = 8, 247
"""Below and above, a mask counts as all black or white: JPEG leaves specks."""


def fitted(file: Path, width: int, height: int) -> "torch.Tensor":
    """The picture in a file, scaled to cover width x height and cut about its middle: (3, H, W), 0 to 255, whole
    numbers in float32. Raises StartMissing."""
    from PIL import Image

    return _pixels(_cover(_open(file, "start", "RGB"), width, height, Image.Resampling.LANCZOS))


def fitted_mask(file: Path, width: int, height: int) -> "torch.Tensor | None":
    """The mask in a file, fitted likewise: (1, H, W) in [0, 1], 1 where the picture is painted anew; None for all white,
    which masks nothing. Raises StartMissing, or MaskBlack where there is nothing to paint."""
    from PIL import Image

    pixels = _pixels(_cover(_open(file, "mask", "L"), width, height, Image.Resampling.BOX))
    shares = ((pixels - _BLACK) / (_WHITE - _BLACK)).clamp(0, 1)
    if not bool(shares.any()):
        raise MaskBlack("mask")
    return None if bool((shares == 1).all()) else shares


def encode(family: Family, parts: Parts, pixels: "torch.Tensor") -> Kept:
    """Latents (1, C, H/8, W/8) of pixels (3, H, W), 0 to 255: the mean of what the autoencoder says. Raises NotFinite."""
    import torch

    latents, _ = family.encode_picture(parts, pixels[None] / 127.5 - 1)
    if not bool(torch.isfinite(latents).all()):
        raise NotFinite("precision", stage=ENCODE)
    shape = "x".join(str(n) for n in latents.shape[1:])
    return Kept(latents, latents.nbytes, Said(PICTURE, {"shape": shape}))


def shrunk(mask: "torch.Tensor", latents: "torch.Tensor") -> "torch.Tensor":
    """The mask (1, H, W) for latents (1, C, h, w): in their shape, each the mean of the pixels that it stands for."""
    import torch

    small = torch.nn.functional.adaptive_avg_pool2d(mask[None], (latents.shape[-2], latents.shape[-1]))
    return small.to(latents.device).expand_as(latents)


def composed(rgb: bytes, old: "torch.Tensor", mask: "torch.Tensor") -> bytes:
    """RGB bytes, row by row: the given ones under the mask (1, H, W), fading to `old` (3, H, W) within its edge, and the
    old ones to the bit where the mask is black."""
    import torch

    new = torch.frombuffer(bytearray(rgb), dtype=torch.uint8).view(*old.shape[1:], 3).permute(2, 0, 1)
    edged = torch.nn.functional.pad(mask[None], (FEATHER_PX,) * 4, mode="replicate")
    share = mask * torch.nn.functional.avg_pool2d(edged, 2 * FEATHER_PX + 1, stride=1)[0]
    mixed = (share * new + (1 - share) * old).round().to(torch.uint8)
    return mixed.permute(1, 2, 0).contiguous().numpy().tobytes()


def _open(file: Path, field: str, mode: str) -> "Picture":
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG",)) as picture:
            return picture.convert(mode)
    except OSError:
        raise StartMissing(field) from None


def _cover(picture: "Picture", width: int, height: int, how: int) -> "Picture":
    """Scaled so that it covers width x height, what juts out cut off on both sides alike."""
    scale = max(width / picture.width, height / picture.height)
    across, down = width / scale, height / scale
    left, top = (picture.width - across) / 2, (picture.height - down) / 2
    box = (max(left, 0), max(top, 0), min(left + across, picture.width), min(top + down, picture.height))
    return picture.resize((width, height), how, box=box)


def _pixels(picture: "Picture") -> "torch.Tensor":
    import numpy as np
    import torch

    pixels = np.atleast_3d(np.asarray(picture))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
