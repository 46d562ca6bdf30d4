"""How a model stands on this disk: here, partly here or not, how large, and how much of a GPU's memory it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from studio.engine.needs import needs
from studio.engine.plan import Mode
from studio.errors import ModelError
from studio.shelf import ModelCard

Presence = Literal["here", "partly", "missing"]


@dataclass(frozen=True)
class Standing:
    """A model and what is here of it: bytes on disk, bytes of a GPU's memory by mode, and what keeps it from being
    used."""

    card: ModelCard
    presence: Presence
    bytes_on_disk: int
    needs: Mapping[Mode, int]
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
    return Standing(card, presence, size, needs(card, fault is None), fault)
