"""How steps are taken: the optimizers by name, and the learning rate of each step."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from studio.train_request import TrainRequest
from studio.training.place import need


def make_optimizer(
    request: TrainRequest, parameters: Iterable[nn.Parameter], is_scaled: bool
) -> torch.optim.Optimizer:
    """The request's optimizer. `is_scaled` says that gradients are scaled (float16), which fused AdamW would undo by
    itself, before they can be clipped. Raises PackageMissing."""
    rate, decay = request.learning_rate, request.weight_decay
    trained = list(parameters)
    made: torch.optim.Optimizer
    match request.optimizer:
        case "adafactor":
            from transformers import Adafactor

            fixed = {"scale_parameter": False, "relative_step": False, "warmup_init": False}
            made = Adafactor(trained, lr=rate, weight_decay=decay, **fixed)
        case "prodigy":
            need("prodigyopt", "optimizer", "prodigy", "adamw")
            from prodigyopt import Prodigy

            made = Prodigy(trained, lr=rate, weight_decay=decay, safeguard_warmup=True)
        case "adamw8bit":
            need("bitsandbytes", "optimizer", "adamw8bit", "adamw")
            from bitsandbytes.optim import AdamW8bit

            made = AdamW8bit(trained, lr=rate, weight_decay=decay)
        case _:
            is_fused = not is_scaled and trained[0].device.type in ("cpu", "cuda")
            made = torch.optim.AdamW(trained, lr=rate, weight_decay=decay, fused=is_fused)
    return made


def rate_at(request: TrainRequest, step: int, steps: int) -> float:
    """The learning rate of step number `step` (from 0) of `steps`."""
    warm = request.warmup_steps
    if step < warm:
        return request.learning_rate * (step + 1) / warm
    share = (step - warm) / max(1, steps - warm)
    match request.lr_schedule:
        case "cosine":
            return request.learning_rate * (1 + math.cos(math.pi * share)) / 2
        case "linear":
            return request.learning_rate * (1 - share)
        case _:
            return request.learning_rate
