"""The kohya layout with diffusers' block names: `lora_unet_down_blocks_1_..._to_q.lora_down.weight` and `.alpha`."""

import re

from studio.lora.format import Format, Role

PREFIX = "lora_unet_"
_KEY = re.compile(rf"({PREFIX}[^.]+)\.(lora_down\.weight|lora_up\.weight|alpha)")
_ROLES: dict[str, Role] = {"lora_down.weight": "down", "lora_up.weight": "up", "alpha": "alpha"}


def _tell(key: str) -> tuple[str, Role] | None:
    match = _KEY.fullmatch(key)
    return (match[1], _ROLES[match[2]]) if match else None


def _spell(module: str) -> str:
    return PREFIX + module.replace(".", "_")


FORMAT = Format("kohya", _tell, _spell)
