"""Where a workflow's nodes stand on the page: in columns from left to right, each node right of what feeds it."""

from collections.abc import Mapping, Sequence

from studio.exchange.comfy.graph import Link
from studio.exchange.comfy.plan import Placed

Place = tuple[int, int]
"""Across and down, in the page's pixels."""

_LEFT, _TOP, _GAP_ACROSS, _GAP_DOWN = 40, 80, 60, 50
_HEAD, _LINE, _BOX = 40, 22, 26
_WIDE, _NARROW, _TEXT_HEIGHT = 420, 320, 130
_TEXTS = ("text", "prompt", "negative_prompt", "lora_path")
_LOADED = {"MODEL", "CLIP", "VAE", "KOLORSMODEL", "CHATGLM3MODEL"}


def size(node: Placed) -> Place:
    """Width and height that show all of a node's boxes."""
    texts = [name for name in node.kind.widgets if name in _TEXTS]
    rows = max(len(node.kind.links), len(node.kind.outputs)) * _LINE
    boxes = (len(node.kind.widgets) - len(texts)) * _BOX + len(texts) * _TEXT_HEIGHT
    return (_WIDE if texts else _NARROW), _HEAD + rows + boxes


def places(nodes: Sequence[Placed]) -> dict[str, Place]:
    """Node id to its upper left corner; no two nodes overlap."""
    columns = _columns(nodes)
    found: dict[str, Place] = {}
    left = _LEFT
    for column in range(max(columns.values(), default=0) + 1):
        top = _TOP
        here = [node for node in nodes if columns[node.id] == column]
        for node in here:
            found[node.id] = (left, top)
            top += size(node)[1] + _GAP_DOWN
        left += max((size(node)[0] for node in here), default=0) + _GAP_ACROSS
    return found


def _columns(nodes: Sequence[Placed]) -> dict[str, int]:
    """A node stands one column right of the last that feeds it; one that nothing feeds and that loads nothing, just
    left of what it feeds. `nodes` come in the order of their links."""
    columns: dict[str, int] = {}
    for node in nodes:
        columns[node.id] = 1 + max((columns[origin] for origin in _origins(node)), default=-1)
    for node in nodes:
        if not _origins(node) and not _LOADED & {*node.kind.outputs}:
            fed = [columns[other.id] for other in nodes if node.id in _origins(other)]
            columns[node.id] = max(0, min(fed, default=1) - 1)
    return columns


def _origins(node: Placed) -> list[str]:
    return [link.node for link in links_of(node).values()]


def links_of(node: Placed) -> Mapping[str, Link]:
    """The inputs of a node that are links."""
    return {name: value for name, value in node.inputs.items() if isinstance(value, Link)}
