"""ComfyUI's workflows inside pictures: `prompt`, which is exact and resolved, then `workflow`, the page as it was."""

from collections.abc import Mapping

from studio.exchange import Format, Reading
from studio.exchange.comfy.errors import WorkflowError
from studio.exchange.comfy.loading import load
from studio.exchange.comfy.reading import graph_of, read_graph

KEYS = ("prompt", "workflow")
_OTHER_TEXT = "parameters"


def _read(info: Mapping[str, str]) -> Reading | None:
    """The first of the two that gives a recipe. What keeps a workflow from being read is raised only if the picture
    holds no text of another program that may do."""
    first: WorkflowError | None = None
    for key in KEYS:
        try:
            reading = _reading(info.get(key, ""))
        except WorkflowError as error:
            first = first or error
            continue
        if reading is not None:
            return reading
    if first is not None and _OTHER_TEXT not in info:
        raise first
    return None


def _reading(text: str) -> Reading | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = load(text)
    except WorkflowError:  # another program's text under the same key
        return None
    graph = graph_of(value)
    return read_graph(graph) if graph else None


FORMAT = Format("ComfyUI", is_exact=False, read=_read, order=0)
