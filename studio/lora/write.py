"""Writes LoRA files: in the kohya layout with diffusers' names and an alpha a layer, the one that every reader takes; or,
where it is asked for, in diffusers' own.

The strength is folded into the matrices, so that alpha = rank: readers that forget alpha are right all the same."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.disk import write_atomically
from studio.lora.kohya import FORMAT as KOHYA
from studio.lora.layer import Change, Kronecker, Layer
from studio.lora.peft_names import FORMAT as DIFFUSERS
from studio.origin import FAMILY_KEY

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

Layout = Literal["kohya", "diffusers"]
_KOHYA = {
    "lora_A.weight": "lora_down.weight",
    "lora_B.weight": "lora_up.weight",
    "lora_magnitude_vector": "dora_scale",
}


def write(
    file: Path,
    changes: Mapping[str, Change],
    family: str,
    metadata: Mapping[str, str] | None = None,
    dtype: "torch.dtype | None" = None,
    layout: Layout = "kohya",
) -> None:
    """Write changes, by module path of the denoiser, to a .safetensors file that is whole or not there at all.

    `metadata` joins the header; `dtype` is what the matrices are stored in (default: as they are). Raises
    StorageError."""
    write_atomically(file, to_bytes(changes, family, metadata, dtype, layout))


def to_bytes(
    changes: Mapping[str, Change],
    family: str,
    metadata: Mapping[str, str] | None = None,
    dtype: "torch.dtype | None" = None,
    layout: Layout = "kohya",
) -> bytes:
    """What `write` writes."""
    from safetensors.torch import save

    tensors: Tensors = {}
    for module, change in changes.items():
        named = _in_kohya(module, change) if layout == "kohya" else _in_diffusers(module, change)
        tensors |= {
            name: tensor.to("cpu", dtype if dtype and tensor.ndim else tensor.dtype).contiguous()
            for name, tensor in named.items()
        }
    header = _header(changes, family) | dict(metadata or {})
    if layout == "diffusers":
        header |= _adapter_config(changes)
    bare = save(tensors)
    digest = hashlib.sha256(bare[8 + int.from_bytes(bare[:8], "little") :]).hexdigest()
    return save(tensors, {**header, "modelspec.hash_sha256": f"0x{digest}", "sshs_model_hash": digest})


def _in_kohya(module: str, change: Change) -> "Tensors":
    import torch

    stem, change = KOHYA.spell(module), change.folded()
    named = {f"{stem}.{_KOHYA.get(role, role)}": tensor for role, tensor in change.tensors().items()}
    if isinstance(change, Layer) and change.magnitude is not None:
        named[f"{stem}.dora_scale"] = change.magnitude.reshape(-1, *[1] * (change.up.ndim - 1))
    return {**named, f"{stem}.alpha": torch.tensor(float(change.rank))}


def _in_diffusers(module: str, change: Change) -> "Tensors":
    stem = f"unet.{DIFFUSERS.spell(module)}"
    return {f"{stem}.{role}": tensor for role, tensor in change.folded().tensors().items()}


def _adapter_config(changes: Mapping[str, Change]) -> dict[str, str]:
    """The header entry that diffusers reads rank and alpha from; for LoKr it goes by the sizes."""
    first = next(iter(changes.values()))
    if isinstance(first, Kronecker):
        return {}
    config = {
        "unet.r": first.rank,
        "unet.lora_alpha": first.rank,
        "unet.target_modules": sorted(changes),
        "unet.use_dora": first.magnitude is not None,
        "unet.rank_pattern": {name: c.rank for name, c in changes.items() if c.rank != first.rank},
        "unet.alpha_pattern": {name: c.rank for name, c in changes.items() if c.rank != first.rank},
    }
    return {"lora_adapter_metadata": json.dumps(config)}


def _header(changes: Mapping[str, Change], family: str) -> dict[str, str]:
    rank = str(max(change.rank for change in changes.values()))
    is_kronecker = any(isinstance(change, Kronecker) for change in changes.values())
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{family}/lora",
        "modelspec.implementation": "inkstone",
        "ss_network_module": "lycoris.kohya" if is_kronecker else "networks.lora",
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
        "ss_base_model_version": family,
        FAMILY_KEY: family,
    }
