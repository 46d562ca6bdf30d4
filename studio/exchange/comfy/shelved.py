"""A request as a workflow, with what the shelf and the presets know of its model, its LoRAs and its styles."""

from studio.exchange.comfy.writing import Written, write
from studio.exchange.on_shelf import ranks_of
from studio.presets import Presets, weave
from studio.requests import GenerateRequest
from studio.shelf import Shelf
from studio.words import Language


def workflow(
    request: GenerateRequest,
    shelf: Shelf,
    presets: Presets,
    nodes: str | None = None,
    language: Language = "en",
) -> Written:
    """The workflow for a set of nodes, by default the usual one of the model's family; styles are woven into the prompts.

    Raises UnknownChoice or NodesUnfit."""
    family = next((card.family for card in shelf.models() if card.name == request.model), "")
    woven = weave(request, presets.styles()) if request.styles else request
    return write(woven, family, nodes, ranks_of(shelf.loras()), language)
