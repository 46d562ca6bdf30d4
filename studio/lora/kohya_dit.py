"""kohya's layout with the block names that transformers were released with: Flux' and Flux.2's
`lora_unet_double_blocks_0_img_attn_qkv`, Stable Diffusion 3's `lora_unet_joint_blocks_0_x_block_attn_qkv`, Z-Image's
`lora_unet_layers_0_attention_qkv`."""

import re

from studio.lora.first_release import first_release_place
from studio.lora.format import Format
from studio.lora.names import Place

_KEY = re.compile(
    r"(?:lora_unet_|lycoris_)(?!input_blocks|middle_block|output_blocks|time_embed_|label_emb|out_\d)([^.]+)"
)


def _tell(stem: str) -> tuple[Place, ...] | None:
    match = _KEY.fullmatch(stem)
    return first_release_place(match[1]) if match else None


FORMAT = Format("kohya-dit", _tell)
