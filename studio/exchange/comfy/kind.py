"""What is known of a kind of node, and the register of them all. Each file of `nodes` holds a group as `NODES`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from studio import catalog

CONTROL, UPLOAD = "control_after_generate", "upload"
"""Entries that the page of ComfyUI adds to a node's list of values, and that its server never sees: what becomes of the
seed after a run, and the mark of an upload button."""
_CONTROLS = ("fixed", "increment", "decrement", "randomize", "increment-wrap")


@dataclass(frozen=True)
class Kind:
    """A class of nodes: its links in (name to socket type) and its values, both in order, and the socket types of its
    outputs. `read` takes a `walk.Visit` and says what the node means to a recipe; it returns something only where
    the node stands for a plain value."""

    class_type: str
    read: Callable[[Any], Any]
    links: Mapping[str, str] = field(default_factory=dict)
    widgets: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    is_sampler: bool = False
    is_output: bool = False

    def values(self, listed: list[Any]) -> dict[str, Any]:
        """A list of values by their names. Extra entries of the page are passed over where they stand, and only if
        they stand there; a short list leaves the last names out."""
        named: dict[str, Any] = {}
        at = 0
        for name in self.widgets:
            if at >= len(listed):
                break
            if name in (CONTROL, UPLOAD):
                at += _is_extra(name, listed[at])
                continue
            named[name] = listed[at]
            at += 1
        return named


def _is_extra(name: str, value: Any) -> bool:
    """Whether a value is what the page adds here: ComfyUI of 2023 had true or false for the seed's control."""
    return value == "image" if name == UPLOAD else value in _CONTROLS or isinstance(value, bool)


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind of node that is known, by its class."""
    groups = catalog.scan("studio.exchange.comfy.nodes", "NODES", tuple)
    return {kind.class_type: kind for group in groups.values() for kind in group}


def sockets(words: str) -> dict[str, str]:
    """Links in from "model:MODEL positive:CONDITIONING"."""
    return dict(word.split(":", 1) for word in words.split())


def node(
    class_type: str,
    read: Callable[[Any], Any],
    links: str = "",
    widgets: str = "",
    outputs: str = "",
    is_sampler: bool = False,
    is_output: bool = False,
) -> Kind:
    """A Kind from words: links "model:MODEL", widgets "seed control_after_generate steps", outputs "LATENT"."""
    return Kind(
        class_type,
        read,
        sockets(links),
        tuple(widgets.split()),
        tuple(outputs.split()),
        is_sampler,
        is_output,
    )
