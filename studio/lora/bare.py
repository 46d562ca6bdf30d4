"""Module paths without a prefix, as DiffSynth 2 writes them: `down_blocks.1....to_q.lora_A.default.weight`,
`double_blocks.0.img_attn.qkv.lora_A.weight`."""

from studio.lora.dotted import known_place
from studio.lora.format import Format
from studio.lora.names import Place


def _tell(stem: str) -> tuple[Place, ...] | None:
    return None if "processor" in stem else known_place(stem)


FORMAT = Format("bare", _tell)
