"""Nodes that change how a model samples: those that only say what the model's own configuration says pass silently."""

from studio.exchange.comfy.kind import node
from studio.exchange.comfy.walk import Visit, lacks, passes
from studio.words import Said, Text

SHIFT = Text(
    "The shift of node {node} is left out; the model's own is used.",
    "节点 {node} 的 shift 未采用，使用模型自带的数值。",
)


def _shift(visit: Visit) -> None:
    visit.leave(Said(SHIFT, {"node": visit.node.name}))
    visit.follow("model")


NODES = (
    node("ModelSamplingFlux", _shift, "model:MODEL", "max_shift base_shift width height", "MODEL"),
    node("ModelSamplingSD3", _shift, "model:MODEL", "shift", "MODEL"),
    node("ModelSamplingAuraFlow", _shift, "model:MODEL", "shift", "MODEL"),
    node("ModelSamplingDiscrete", lacks("model"), "model:MODEL", "sampling zsnr", "MODEL"),
    node("RescaleCFG", lacks("model"), "model:MODEL", "multiplier", "MODEL"),
    node("FreeU", lacks("model"), "model:MODEL", "b1 b2 s1 s2", "MODEL"),
    node("FreeU_V2", lacks("model"), "model:MODEL", "b1 b2 s1 s2", "MODEL"),
    node("PerturbedAttentionGuidance", lacks("model"), "model:MODEL", "scale", "MODEL"),
    node("HyperTile", passes("model"), "model:MODEL", "tile_size swap_size max_depth scale_depth", "MODEL"),
    node("DifferentialDiffusion", lacks("model"), "model:MODEL", "", "MODEL"),
    node("TorchCompileModel", passes("model"), "model:MODEL", "backend", "MODEL"),
)
