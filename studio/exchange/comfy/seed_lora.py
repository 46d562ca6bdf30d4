"""The weight that LoadKolorsLoRA's "alpha" comes to: it multiplies B·A by alpha / rank, whatever the file says."""

from collections.abc import Collection, Mapping
from typing import Any

from studio.finite import as_number
from studio.words import Said, Text

ASSUMED_RANK = 16
"""What the notebook trains with; used where the file is not here to tell."""
RANK_ASSUMED = Text(
    "LoRA {name}: lora_alpha {alpha} is no weight; divided by an assumed rank of {rank}, since the file is not here to tell, "
    "it comes to {weight}.",
    "LoRA {name}：lora_alpha {alpha} 不是权重；文件不在本机，按假定的 rank {rank} 相除，得到权重 {weight}。",
)
RANK_KNOWN = Text(
    "LoRA {name}: lora_alpha {alpha} divided by the file's {rank} comes to weight {weight}.",
    "LoRA {name}：lora_alpha {alpha} 除以文件的 {rank}，得到权重 {weight}。",
)
ALPHAS = "lora_alphas"
"""The fact that holds each such LoRA's alpha by name."""
CHECKPOINTS = "lora_checkpoints"
"""The fact that names those that are the seed's own .ckpt: their matrices are as trained, with no alpha folded in."""


def weight_of(alpha: float, rank: float = ASSUMED_RANK) -> float:
    """Alpha as a weight."""
    return round(alpha / rank, 6)


def assumed(name: str, alpha: float) -> Said:
    """What is said of a LoRA whose file isn't known."""
    told = {"name": name, "alpha": f"{alpha:g}", "rank": ASSUMED_RANK, "weight": f"{weight_of(alpha):g}"}
    return Said(RANK_ASSUMED, told)


def alphas_in(facts: Mapping[str, Any]) -> dict[str, float]:
    """The alphas by name among facts that may come from anywhere."""
    told = facts.get(ALPHAS)
    if not isinstance(told, Mapping):
        return {}
    numbers = {str(name): as_number(alpha) for name, alpha in told.items()
               if isinstance(alpha, int | float) and not isinstance(alpha, bool)}  # fmt: skip
    return {name: alpha for name, alpha in numbers.items() if alpha is not None}


def checkpoints_in(facts: Mapping[str, Any]) -> Collection[object]:
    """The names of the seed's own files among facts that may come from anywhere."""
    told = facts.get(CHECKPOINTS)
    return told if isinstance(told, list | tuple) else ()
