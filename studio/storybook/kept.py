"""A small copy of a pretraining's work folder: what has been learnt so far, in half precision, in a few files below
16 MB. It survives a machine that goes away; a pretraining on another one goes on from it (`--go-on`), with the same
schedule and a fresh optimizer."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FILES = ("tokenizer.model", "judge.safetensors")
"""Copied as they are."""
UNET_PARTS = 2
_PROGRESS = "progress.json"


def keep(work: Path, folder: Path) -> None:
    """Write the copy of what `work` holds; each file whole or as it was before."""
    folder.mkdir(parents=True, exist_ok=True)
    progress: dict[str, Any] = {}
    for name in FILES:
        if (work / name).exists():
            _replace(folder / name, lambda part, name=name: shutil.copyfile(work / name, part))
    if (work / "autoencoder.pt").exists():
        state = _load(work / "autoencoder.pt")
        _save(folder / "autoencoder.safetensors", state["model"])
        progress["autoencoder"] = {name: state[name] for name in ("step", "spent_s", "done")}
    if (work / "reader.pt").exists():
        _save(folder / "text.safetensors", _load(work / "reader.pt"))
    if (work / "denoiser.pt").exists():
        state = _load(work / "denoiser.pt")
        text, unet = _averaged(state)
        _save(folder / "text.safetensors", text)
        for k, part in enumerate(_parted(unet, UNET_PARTS)):
            _save(folder / f"unet-{k}.safetensors", part)
        progress["denoiser"] = {name: state[name] for name in ("step", "spent_s")}
    told = json.dumps(progress).encode()
    _replace(folder / _PROGRESS, lambda part: part.write_bytes(told))


def take_up(folder: Path, work: Path) -> None:
    """Fill an empty work folder from a copy; one that has results of its own keeps them."""
    work.mkdir(parents=True, exist_ok=True)
    progress: dict[str, Any] = json.loads((folder / _PROGRESS).read_text())
    for name in FILES:
        if (folder / name).exists() and not (work / name).exists():
            shutil.copyfile(folder / name, work / name)
    if "autoencoder" in progress and not (work / "autoencoder.pt").exists():
        model = _wide(folder / "autoencoder.safetensors")
        torch.save({"model": model, "optimizer": None, **progress["autoencoder"]}, work / "autoencoder.pt")
    if (folder / "text.safetensors").exists() and not (work / "reader.pt").exists():
        torch.save(_wide(folder / "text.safetensors"), work / "reader.pt")
    if "denoiser" in progress and not (work / "denoiser.pt").exists():
        unet: dict[str, Tensor] = {}
        for k in range(UNET_PARTS):
            unet |= _wide(folder / f"unet-{k}.safetensors")
        text = _wide(folder / "text.safetensors")
        state = {"text": text, "unet": unet, "averages": None, "optimizer": None, **progress["denoiser"]}
        torch.save(state, work / "denoiser.pt")


def _averaged(state: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of text encoder and UNet, averages in place of what the last steps made of them."""
    held = {part: dict(state[part]) for part in ("text", "unet")}
    for name, average in (state["averages"] or {}).items():
        part, _, place = name.partition(".")
        held[part][place] = average
    return held["text"], held["unet"]


def _parted(tensors: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """The tensors in so many parts of nearly equal size: the largest first, each to the part that is smallest so far."""
    parts: list[dict[str, Tensor]] = [{} for _ in range(count)]
    sizes = [0] * count
    for name in sorted(tensors, key=lambda name: (-tensors[name].nbytes, name)):
        smallest = sizes.index(min(sizes))
        parts[smallest][name] = tensors[name]
        sizes[smallest] += tensors[name].nbytes
    return parts


def _load(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return found


def _save(file: Path, tensors: dict[str, Tensor]) -> None:
    half = {
        name: (t.half() if t.is_floating_point() else t).cpu().contiguous().clone()
        for name, t in tensors.items()
    }
    _replace(file, lambda part: save_file(half, part))


def _wide(file: Path) -> dict[str, Tensor]:
    return {name: t.float() if t.is_floating_point() else t for name, t in load_file(file).items()}


def _replace(file: Path, write: Any) -> None:
    part = file.with_suffix(".part")
    write(part)
    part.replace(file)
