"""diffusers' oldest layout, of attention processors: `[unet.]down_blocks.1....attn1.processor.to_q_lora.down.weight`. It
knows no alpha."""

import re

from studio.lora.format import Format
from studio.lora.names import Place, diffusers_place, flat

_KEY = re.compile(r"(?:unet\.)?(.+)\.processor\.((?:to|add)_\w+?)_lora")


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = _KEY.fullmatch(stem)
    return diffusers_place(flat(f"{match[1]}.{match[2]}")) if match else None


FORMAT = Format("diffusers-attn-procs", _tell)
