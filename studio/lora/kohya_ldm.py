"""kohya's layout with the block names of Stable Diffusion's first release, as its trainers write them for SD1.5 and SDXL:
`lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_down.weight`."""

import re

from studio.lora.first_release import first_release_place
from studio.lora.format import Format
from studio.lora.names import Place

_KEY = re.compile(
    r"(?:lora_unet_|lycoris_)((?:input_blocks|middle_block|output_blocks|time_embed|label_emb|out)_\d.*)"
)


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = _KEY.fullmatch(stem)
    return first_release_place(match[1]) if match else None


FORMAT = Format("kohya-ldm", _tell)
