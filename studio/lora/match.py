"""Finds each layer of a LoRA in a denoiser, by exact name and by size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import LoraFitsNothing, LoraForAnotherFamily
from studio.lora.read import Layer, Lora
from studio.origin import guessed_family, title_of, told_family

if TYPE_CHECKING:
    import torch

Shapes = Mapping[str, tuple[int, ...]]
"""Module path of a linear or convolution layer to the shape of its weight."""


@dataclass(frozen=True)
class Match:
    """The layers of a LoRA that a denoiser has, by module path, and the file's names of those that it hasn't."""

    layers: Mapping[str, Layer]
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
        first = next(iter(self.layers.values()))
        return first.alpha / first.rank

    @property
    def bytes(self) -> int:
        """Memory that the matched layers take as read (float32)."""
        return sum(layer.down.nbytes + layer.up.nbytes for layer in self.layers.values())


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
    fitting: dict[str, Layer] = {}
    unmatched = list(_stems(lora.others))
    for spelled, layer in lora.layers.items():
        module = modules.get(spelled)
        fitted = _fit(layer, shapes[module]) if module is not None else None
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


def _fit(layer: Layer, shape: tuple[int, ...]) -> Layer | None:
    """The layer in the weight's own number of dimensions, or None when the sizes differ. 1x1 convolutions and linear
    layers are the same thing, and files mix them."""
    down, up = layer.down, layer.up
    if len(shape) == 2 and down.ndim == 4 and down.shape[2:] == (1, 1):
        down, up = down[:, :, 0, 0], up.reshape(up.shape[:2])
    elif len(shape) == 4 and down.ndim == 2 and shape[2:] == (1, 1):
        down, up = down[:, :, None, None], up[:, :, None, None]
    return Layer(down, up, layer.alpha) if _is_for(down, up, shape) else None


def _is_for(down: "torch.Tensor", up: "torch.Tensor", shape: tuple[int, ...]) -> bool:
    return up.shape[0] == shape[0] and tuple(down.shape[1:]) == tuple(shape[1:]) and up.ndim == len(shape)


def _with_ends(lora: Lora) -> list[tuple[str, Layer]]:
    return [(f"{name}.lora_down", layer) for name, layer in lora.layers.items()]


def _stems(keys: tuple[str, ...]) -> dict[str, None]:
    """Layer names of keys that the layout doesn't know, each once, in order."""
    return dict.fromkeys(key.partition(".lora")[0].removesuffix(".alpha") for key in keys)
