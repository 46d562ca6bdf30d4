"""What a model's networks cost to train, counted from the shapes in their safetensors headers and from their configs.

Three rules, each checked against U-Nets of three sizes (Storybook, SD1.5, Kolors) with fake tensors, on which every
operation was counted and every tensor kept for the backward pass was weighed:

- **multiplications**: a weight of a block at level i is used once for each of the 1/4^i cells that are left there, so
  the sum of sizes / 4^level is what one latent cell costs. Counted and by this rule, in million operations a cell for
  a pass forward and back through frozen weights: Storybook 8.0 and 7.8, SD1.5 329 and 345, Kolors 731 and 827.
- **kept for the backward pass**: per cell and channel 53 bytes a ResNet block and 83 a transformer block in 32 bits, 25
  and 52 in mixed precision. Weighed and by this rule, in kB a cell in 32 bits: Storybook 30 and 34, SD1.5 391 and 390,
  Kolors 691 and 690; in mixed precision Kolors 408 and 408.
- with **gradient checkpointing** only the blocks' inputs stay: about 13 and 8 bytes; the pass costs 1.4 times as much.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from studio.headers import BadHeader, Tensor, read_header

KEPT_32 = (53, 83)
KEPT_16 = (25, 52)
KEPT_CHECKPOINTED = (13, 8)
"""Bytes a latent cell and channel that a ResNet and a transformer block keep for the backward pass."""
DENOISERS = ("unet", "transformer")
_LEVEL = re.compile(r"(?:encoder\.|decoder\.)?(down|up)_blocks\.(\d+)\.")


@dataclass(frozen=True)
class Network:
    """One part of a model: the tensors of its files and its config."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]

    @cached_property
    def parameters(self) -> int:
        """How many numbers it has."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())

    @cached_property
    def multiplications_a_cell(self) -> float:
        """Multiplications of a pass forward for each cell (latent cell or pixel) of its input."""
        return math.fsum(
            math.prod(tensor.shape) / 4**level
            for name, tensor in self.tensors.items()
            if len(tensor.shape) > 1 and (level := self._level(name)) is not None
        )

    def kept_a_cell(self, figures: tuple[int, int]) -> float:
        """Bytes that a pass keeps for each cell, by the figures for a ResNet and a transformer block."""
        resnets, transformers = figures
        return math.fsum(
            channels / 4**level * (resnets * blocks + transformers * layers)
            for level, channels, blocks, layers in self._blocks()
        )

    def lora_parameters(self, targets: Sequence[str], rank: int) -> int:
        """Numbers of a LoRA of this rank beside every layer whose name ends as one of `targets` does."""
        ends = tuple(f".{target}.weight" for target in targets)
        shapes = [tensor.shape for name, tensor in self.tensors.items() if f".{name}".endswith(ends)]
        return sum(rank * (shape[0] + math.prod(shape[1:])) for shape in shapes if len(shape) > 1)

    def _level(self, name: str) -> int | None:
        """How often the input has been halved where this weight works; None for weights beside the picture."""
        levels = len(self.config.get("block_out_channels", ())) or 1
        found = _LEVEL.match(name)
        if found:
            return int(found[2]) if found[1] == "down" else max(0, levels - 1 - int(found[2]))
        if "mid_block" in name:
            return levels - 1
        return (
            0 if name.split(".")[-2].startswith("conv_") or "block_out_channels" not in self.config else None
        )

    def _blocks(self) -> Iterator[tuple[int, int, int, int]]:
        """Level, channels, ResNet blocks and transformer layers of each level: down, middle and up together."""
        channels = self.config.get("block_out_channels", ())
        each = self.config.get("layers_per_block", 1)
        depths = _per_level(self.config.get("transformer_layers_per_block", 1), len(channels))
        has_attention = ["CrossAttn" in kind for kind in self.config.get("down_block_types", ())]
        for level, (width, depth, attends) in enumerate(zip(channels, depths, has_attention, strict=False)):
            blocks = 2 * each + 1
            layers = blocks * depth if attends else 0
            if level == len(channels) - 1:
                blocks, layers = blocks + 2, layers + depth
            yield level, width, blocks, layers


@dataclass(frozen=True)
class ModelCosts:
    """The parts of a model that training uses."""

    denoiser: Network
    text_encoder: Network
    autoencoder: Network


def read_costs(folder: Path, denoiser: str = "", text_encoder: str = "", autoencoder: str = "") -> ModelCosts:
    """The parts of a model's folder; a path given for a part is taken instead. Parts that aren't there are empty."""
    parts = sorted(part for part in folder.iterdir() if part.is_dir()) if folder.is_dir() else []
    unet = [part for part in parts if part.name in DENOISERS]
    texts = [part for part in parts if part.name.startswith("text_encoder")]
    return ModelCosts(
        _network([Path(denoiser)] if denoiser else unet),
        _network([Path(text_encoder)] if text_encoder else texts),
        _network([Path(autoencoder)] if autoencoder else [part for part in parts if part.name == "vae"]),
    )


def _network(places: list[Path]) -> Network:
    tensors: dict[str, Tensor] = {}
    config: dict[str, Any] = {}
    for number, place in enumerate(places):
        folder = place if place.is_dir() else place.parent
        for file in _weights(place):
            try:
                found = read_header(file).tensors
            except BadHeader:
                continue  # the model's own check says what is wrong with it
            tensors |= {f"{number}.{name}" if number else name: tensor for name, tensor in found.items()}
        config = config or _config(folder / "config.json")
    return Network(tensors, config)


def _weights(place: Path) -> list[Path]:
    """One set of weights: a folder may also hold the same ones in half precision."""
    if place.is_file():
        return [place]
    files = sorted(place.glob("*.safetensors"))
    whole = [file for file in files if ".fp16" not in file.name]
    return whole or files


def _config(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _per_level(value: Any, levels: int) -> list[int]:
    return [int(n) for n in value] if isinstance(value, list) else [int(value or 1)] * levels
