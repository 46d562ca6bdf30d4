"""How a model stands on this disk: here, partly here or not, how large, and how much memory it wants."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio.errors import ModelError
from studio.headers import BadHeader, read_header
from studio.shelf import ModelCard

Presence = Literal["here", "partly", "missing"]
_HALF_BYTES = 2


@dataclass(frozen=True)
class Standing:
    """A model and what is here of it: bytes on disk, bytes of memory for its weights in half precision (None where nobody
    knows), and what keeps it from being used."""

    card: ModelCard
    presence: Presence
    bytes_on_disk: int
    memory_bytes: int | None
    fault: ModelError | None


def standing_of(card: ModelCard) -> Standing:
    """Look at a model's folder."""
    files = [file for file in card.folder.rglob("*") if file.is_file()] if card.folder.is_dir() else []
    size = sum(file.stat().st_size for file in files)
    fault: ModelError | None = None
    try:
        card.check()
    except ModelError as error:
        fault = error
    presence: Presence = "here" if fault is None else "partly" if files else "missing"
    memory = _memory_bytes(files) if fault is None else _told_bytes(card)
    return Standing(card, presence, size, memory, fault)


def _told_bytes(card: ModelCard) -> int | None:
    return None if card.files_gb is None else round(card.files_gb * 2**30)


def _memory_bytes(files: list[Path]) -> int:
    """What the weights fill in half precision, told by the headers."""
    count = 0
    for file in files:
        if file.suffix == ".safetensors":
            try:
                count += sum(math.prod(tensor.shape) for tensor in read_header(file).tensors.values())
            except BadHeader:  # beside the set that is used, which has been checked
                continue
    return count * _HALF_BYTES
