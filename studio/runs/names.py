"""Names that are free: a LoRA's, and a run folder's."""

import re
from pathlib import Path

from studio.train_request import MOST_NAME_CHARACTERS

_MOST_NUMBERED = 10_000
_MOST_SLUG_CHARACTERS = 40


def free_name(name: str, taken: set[str]) -> str:
    """The name itself, or with the first number that makes it free; `taken` is in lower case."""
    stem = name[: MOST_NAME_CHARACTERS - len(f"-{_MOST_NUMBERED}")]
    names = (name, *(f"{stem}-{n}" for n in range(2, _MOST_NUMBERED)))
    return next(found for found in names if found.lower() not in taken)


def name_of(dataset: Path) -> str:
    """A LoRA's name from its dataset's folder."""
    return slug(dataset.name)


def slug(name: str) -> str:
    """Letters and digits of any language, with a hyphen for all else; "lora" when none are left."""
    return re.sub(r"[^\w]+", "-", name).strip("-_")[:_MOST_SLUG_CHARACTERS] or "lora"


def free_path(folder: Path, name: str) -> Path:
    """The folder `name` inside another, or with the first number that is free."""
    names = (name, *(f"{name}-{n}" for n in range(2, _MOST_NUMBERED)))
    return next(path for found in names if not (path := folder / found).exists())
