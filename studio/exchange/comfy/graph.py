"""A workflow brought to one form, whichever way it was saved: nodes by id, each input a plain value or a link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from studio.exchange.comfy.errors import WorkflowTooLarge
from studio.words import Said, Text

MOST_NODES = 5000
MOST_NAME = 80

MISSING_NODE = Text(
    "Input {name} of node {node} points to node {origin}, which is not in the workflow.",
    "节点 {node} 的输入 {name} 指向节点 {origin}，但工作流里没有该节点。",
)
MISSING_LINK = Text(
    "Input {name} of node {node} has link {link}, which the workflow does not list.",
    "节点 {node} 的输入 {name} 使用了连线 {link}，但工作流里没有这条连线。",
)


class Link(NamedTuple):
    """The output of another node: its id, and which of its outputs, counted from 0."""

    node: str
    slot: int


@dataclass(frozen=True)
class Node:
    """A node: an input is a Link, or a plain JSON value."""

    id: str
    class_type: str
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """How a sentence names it: "KSampler (3)"."""
        return f"{short(self.class_type)} ({short(self.id)})"

    @property
    def links(self) -> dict[str, Link]:
        """The inputs that are links."""
        return {name: value for name, value in self.inputs.items() if isinstance(value, Link)}


@dataclass(frozen=True)
class Graph:
    """Nodes by id in the file's order, and what there was to say while they were brought to this form."""

    nodes: Mapping[str, Node]
    said: tuple[Said, ...] = field(default=())


def check_count(count: int) -> None:
    """Raises WorkflowTooLarge when there are more nodes than in any real workflow."""
    if count > MOST_NODES:
        size, most = (Text(f"{n} nodes", f"{n} 个节点") for n in (count, MOST_NODES))
        raise WorkflowTooLarge(None, size=size, most=most)


def short(word: object) -> str:
    """A stranger's word on one line, cut to what a sentence can hold."""
    line = " ".join(str(word).split())
    return line if len(line) <= MOST_NAME else line[: MOST_NAME - 1] + "…"


def with_links(nodes: Mapping[str, Node], said: tuple[Said, ...] = ()) -> Graph:
    """The graph of these nodes, where links to nodes that aren't there are told and become None."""
    told, whole = list(said), {}
    for node in nodes.values():
        lost = {name: link for name, link in node.links.items() if link.node not in nodes}
        told += [Said(MISSING_NODE, {"name": short(name), "node": node.name, "origin": short(link.node)})
                 for name, link in lost.items()]  # fmt: skip
        whole[node.id] = (
            Node(node.id, node.class_type, {**node.inputs, **dict.fromkeys(lost)}) if lost else node
        )
    return Graph(whole, tuple(told))
