"""Reads a LoRA file of any known layout. Never unpickles: a pickle is refused by name.

Our own reader and not diffusers', because that one applies nothing, with a line in the log, to several layouts in use,
and the wrong strength to others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import LoraBroken, PickleRefused
from studio.headers import PICKLED, BadHeader, read_header
from studio.lora.format import Format, Role, formats
from studio.lora.layer import Change, Kronecker, Layer
from studio.words import Text

if TYPE_CHECKING:
    import torch

    Roles = dict[Role, torch.Tensor]

PICKLE_ENDINGS = (".ckpt", ".pt", ".pth", ".bin")
UNKNOWN_LAYOUT = Text("none of its layers has a name that this studio knows", "其中没有本程序认识的 LoRA 层")
NOT_FINITE = Text("it holds NaN or infinite values", "其中含有 NaN 或无穷大的数值")
HALF_A_LAYER = Text("half of a layer is missing", "有的层只有一半")
TWO_KINDS = Text("it mixes LoRA and LoKr layers", "其中混有 LoRA 和 LoKr 两种层")


@dataclass(frozen=True)
class Lora:
    """A LoRA file in memory: its layers as the file spells them, the keys that were no layer of a denoiser, where its
    alpha came from ("file", "header" or "assumed"), and its header."""

    file: Path
    format: Format
    layers: Mapping[str, Change]
    others: tuple[str, ...]
    alpha_source: str
    metadata: Mapping[str, str]


def read(file: Path) -> Lora:
    """A LoRA with all its values checked. Raises PickleRefused or LoraBroken (field "loras")."""
    if file.suffix.lower() in PICKLE_ENDINGS:
        raise PickleRefused("loras", file=file.name)
    try:
        metadata = read_header(file).metadata
    except BadHeader as bad:
        if bad.reason is PICKLED:
            raise PickleRefused("loras", file=file.name) from None
        raise _broken(file, bad.reason) from None
    tensors = _tensors(file)
    layout = max(formats().values(), key=lambda known: sum(known.tell(key) is not None for key in tensors))
    return _layers(file, layout, tensors, metadata)


def _tensors(file: Path) -> dict[str, "torch.Tensor"]:
    """Copies, so that a file that is overwritten later changes nothing here."""
    import torch
    from safetensors.torch import load_file

    loaded = load_file(str(file))
    if not all(
        bool(torch.isfinite(tensor).all()) for tensor in loaded.values() if tensor.is_floating_point()
    ):
        raise _broken(file, NOT_FINITE)
    return {key: tensor.float().clone() for key, tensor in loaded.items()}


def _layers(
    file: Path, layout: Format, tensors: dict[str, "torch.Tensor"], metadata: Mapping[str, str]
) -> Lora:
    found: dict[str, Roles] = {}
    others: list[str] = []
    for key, tensor in tensors.items():
        told = layout.tell(key)
        if told is None:
            others.append(key)
        else:
            found.setdefault(told[0], {})[told[1]] = tensor
    if not found:
        raise _broken(file, UNKNOWN_LAYOUT)
    alphas, source = _alphas(found, metadata)
    layers = {name: _layer(file, roles, alphas[name]) for name, roles in found.items()}
    if len({type(layer) for layer in layers.values()}) > 1:
        raise _broken(file, TWO_KINDS)
    return Lora(file, layout, layers, tuple(others), source, metadata)


def _layer(file: Path, roles: "Roles", alpha: float | None) -> Change:
    layer: Change
    if any(role in roles for role in Kronecker.ROLES):
        own = float(roles["alpha"]) if "alpha" in roles else None  # a header speaks of LoRA's alpha
        layer = Kronecker({role: roles[role] for role in Kronecker.ROLES if role in roles}, own)
    elif "down" in roles and "up" in roles:
        rank = float(roles["down"].shape[0])
        layer = Layer(roles["down"], roles["up"], rank if alpha is None else alpha, roles.get("magnitude"))
    else:
        raise _broken(file, HALF_A_LAYER)
    if not layer.is_whole:
        raise _broken(file, HALF_A_LAYER)
    return layer


def _alphas(found: Mapping[str, "Roles"], metadata: Mapping[str, str]) -> tuple[dict[str, float | None], str]:
    """Alpha of each layer: a tensor in the file, else the header's word, else None for the rank (strength 1)."""
    if any("alpha" in roles for roles in found.values()):
        return {
            name: float(roles["alpha"]) if "alpha" in roles else None for name, roles in found.items()
        }, "file"
    config = _adapter_config(metadata)
    told = config.get(
        "unet.lora_alpha", config.get("transformer.lora_alpha", metadata.get("ss_network_alpha"))
    )
    patterns = config.get("unet.alpha_pattern") or config.get("transformer.alpha_pattern") or {}
    try:
        alpha = float(told) if told is not None else None  # type: ignore[arg-type]
        exceptions = {str(name): float(value) for name, value in dict(patterns).items()}  # type: ignore[call-overload]
    except (TypeError, ValueError):
        alpha, exceptions = None, {}
    if alpha is None:
        return dict.fromkeys(found), "assumed"
    return {name: exceptions.get(name, alpha) for name in found}, "header"


def _adapter_config(metadata: Mapping[str, str]) -> dict[str, object]:
    try:
        config = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        return config if isinstance(config, dict) else {}
    except (ValueError, RecursionError):
        return {}


def _broken(file: Path, reason: Text) -> LoraBroken:
    return LoraBroken("loras", name=file.name, reason=reason)
