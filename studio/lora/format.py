"""What a LoRA layout is. One layout is one file here, with one constant `FORMAT`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from studio.catalog import scan

Role = Literal[
    "down", "up", "alpha", "magnitude",
    "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b",
]  # fmt: skip


LOKR: dict[str, Role] = {
    "lokr_w1": "lokr_w1", "lokr_w1_a": "lokr_w1_a", "lokr_w1_b": "lokr_w1_b",
    "lokr_w2": "lokr_w2", "lokr_w2_a": "lokr_w2_a", "lokr_w2_b": "lokr_w2_b",
}  # fmt: skip
"""The names of LoKr's factors, which all layouts share."""


@dataclass(frozen=True)
class Format:
    """A way to name LoRA tensors. A key that isn't this layout's own is answered with None."""

    name: str
    tell: Callable[[str], tuple[str, Role] | None]
    """A tensor's key to its layer, as the file spells it, and its role."""
    spell: Callable[[str], str]
    """A denoiser's module path to the layer name that this layout gives it."""


@cache
def formats() -> dict[str, Format]:
    """Module name to Format."""
    return scan("studio.lora", "FORMAT", Format)
