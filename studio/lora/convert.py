"""Writes a LoRA file in another layout: the same change to every layer, and the header's words kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.disk import write_atomically
from studio.lora.kinship import kin
from studio.lora.layer import Change, Kronecker
from studio.lora.names import Place, dotted
from studio.lora.open import open_header
from studio.lora.read import Lora, read
from studio.lora.sizes import places_for_kin
from studio.lora.write import TRAINED_ALPHA, TRAINED_RANK, Layout, to_bytes
from studio.origin import told_family

if TYPE_CHECKING:
    import torch

_STALE = ("lora_adapter_metadata", "sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256", "ss_network_alpha",
          "ss_network_dim", "ss_network_module")  # fmt: skip
"""What the header says of the file as it was."""


@dataclass(frozen=True)
class Converted:
    """What was written: layers of the file that went over, those that could not, and where alpha came from."""

    layers: int
    left_out: tuple[str, ...]
    alpha_source: str


def convert(source: Path, target: Path, layout: Layout, alpha: float | None = None) -> Converted:
    """Write `source` to `target`; `alpha` counts where the file records none. Raises LoraError or StorageError."""
    lora = read(source, alpha)
    changes, left_out = placed(lora)
    family = told_family(lora.metadata) or (next(iter(possible(lora))) if len(possible(lora)) == 1 else "")
    metadata = _trained(lora) | {key: value for key, value in lora.metadata.items() if key not in _STALE}
    content = to_bytes(changes, family, metadata, _dtype(source), layout, lora.texts, is_exact=True)
    write_atomically(target, content)
    texts = sum(len(layers) for layers in lora.texts.values())
    count = len(lora.layers) + texts - (len(left_out) - len(lora.left_out))
    return Converted(count, left_out, lora.alpha_source)


def _trained(lora: Lora) -> dict[str, str]:
    """The header's words for rank and alpha as the file has them, where all layers agree and folding changes them."""
    told = {change.told for change in lora.layers.values()}
    rank, strength = next(iter(told), (0, 1.0))
    if len(told) != 1 or strength == 1:
        return {}
    return {TRAINED_RANK: str(rank), TRAINED_ALPHA: str(round(rank * strength, 6))}


def possible(lora: Lora) -> frozenset[str]:
    """The families that a LoRA's layers can be of."""
    return kin(places_for_kin(lora.told, {stem: change.width for stem, change in lora.layers.items()}))


def placed(lora: Lora) -> tuple[dict[str, Change], tuple[str, ...]]:
    """A LoRA's layers by diffusers' module paths, without asking a model; and the names of those left out."""
    families = possible(lora)
    found: dict[str, Change] = {}
    left_out = [*lora.left_out]
    for stem, change in lora.layers.items():
        place = _place(lora.told[stem].places, change, families)
        if place is None:
            left_out.append(stem)
        else:
            found |= _cut(change, place)
    return found, tuple(left_out)


def _place(places: tuple[Place, ...], change: Change, families: frozenset[str]) -> Place | None:
    """The place that the size allows and that one of the families has."""
    allowed = [place for place in places if place.suits(*change.width)]
    own = [place for place in allowed if kin((name, *change.width) for name in place.modules) & families]
    return next(iter(own or allowed), None)


def _cut(change: Change, place: Place) -> Mapping[str, Change]:
    names = [dotted(module) for module in place.modules]
    if len(names) == 1 and not place.halves_swapped:
        return {names[0]: change}
    whole = change.dense() if isinstance(change, Kronecker) else change
    cut: list[Any] = [whole.swapped()] if place.halves_swapped else whole.parts(len(names))
    return dict(zip(names, cut, strict=True))


def _dtype(source: Path) -> "torch.dtype":
    """The number format of most of a file's matrices."""
    import torch

    kinds = [tensor.dtype for tensor in open_header(source).tensors.values() if len(tensor.shape) >= 2]
    common = max(set(kinds), key=kinds.count)
    return {"F16": torch.float16, "BF16": torch.bfloat16}.get(common, torch.float32)
