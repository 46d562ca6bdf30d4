"""The .ckpt of DiffSynth 1's Kolors script: the denoiser's blocks counted through, `blocks.7.transformer_blocks.0.attn1.to_q`,
and `to_out` for `to_out.0`. It knows no alpha."""

import re

from studio.lora.format import Format
from studio.lora.names import Place, diffusers_place, flat

_BLOCKS = {
    7: "down_blocks.1.attentions.0", 10: "down_blocks.1.attentions.1", 15: "down_blocks.2.attentions.0",
    18: "down_blocks.2.attentions.1", 21: "mid_block.attentions.0", 25: "up_blocks.0.attentions.0",
    28: "up_blocks.0.attentions.1", 31: "up_blocks.0.attentions.2", 35: "up_blocks.1.attentions.0",
    38: "up_blocks.1.attentions.1", 41: "up_blocks.1.attentions.2",
}  # fmt: skip
"""Which of the counted blocks hold attention, in SDXL-shaped denoisers."""


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = re.fullmatch(r"(?:unet\.)?blocks\.(\d{1,3})\.(.+)", stem)
    block = _BLOCKS.get(int(match[1])) if match else None
    return diffusers_place(flat(f"{block}.{match[2]}")) if match and block else None


FORMAT = Format("diffsynth-1", _tell)
