"""kohya's layout with diffusers' block names: `lora_unet_down_blocks_1_..._to_q.lora_down.weight`; LyCORIS without a
trainer writes `lycoris_` for `lora_unet_`, OneTrainer `lora_transformer_` for transformers."""

import re

from studio.lora.first_release import first_release_place
from studio.lora.format import Format
from studio.lora.names import Place, diffusers_place

PREFIX = "lora_unet_"


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = re.fullmatch(r"(?:lora_unet_|lora_transformer_|lycoris_)([^.]+)", stem)
    return diffusers_place(match[1]) if match and first_release_place(match[1]) is None else None


FORMAT = Format("kohya", _tell)
