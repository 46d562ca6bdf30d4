"""How much a LoRA counts in each block of a network: one weight, multiplied where the request says so."""

import re
from collections.abc import Callable, Sequence

_GROUPS = {
    "down": r"down_blocks\.(\d+)\.", "mid": r"mid_block\.()", "up": r"up_blocks\.(\d+)\.",
    "blocks": r"(?:transformer_blocks|layers)\.(\d+)\.", "single": r"single_transformer_blocks\.(\d+)\.",
}  # fmt: skip
"""The names that requests use for the blocks of a denoiser, and how the paths of their layers begin."""


def weigh(
    weight: float, blocks: Sequence[tuple[str, float]], is_text: bool = False
) -> Callable[[str], float]:
    """The weight of each layer of a denoiser or, with `is_text`, of a text encoder: `weight` times what the last of
    `blocks` that names the layer's block says, else 1."""

    def of_layer(path: str) -> float:
        factors = [factor for group, factor in blocks if _names(group, path, is_text)]
        return weight * (factors[-1] if factors else 1.0)

    return of_layer


def _names(group: str, path: str, is_text: bool) -> bool:
    name, _, numbers = group.partition(".")
    if is_text or name == "text":
        return is_text and name == "text"
    match = re.match(_GROUPS[name], path)
    if match is None:
        return False
    first, _, last = numbers.partition("-")
    return not numbers or (match[1] != "" and int(first) <= int(match[1]) <= int(last or first))
