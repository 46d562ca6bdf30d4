"""diffusers' layout: `unet.down_blocks.1....to_q.lora_A.weight`, and its older `unet.down_blocks.1....to_q.lora.down.weight`.
It keeps alpha in the header, or nowhere."""

import re

from studio.lora.dotted import dotted_place
from studio.lora.format import Format
from studio.lora.names import Place


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = re.fullmatch(r"(?:unet|transformer)\.(?!blocks\.|base_model\.)(?!.*processor)(.+)", stem)
    return dotted_place(match[1]) if match else None


FORMAT = Format("diffusers", _tell)
