"""Finds each layer of a LoRA in a denoiser, by exact name and by size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import LoraFitsNothing, LoraForAnotherFamily
from studio.lora.layer import Change, Layer
from studio.lora.read import Lora
from studio.origin import guessed_family, title_of, told_family

Shapes = Mapping[str, tuple[int, ...]]
"""Module path of a linear or convolution layer to the shape of its weight."""


@dataclass(frozen=True)
class Match:
    """The layers of a LoRA that a denoiser has, by module path, and the file's names of those that it hasn't."""

    layers: Mapping[str, Change]
    unmatched: tuple[str, ...]
    family: str | None
    alpha_source: str

    @property
    def total(self) -> int:
        """Layers in the file."""
        return len(self.layers) + len(self.unmatched)

    @property
    def rank(self) -> int:
        """The highest rank among the matched layers."""
        return max(layer.rank for layer in self.layers.values())

    @property
    def scale(self) -> float:
        """Alpha / rank of the first matched layer: what the picture gets at weight 1."""
        return next(iter(self.layers.values())).scale

    @property
    def bytes(self) -> int:
        """Memory that the matched layers take as read (float32)."""
        return sum(layer.nbytes for layer in self.layers.values())


def shapes_of(network: Any) -> dict[str, tuple[int, ...]]:
    """The layers of a network that a LoRA can change. Ask before anything is attached: attaching renames layers."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    return {
        name: tuple(module.weight.shape)
        for name, module in network.named_modules()
        if isinstance(module, kinds)
    }


def match(lora: Lora, shapes: Shapes, family: str, model: str, name: str) -> Match:
    """How `lora`, shown to the user as `name`, fits the denoiser of `model`.

    Raises LoraForAnotherFamily when its header names another family or, where nothing fits, its layers do; and
    LoraFitsNothing when nothing fits and nothing tells why."""
    told = told_family(lora.metadata)
    if told is not None and told != family:
        raise _another_family(name, told, model, family)
    modules = {lora.format.spell(module): module for module in shapes}
    fitting: dict[str, Change] = {}
    unmatched = list(_stems(lora.others))
    for spelled, layer in lora.layers.items():
        module = modules.get(spelled)
        fitted = layer.fitted(shapes[module]) if module is not None else None
        if module is None or fitted is None:
            unmatched.append(spelled)
        else:
            fitting[module] = fitted
    if not fitting:
        guess = guessed_family((key, tuple(layer.down.shape)) for key, layer in _with_ends(lora))
        if guess is not None and guess != family:
            raise _another_family(name, guess, model, family)
        raise LoraFitsNothing("loras", name=name, total=len(shapes), model=model)
    return Match(fitting, tuple(unmatched), told, lora.alpha_source)


def _another_family(name: str, made_for: str, model: str, family: str) -> LoraForAnotherFamily:
    return LoraForAnotherFamily(
        "loras", name=name, made_for=title_of(made_for), model=model, family=title_of(family)
    )


def _with_ends(lora: Lora) -> list[tuple[str, Layer]]:
    return [(f"{name}.lora_down", layer) for name, layer in lora.layers.items() if isinstance(layer, Layer)]


def _stems(keys: tuple[str, ...]) -> dict[str, None]:
    """Layer names of keys that the layout doesn't know, each once, in order."""
    return dict.fromkeys(key.partition(".lora")[0].removesuffix(".alpha") for key in keys)
