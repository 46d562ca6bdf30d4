"""The diffusers layout, named as PEFT names layers: `unet.down_blocks.1....to_q.lora_A.weight`, and its older form
`unet.down_blocks.1....to_q.lora.down.weight`. It keeps alpha in the header, or nowhere."""

import re

from studio.lora.format import LOKR, Format, Role

_KEY = re.compile(
    r"(?:unet|transformer)\.(.+?)\.(?:(lora_A|lora_B)(?:\.\w+)?\.weight|lora\.(down|up)\.weight|(alpha|lora_magnitude_vector|lokr_w[12](?:_[ab])?)(?:\.weight)?)"
)
_ROLES: dict[str, Role] = {
    "lora_A": "down", "lora_B": "up", "down": "down", "up": "up", "alpha": "alpha",
    "lora_magnitude_vector": "magnitude", **LOKR,
}  # fmt: skip


def _tell(key: str) -> tuple[str, Role] | None:
    match = _KEY.fullmatch(key)
    return (match[1], _ROLES[match[2] or match[3] or match[4]]) if match else None


def _spell(module: str) -> str:
    return module


FORMAT = Format("diffusers", _tell, _spell)
