"""Writes LoRA files: in the kohya layout with diffusers' names and an alpha a layer, the one that every reader takes; or,
where it is asked for, in diffusers' own.

The strength is folded into the matrices, so that alpha = rank: readers that forget alpha are right all the same."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.disk import write_atomically
from studio.lora.kohya import PREFIX
from studio.lora.layer import Change, Kronecker, Layer
from studio.lora.names import dotted, flat
from studio.origin import FAMILY_KEY

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

TRAINED_RANK, TRAINED_ALPHA = "inkstone.trained_rank", "inkstone.trained_alpha"
"""The header keys of rank and alpha as they were before the strength was folded in."""
Layout = Literal["kohya", "diffusers"]
Texts = Mapping[str, Mapping[str, Change]]
"""Text encoders by part of the model, and their changes by flat module path without `text_model`."""

_KOHYA = {
    "lora_A.weight": "lora_down.weight",
    "lora_B.weight": "lora_up.weight",
    "lora_magnitude_vector": "dora_scale",
}
_UNET = (
    "down_blocks.",
    "mid_block.",
    "up_blocks.",
    "conv_in",
    "conv_out",
    "time_embedding.",
    "add_embedding.",
)


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
    texts: Texts | None = None,
    is_exact: bool = False,
) -> bytes:
    """What `write` writes; with the changes of text encoders, too, and with `is_exact` in float32 what `dtype` can't hold
    without a rounding."""
    from safetensors.torch import save

    named: Tensors = {}
    for module, change in changes.items():
        stem = f"{PREFIX}{flat(module)}" if layout == "kohya" else f"{_denoiser(changes)}.{module}"
        named |= _in_kohya(stem, change) if layout == "kohya" else _in_diffusers(stem, change)
    for part, layers in (texts or {}).items():
        for name, change in layers.items():
            stem = _text_stem(part, name, layout, is_alone=len(texts or {}) == 1 and family != "sdxl")
            named |= _in_kohya(stem, change) if layout == "kohya" else _in_diffusers(stem, change)
    tensors = {name: _stored(tensor, dtype, is_exact) for name, tensor in named.items()}
    header = _header(changes, texts or {}, family) | dict(metadata or {})
    if layout == "diffusers":
        header |= _adapter_config(changes, texts or {})
    bare = save(tensors)
    digest = hashlib.sha256(bare[8 + int.from_bytes(bare[:8], "little") :]).hexdigest()
    return save(tensors, {**header, "modelspec.hash_sha256": f"0x{digest}", "sshs_model_hash": digest})


def _stored(tensor: "torch.Tensor", dtype: "torch.dtype | None", is_exact: bool) -> "torch.Tensor":
    import torch

    if dtype is None or not tensor.ndim:
        return tensor.cpu().contiguous()
    stored = tensor.to("cpu", dtype).contiguous()
    is_lossy = is_exact and not torch.equal(stored.to(tensor.dtype), tensor.cpu())
    return tensor.cpu().contiguous() if is_lossy else stored


def _denoiser(changes: Mapping[str, Change]) -> str:
    return "unet" if any(module.startswith(_UNET) for module in changes) else "transformer"


def _text_stem(part: str, name: str, layout: Layout, is_alone: bool) -> str:
    if layout == "diffusers":
        return f"{part}.text_model.{dotted(name)}"
    number = part.removeprefix("text_encoder").lstrip("_") or ("" if is_alone else "1")
    return f"lora_te{number}_text_model_{name}"


def _in_kohya(stem: str, change: Change) -> "Tensors":
    import torch

    change = change.folded()
    named = {f"{stem}.{_KOHYA.get(role, role)}": tensor for role, tensor in change.tensors().items()}
    if isinstance(change, Layer) and change.magnitude is not None:
        named[f"{stem}.dora_scale"] = change.magnitude.reshape(-1, *[1] * (change.up.ndim - 1))
    return {**named, f"{stem}.alpha": torch.tensor(float(change.rank))}


def _in_diffusers(stem: str, change: Change) -> "Tensors":
    return {f"{stem}.{role}": tensor for role, tensor in change.folded().tensors().items()}


def _adapter_config(changes: Mapping[str, Change], texts: Texts) -> dict[str, str]:
    """The header entry that diffusers reads rank and alpha from; for LoKr it goes by the sizes."""
    parts = {_denoiser(changes): changes}
    parts |= {
        part: {f"text_model.{dotted(n)}": c for n, c in layers.items()} for part, layers in texts.items()
    }
    config: dict[str, object] = {}
    for part, layers in parts.items():
        first = next(iter(layers.values()), None)
        if isinstance(first, Layer):
            others = {name: change.rank for name, change in layers.items() if change.rank != first.rank}
            told = {"r": first.rank, "lora_alpha": first.rank, "target_modules": sorted(layers),
                    "use_dora": first.magnitude is not None, "rank_pattern": others, "alpha_pattern": others}  # fmt: skip
            config |= {f"{part}.{key}": value for key, value in told.items()}
    return {"lora_adapter_metadata": json.dumps(config)} if config else {}


def _header(changes: Mapping[str, Change], texts: Texts, family: str) -> dict[str, str]:
    every = [*changes.values(), *(change for layers in texts.values() for change in layers.values())]
    rank = str(max(change.rank for change in every))
    is_kronecker = any(isinstance(change, Kronecker) for change in every)
    told = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.implementation": "inkstone",
        "ss_network_module": "lycoris.kohya" if is_kronecker else "networks.lora",
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
    }
    own = {"modelspec.architecture": f"{family}/lora", "ss_base_model_version": family, FAMILY_KEY: family}
    return told | own if family else told
