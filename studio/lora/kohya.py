"""The kohya layout with diffusers' block names: `lora_unet_down_blocks_1_..._to_q.lora_down.weight` and `.alpha`; for
DoRA also `.dora_scale`, and for LoKr, as LyCORIS names them, `.lokr_w1` and so on."""

import re

from studio.lora.format import LOKR, Format, Role

PREFIX = "lora_unet_"
_KEY = re.compile(
    rf"({PREFIX}[^.]+)\.(lora_down\.weight|lora_up\.weight|alpha|dora_scale|lokr_w[12](?:_[ab])?)"
)
_ROLES: dict[str, Role] = {
    "lora_down.weight": "down", "lora_up.weight": "up", "alpha": "alpha", "dora_scale": "magnitude", **LOKR,
}  # fmt: skip


def _tell(key: str) -> tuple[str, Role] | None:
    match = _KEY.fullmatch(key)
    return (match[1], _ROLES[match[2]]) if match else None


def _spell(module: str) -> str:
    return PREFIX + module.replace(".", "_")


FORMAT = Format("kohya", _tell, _spell)
