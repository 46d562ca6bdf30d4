"""The API form, which ComfyUI's server takes and which it writes into pictures as `prompt`:
`{"<id>": {"class_type": …, "inputs": {name: value or ["<id>", slot]}}}`."""

from collections.abc import Mapping
from typing import Any

from studio.exchange.comfy.errors import WorkflowBroken
from studio.exchange.comfy.graph import Graph, Link, Node, check_count, with_links
from studio.words import Text

NO_NODES = Text("it holds no nodes", "里面没有节点")


def inside(value: Any) -> Any:
    """The nodes of a `/prompt` request's envelope; anything else as it is."""
    nodes = value.get("prompt") if isinstance(value, dict) else None
    return nodes if is_api(nodes) else value


def is_api(value: Any) -> bool:
    """Whether this is the API form."""
    return isinstance(value, dict) and any(_is_node(node) for node in value.values())


def read_api(value: Mapping[str, Any]) -> Graph:
    """The graph of an API form; entries that are no nodes are passed over. Raises WorkflowBroken for none at all."""
    check_count(len(value))
    nodes = {str(id): _node(str(id), told) for id, told in value.items() if _is_node(told)}
    if not nodes:
        raise WorkflowBroken(None, reason=NO_NODES)
    return with_links(nodes)


def _is_node(told: Any) -> bool:
    return isinstance(told, dict) and isinstance(told.get("class_type"), str)


def _node(id: str, told: Mapping[str, Any]) -> Node:
    inputs = told.get("inputs")
    named = inputs.items() if isinstance(inputs, dict) else ()
    return Node(id, told["class_type"], {str(name): _input(value) for name, value in named})


def _input(value: Any) -> Any:
    """A link, or the literal; a list that is meant as a value comes wrapped."""
    match value:
        case {"__value__": wrapped}:
            return wrapped
        case [str() | int() as node, int() as slot] if not isinstance(slot, bool) and slot >= 0:
            return Link(str(node), slot)
        case _:
            return value
