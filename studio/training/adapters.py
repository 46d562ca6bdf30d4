"""What is trained: small matrices beside the frozen layers of a denoiser, put there by PEFT."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from studio.lora.layer import Change, Kronecker, Layer
from studio.lora.match import shapes_of
from studio.train_errors import NoTargets
from studio.train_request import TrainRequest
from studio.training.errors import NoSuchLayers

if TYPE_CHECKING:
    from peft import PeftConfig

NAME = "default"
"""PEFT's name of the one adapter."""


def add_adapter(denoiser: Any, request: TrainRequest, model: str) -> dict[str, nn.Parameter]:
    """Put the request's adapter on the denoiser, the same one for the same seed; gives the parameters to train, all in
    float32, by name. Raises NoTargets or NoSuchLayers."""
    from peft import inject_adapter_in_model

    targets = _found(request.targets, list(shapes_of(denoiser)), model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        inject_adapter_in_model(_config(request, targets), denoiser, NAME)
    trained = {name: p for name, p in denoiser.named_parameters() if p.requires_grad}
    for parameter in trained.values():
        parameter.data = parameter.data.float()
    return trained


@contextmanager
def without_adapter(denoiser: nn.Module) -> Iterator[None]:
    """The denoiser as it was before, for as long as it lasts."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in denoiser.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def changes_of(denoiser: Any) -> dict[str, Change]:
    """What was learnt, by module path of the denoiser: copies, on the CPU."""
    changes: dict[str, Change] = {}
    for name, module in denoiser.named_modules():
        if NAME in getattr(module, "lora_A", ()):
            magnitudes = getattr(module, "lora_magnitude_vector", None) or {}
            changes[name] = Layer(
                _copy(module.lora_A[NAME].weight),
                _copy(module.lora_B[NAME].weight),
                module.scaling[NAME] * module.r[NAME],
                _copy(magnitudes[NAME].weight) if NAME in magnitudes else None,
            )
        elif NAME in getattr(module, "lokr_w1", ()) or NAME in getattr(module, "lokr_w1_a", ()):
            roles = {role: getattr(module, role) for role in Kronecker.ROLES}
            factors = {role: _copy(held[NAME]) for role, held in roles.items() if NAME in held}
            first = "lokr_w1" if "lokr_w1" in factors else "lokr_w1_b"
            factors[first] *= module.scaling[NAME]  # PEFT counts it even where LyCORIS doesn't
            changes[name] = Kronecker(factors)
    return changes


def _config(request: TrainRequest, targets: Sequence[str]) -> "PeftConfig":
    from peft import LoKrConfig, LoraConfig

    if request.adapter == "lokr":
        return LoKrConfig(r=request.lora_rank, alpha=request.lora_alpha, target_modules=list(targets))  # type: ignore[arg-type]
    return LoraConfig(
        r=request.lora_rank,
        lora_alpha=request.lora_alpha,  # type: ignore[arg-type]
        target_modules=list(targets),
        use_dora=request.adapter == "dora",
    )


def _found(targets: Sequence[str], modules: Sequence[str], model: str) -> Sequence[str]:
    """The targets, each of which ends the name of some layer."""
    lost = [t for t in targets if not any(m == t or m.endswith(f".{t}") for m in modules)]
    if len(lost) == len(targets):
        raise NoTargets("lora_target_modules")
    if lost:
        raise NoSuchLayers("lora_target_modules", model=model, names=", ".join(lost))
    return targets


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().float().cpu().clone()


def load_trained(trained: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    """Give the trained parameters these values, in place."""
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(values[name])
