"""PEFT's own layout, as `save_pretrained` writes it: `base_model.model.` and a path. Alpha is in the adapter_config.json
beside the file."""

from studio.lora.dotted import dotted_place
from studio.lora.format import Format
from studio.lora.names import Place

PREFIX = "base_model.model."


def _tell(stem: str) -> tuple[Place, ...] | None:
    path = stem.removeprefix(PREFIX)
    return dotted_place(path) if path != stem else None


FORMAT = Format("peft", _tell)
