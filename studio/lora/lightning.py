"""A LightningModule's state: its attribute names, and then a path into the denoiser, `pipe.unet.down_blocks.1....`,
`model.base_model.model.down_blocks.1....`."""

import re

from studio.lora.dotted import known_place
from studio.lora.format import Format
from studio.lora.names import Place

_KEY = re.compile(
    r"(?!unet\.|transformer\.|base_model\.|diffusion_model\.|model\.diffusion_model\.)"
    r"(?!unet\.blocks\.|text_encoders?[._]|blocks\.)"
    r"(?:\w+\.){0,3}?(?:unet|transformer|denoiser|denoising_model|dit|model|module)\.(?:base_model\.model\.)?(.+)"
)
_WRAPPED = re.compile(r"(?:unet|transformer)\.base_model\.model\.(.+)")


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = _WRAPPED.fullmatch(stem) or _KEY.fullmatch(stem)
    return known_place(match[1]) if match and "processor" not in stem else None


FORMAT = Format("lightning", _tell)
