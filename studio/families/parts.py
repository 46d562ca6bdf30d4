"""Opens the parts of a model's folder: by the class that a family names, from the folder's own configuration or, where
a folder has none, from constants that the family ships."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.families.family import Part

Constants = Mapping[str, Any]

CLIP_RENAMES = ((r"^text_model\.", ""), (r"^", "text_model."))
"""CLIP's text model stands under `text_model.` in files; the class without a projection has lost that level."""


def network(name: str, kind: str, constants: Constants | None = None, **more: Any) -> Part:
    """A network of diffusers; `more` are other fields of the part."""

    def opened(folder: Path) -> Any:
        made: Any = getattr(importlib.import_module("diffusers"), kind)
        return made.from_config(config(folder / "config.json", constants))

    return Part(name, opened, ("config.json",), settings_file="config.json" if constants else "", **more)


def text_encoder(name: str, kind: str, constants: Constants | None = None, **more: Any) -> Part:
    """A network of transformers; `more` are other fields of the part."""

    def opened(folder: Path) -> Any:
        made: Any = getattr(importlib.import_module("transformers"), kind)
        return made(made.config_class.from_dict(config(folder / "config.json", constants)))

    return Part(
        name,
        opened,
        ("config.json",),
        settings_file="config.json" if constants else "",
        takes_text_loras=kind.startswith("CLIPText"),
        **more,
    )


def tokenizer(name: str, kind: str, needs: tuple[str, ...] = ("tokenizer_config.json",)) -> Part:
    """A tokenizer of transformers."""

    def opened(folder: Path) -> Any:
        return getattr(importlib.import_module("transformers"), kind).from_pretrained(str(folder))

    return Part(name, opened, needs, is_network=False)


def scheduler(constants: Constants | None = None, **more: Any) -> Part:
    """The configuration of a scheduler."""
    file = "scheduler_config.json"

    def opened(folder: Path) -> Any:
        return config(folder / file, constants)

    own = file if constants else ""
    return Part("scheduler", opened, (file,), is_network=False, settings_file=own, **more)


def config(file: Path, constants: Constants | None) -> dict[str, Any]:
    """What a configuration file says; without the file, the constants. Raises ValueError for a file that holds no
    settings."""
    if constants is not None and not file.is_file():
        return dict(constants)
    read = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(read, dict):
        raise ValueError("a configuration holds one object")
    return read
