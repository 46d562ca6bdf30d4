"""x-flux' layout for Flux: `double_blocks.0.processor.qkv_lora1.down.weight`, `single_blocks.0.processor.qkv_lora...`. It
knows no alpha."""

import re

from studio.lora.first_release import first_release_place
from studio.lora.format import Format
from studio.lora.names import Place, place

_DOUBLE = re.compile(r"(?:diffusion_model\.)?double_blocks\.(\d+)\.processor\.(qkv|proj)_lora([12])")
_SINGLE = re.compile(r"(?:diffusion_model\.)?single_blocks\.(\d+)\.processor\.(qkv|proj)_lora")


def _tell(stem: str) -> tuple[Place, ...] | None:
    if match := _DOUBLE.fullmatch(stem):
        stream = "img" if match[3] == "1" else "txt"
        return first_release_place(f"double_blocks_{match[1]}_{stream}_attn_{match[2]}")
    if match := _SINGLE.fullmatch(stem):
        block = f"single_transformer_blocks_{match[1]}"
        parts = [f"attn_to_{part}" for part in "qkv"] if match[2] == "qkv" else ["proj_out"]
        return place(*(f"{block}_{part}" for part in parts))
    return None


FORMAT = Format("x-flux", _tell)
