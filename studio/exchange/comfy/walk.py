"""The walk from a workflow's sampler upstream: at each node its kind says what it means, and where to go on."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from studio.exchange.comfy.errors import WorkflowLoops, WorkflowTooLarge, WorkflowTooLong
from studio.exchange.comfy.found import Found
from studio.exchange.comfy.graph import Graph, Link, Node, short
from studio.exchange.comfy.kind import kinds
from studio.words import Said, Text

Purpose = Literal["picture", "latent", "model", "clip", "vae", "positive", "negative", "both", "value", "noise",
                  "guider", "sampler", "sigmas"]  # fmt: skip
"""What a node is visited for: the same node may mean several things, a checkpoint its model or its text encoder."""

MOST_CHAIN = 100
MOST_VISITS = 5000

NOT_KNOWN = Text(
    "Node {node} is not known here; it was passed over.",
    "本程序不认识节点 {node}，已略过。",
)
NOT_LINKED = Text(
    "Input {name} of node {node} leads nowhere.",
    "节点 {node} 的输入 {name} 没有连接。",
)
WRONG_OUTPUT = Text(
    "Output {slot} of node {node} is linked to where {wanted} belongs; that link was left out.",
    "节点 {node} 的第 {slot} 个输出连到了应为 {wanted} 的位置，该连线未采用。",
)
_GUESSES: dict[str, tuple[str, ...]] = {
    "model": ("model", "kolors_model"), "clip": ("clip",), "positive": ("positive", "conditioning"),
    "negative": ("negative", "conditioning"), "both": ("kolors_embeds",), "picture": ("images", "image", "samples"),
    "latent": ("samples", "latent_image", "latent"), "value": ("text", "value", "string"), "sigmas": ("sigmas",),
}  # fmt: skip
"""Through which input an unknown node is passed."""
_SOCKETS: dict[str, tuple[str, ...]] = {
    "picture": ("IMAGE",), "latent": ("LATENT",), "model": ("MODEL", "KOLORSMODEL"), "clip": ("CLIP",), "vae": ("VAE",),
    "positive": ("CONDITIONING", "KOLORS_EMBEDS"), "negative": ("CONDITIONING", "KOLORS_EMBEDS"),
    "both": ("KOLORS_EMBEDS",), "value": ("STRING", "INT", "FLOAT", "BOOLEAN"), "noise": ("NOISE",),
    "guider": ("GUIDER",), "sampler": ("SAMPLER",), "sigmas": ("SIGMAS",),
}  # fmt: skip
"""What an output must be to serve a purpose."""
_NUMBER = re.compile(r"\s*[-+]?\d{1,25}(\.\d{0,25})?\s*")


@dataclass
class Walk:
    """One walk, with what it has found and where it stands."""

    graph: Graph
    found: Found = field(default_factory=Found)
    visited: set[str] = field(default_factory=set)
    stack: list[tuple[str, str]] = field(default_factory=list)
    visits: int = 0

    def visit(self, link: Link, purpose: Purpose) -> Any:
        """Go to where a link comes from. Raises WorkflowLoops or WorkflowTooLong."""
        node = self.graph.nodes[link.node]
        kind = kinds().get(node.class_type)
        if kind is not None and not {*kind.outputs[link.slot : link.slot + 1]} & {*_SOCKETS[purpose]}:
            told = {"slot": link.slot, "node": node.name, "wanted": _SOCKETS[purpose][0]}
            self.found.left_out.append(Said(WRONG_OUTPUT, told))
            return None
        return self.start(node, purpose, link.slot)

    def start(self, node: Node, purpose: Purpose, slot: int = 0) -> Any:
        """Read a node for a purpose. Raises WorkflowLoops or WorkflowTooLong."""
        here = (node.id, purpose)
        if here in self.stack:
            raise WorkflowLoops(None, node=node.name)
        if len(self.stack) >= MOST_CHAIN:
            raise WorkflowTooLong(None, node=node.name, most=MOST_CHAIN)
        self.visits += 1
        if self.visits > MOST_VISITS:
            size = Text(f"more than {MOST_VISITS} links", f"超过 {MOST_VISITS} 条连线")
            raise WorkflowTooLarge(None, size=size, most=MOST_VISITS)
        self.visited.add(node.id)
        self.stack.append(here)
        kind = kinds().get(node.class_type)
        visit = Visit(self, node, slot, purpose)
        answer = kind.read(visit) if kind else visit.guess()
        self.stack.pop()
        return answer


@dataclass(frozen=True)
class Visit:
    """What a kind's reader is given: the node, which of its outputs was asked for, and what for."""

    walk: Walk
    node: Node
    slot: int
    purpose: Purpose

    @property
    def found(self) -> Found:
        """What the walk has found so far."""
        return self.walk.found

    def follow(self, name: str, purpose: Purpose | None = None, is_needed: bool = False) -> bool:
        """Go on through an input, by default for the same purpose; False when it isn't linked, which is told where the
        node can't do without."""
        link = self.node.inputs.get(name)
        if not isinstance(link, Link):
            if is_needed:
                self.leave(Said(NOT_LINKED, {"name": name, "node": self.node.name}))
            return False
        self.walk.visit(link, purpose or self.purpose)
        return True

    def guess(self) -> Any:
        """Pass through an unknown node by the inputs that nodes of this sort usually have, and say so."""
        self.leave(Said(NOT_KNOWN, {"node": self.node.name}))
        for name in _GUESSES.get(self.purpose, ()):
            if self.purpose == "value":
                value = self.value(name)
                if value is not None:
                    return value
            elif self.follow(name):
                return None
        return None

    def value(self, name: str) -> Any:
        """A plain value: the input's own, or that of the node that it is linked to."""
        held = self.node.inputs.get(name)
        return self.walk.visit(held, "value") if isinstance(held, Link) else held

    def text(self, name: str) -> str | None:
        """A value that must be text."""
        value = self.value(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """A value that must be a finite number; ComfyUI takes one in words ("7.5") too."""
        value = self.value(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return float(value)

    def whole(self, name: str) -> int | None:
        """A value that must be a whole number; a fraction is cut off, as ComfyUI does."""
        value = self.value(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,25}", value):
            return int(value)
        number = self.number(name)
        return None if number is None else int(number)

    def map(self, field: str, value: Any) -> None:
        """Take a value over into the request."""
        self.found.map(field, value, self.node)

    def approximate(self, text: Text, **values: object) -> None:
        """Say what only comes near."""
        self.found.approximated.append(Said(text, {"node": self.node.name, **values}))

    def leave(self, told: str | Said) -> None:
        """Say what was not taken over."""
        self.found.left_out.append(told)

    def speak(self, words: str) -> None:
        """Add words to the side that this visit is for."""
        if self.purpose in ("positive", "negative"):
            self.found.speak(self.purpose, words, self.node)


def passes(*names: str) -> Any:
    """A reader that goes on through the first of these inputs that is linked, and has nothing to say."""

    def read(visit: Visit) -> None:
        next((name for name in names if visit.follow(name)), None)

    return read


def lacks(*names: str) -> Any:
    """The same for what this studio does not have: the node is named among what was left out."""

    def read(visit: Visit) -> None:
        visit.leave(visit.node.name)
        next((name for name in names if visit.follow(name)), None)

    return read


def names_of(nodes: Iterable[Node], most: int = 8) -> str:
    """Classes of nodes, each once, for a sentence."""
    classes = list(dict.fromkeys(short(node.class_type) for node in nodes))
    return ", ".join(classes[:most]) + (", …" if len(classes) > most else "")
