"""Writes a LoRA file in the kohya layout with diffusers' names and an alpha a layer: the one that every reader takes.

The strength is folded into the up matrices, so that alpha = rank: readers that forget alpha are right all the same."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from studio.lora.kohya import FORMAT
from studio.lora.read import Layer
from studio.origin import FAMILY_KEY

if TYPE_CHECKING:
    import torch


def write(
    file: Path,
    layers: Mapping[str, Layer],
    family: str,
    metadata: Mapping[str, str] | None = None,
    dtype: "torch.dtype | None" = None,
) -> None:
    """Write layers, by module path of the denoiser, to a .safetensors file that is whole or not there at all.

    `metadata` joins the header; `dtype` is what the matrices are stored in (default: as they are)."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    for module, layer in layers.items():
        name = FORMAT.spell(module)
        up = layer.up * (layer.alpha / layer.rank)
        tensors[f"{name}.lora_down.weight"] = layer.down.to("cpu", dtype or layer.down.dtype).contiguous()
        tensors[f"{name}.lora_up.weight"] = up.to("cpu", dtype or layer.up.dtype).contiguous()
        tensors[f"{name}.alpha"] = torch.tensor(float(layer.rank))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(tensors, str(unfinished), metadata=_header(layers, family) | dict(metadata or {}))
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _header(layers: Mapping[str, Layer], family: str) -> dict[str, str]:
    rank = str(max(layer.rank for layer in layers.values()))
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{family}/lora",
        "modelspec.implementation": "inkstone",
        "ss_network_module": "networks.lora",
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
        "ss_base_model_version": family,
        FAMILY_KEY: family,
    }
