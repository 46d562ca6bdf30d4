"""Finds each layer of a LoRA in a network, by exact name and by size."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.errors import LoraFitsNothing, LoraForAnotherFamily
from studio.lora.kinship import FAMILIES, kin
from studio.lora.layer import Change, Kronecker, Layer
from studio.lora.names import Place, flat
from studio.lora.read import Lora
from studio.lora.sizes import places_for_kin
from studio.origin import title_of, told_family

Shapes = Mapping[str, tuple[int, ...]]
"""Module path of a linear or convolution layer to the shape of its weight."""


@dataclass(frozen=True)
class Match:
    """The layers of a LoRA that a network has, by module path; how many of the file's those are, as it counts them (a
    layer of a file may be several of the network); the file's names of those that the network hasn't; and, of a denoiser,
    how many layers of text encoders the file has."""

    layers: Mapping[str, Change]
    matched: int
    unmatched: tuple[str, ...]
    family: str | None
    alpha_source: str
    texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Layers in the file."""
        return self.matched + len(self.unmatched)

    @property
    def rank(self) -> int:
        """The highest rank among the matched layers; 0 without any."""
        return max((layer.told[0] for layer in self.layers.values()), default=0)

    @property
    def scale(self) -> float:
        """Alpha / rank of the first matched layer: what the picture gets at weight 1."""
        return next((layer.told[1] for layer in self.layers.values()), 1.0)

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


def match(
    lora: Lora, shapes: Shapes, family: str, model: str, name: str, texts: Collection[str] = ()
) -> Match:
    """How `lora`, shown to the user as `name`, fits the denoiser of `model`, which has the text encoders `texts`.

    Raises LoraForAnotherFamily when its header names another family or its layers can only be another's; and
    LoraFitsNothing when nothing fits and nothing tells why."""
    told = told_family(lora.metadata)
    if told is not None and told != family:
        raise _another_family(name, [told], model, family)
    possible = kin(places_for_kin(lora.told, {stem: c.width for stem, c in lora.layers.items()}))
    if told is None and family in FAMILIES and possible and family not in possible:
        raise _another_family(name, sorted(possible), model, family)
    modules = {flat(module): module for module in shapes}
    fitting: dict[str, Change] = {}
    unmatched: list[str] = []
    for stem, change in lora.layers.items():
        placed = _placed(change, lora.told[stem].places, modules, shapes)
        if placed and not fitting.keys() & placed.keys():
            fitting |= placed
        else:
            unmatched.append(stem)
    matched = len(lora.layers) - len(unmatched)
    if not fitting and (lora.layers or not lora.texts.keys() & set(texts)):
        raise LoraFitsNothing("loras", name=name, total=len(shapes), model=model)
    counts = {part: len(layers) for part, layers in lora.texts.items()}
    made_for = told or (next(iter(possible)) if len(possible) == 1 else None)
    left_out = (*unmatched, *lora.left_out)
    return Match(_of_one_kind(fitting), matched, left_out, made_for, lora.alpha_source, counts)


def match_text(lora: Lora, shapes: Shapes, part: str) -> Match:
    """How `lora` fits a text encoder, the `part` of a model; nothing that fits is no failure."""
    modules = {flat(module).removeprefix("text_model_"): module for module in shapes}
    fitting: dict[str, Change] = {}
    unmatched: list[str] = []
    for stem, change in lora.texts.get(part, {}).items():
        placed = _placed(change, (Place((stem,)),), modules, shapes)
        fitting |= placed
        if not placed:
            unmatched.append(stem)
    matched = len(fitting)
    return Match(
        _of_one_kind(fitting), matched, tuple(unmatched), told_family(lora.metadata), lora.alpha_source
    )


def _placed(
    change: Change, places: Iterable[Place], modules: Mapping[str, str], shapes: Shapes
) -> dict[str, Change]:
    """A file's layer cut into those of the network; nothing when it has none that fit."""
    for place in places:
        names = [modules[module] for module in place.modules if module in modules]
        if len(names) < len(place.modules) or not place.suits(*change.width):
            continue
        cut: list[Any] = [change]
        if len(names) > 1 or place.halves_swapped:
            whole = change.dense() if isinstance(change, Kronecker) else change
            cut = [whole.swapped()] if place.halves_swapped else whole.parts(len(names))
        fitted = [part.fitted(shapes[name]) for part, name in zip(cut, names, strict=True)]
        if None not in fitted:
            return dict(zip(names, fitted, strict=True))
    return {}


def _of_one_kind(layers: dict[str, Change]) -> dict[str, Change]:
    """One adapter holds one kind: where a Kronecker product had to be cut, all are made matrices."""
    if any(isinstance(layer, Layer) for layer in layers.values()):
        return {n: c.dense() if isinstance(c, Kronecker) else c for n, c in layers.items()}
    return layers


def _another_family(name: str, made_for: list[str], model: str, family: str) -> LoraForAnotherFamily:
    titles = " / ".join(title_of(each) for each in made_for)
    return LoraForAnotherFamily("loras", name=name, made_for=titles, model=model, family=title_of(family))
