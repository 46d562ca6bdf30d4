"""What a LoRA layout is. One layout is one file here, with one constant `FORMAT`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from studio.catalog import scan
from studio.lora.names import Place


@dataclass(frozen=True)
class Format:
    """A way to name the layers of a denoiser. A name that isn't this layout's own is answered with None, so that
    every name is told by one layout at most."""

    name: str
    tell: Callable[[str], tuple[Place, ...] | None]
    """A layer's name, as the file spells it, to where it belongs: one place, or one for each family that it may be
    of."""


@dataclass(frozen=True)
class Told:
    """A layer's name as a layout understands it."""

    layout: str
    places: tuple[Place, ...]


@cache
def formats() -> dict[str, Format]:
    """Module name to Format."""
    return scan("studio.lora", "FORMAT", Format)


def told(stem: str) -> Told | None:
    """What a layer's name says, in whatever layout; None for a name that no layout knows."""
    for layout in formats().values():
        if places := layout.tell(stem):
            return Told(layout.name, places)
    return None
