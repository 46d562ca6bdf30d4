"""Reads a LoRA file of any known layout. Runs nothing: a pickle that asks for more than tensors is refused by name.

Our own reader and not diffusers', because that one applies nothing, with a line in the log, to several layouts in use,
and the wrong strength to others."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import LoraBroken
from studio.finite import as_number
from studio.lora.format import Told
from studio.lora.keys import Role, check_kinds, kind_of, sort
from studio.lora.layer import Change, Kronecker, Layer, hadamard_layer, tucker
from studio.lora.open import adapter_config, open_header, open_tensors, told_alpha
from studio.words import Text

if TYPE_CHECKING:
    import torch

    Roles = dict[Role, torch.Tensor]

NOT_FINITE = Text("it holds NaN or infinite values", "其中含有 NaN 或无穷大的数值")
HALF_A_LAYER = Text("half of a layer is missing", "有的层只有一半")
TWO_KINDS = Text("it mixes LoRA and LoKr layers, or DoRA and plain ones",
                 "其中混有 LoRA 和 LoKr，或 DoRA 和普通 LoRA 的层")  # fmt: skip
INPUT_MAGNITUDES = Text(
    "its DoRA lengths are those of columns, not of rows", "其 DoRA 长度按列而不是按行记录"
)

DENOISER = ""
"""The part of a model that is no text encoder, in `Lora.layers_of`."""


@dataclass(frozen=True)
class Lora:
    """A LoRA file in memory: its layers as the file spells them, what their names say, those of text encoders by part
    and flat module path, the layers that could not be read, where its alpha came from ("file", "header" or "assumed"),
    and its header."""

    file: Path
    layout: str
    layers: Mapping[str, Change]
    told: Mapping[str, Told]
    texts: Mapping[str, Mapping[str, Change]]
    left_out: tuple[str, ...]
    alpha_source: str
    metadata: Mapping[str, str]


def read(file: Path, alpha: float | None = None) -> Lora:
    """A LoRA with all its values checked; `alpha` is taken where the file records none. Raises LoraBroken, LoraHoldsCode
    or LoraKindUnknown (field "loras")."""
    header = open_header(file)
    found = sort(header.tensors)
    check_kinds(file, found)
    sets = [found.layers, *found.texts.values()]
    keys = [key for layers in sets for roles in layers.values() for key in roles.values()]
    tensors = open_tensors(file, header, keys)
    _check_finite(file, tensors)
    held = [
        {name: {role: tensors[key] for role, key in roles.items()} for name, roles in layers.items()}
        for layers in sets
    ]
    rule = _AlphaRule.of(header.metadata, adapter_config(file, header), held, alpha)
    prefixes = [DENOISER, *found.texts]
    made = [
        {name: _change(file, name, roles, rule, part) for name, roles in layers.items()}
        for part, layers in zip(prefixes, held, strict=True)
    ]
    for layers in made:
        _check_one_kind(file, layers)
    left_out = (*found.unknown, *dict.fromkeys(stem for stems in found.foreign.values() for stem in stems))
    texts = dict(zip(found.texts, made[1:], strict=True))
    return Lora(file, found.layout, made[0], found.told, texts, left_out, rule.source, header.metadata)


def _check_finite(file: Path, tensors: "Mapping[str, torch.Tensor]") -> None:
    import torch

    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise _broken(file, NOT_FINITE)


def _check_one_kind(file: Path, layers: Mapping[str, Change]) -> None:
    """One adapter holds one kind."""
    kinds = {isinstance(c, Kronecker) or (c.magnitude is not None, "") for c in layers.values()}
    if len(kinds) > 1:
        raise _broken(file, TWO_KINDS)


def _change(file: Path, name: str, roles: "Roles", rule: "_AlphaRule", part: str) -> Change:
    try:
        change = _by_kind(name, roles, rule, part)
    except (KeyError, RuntimeError, IndexError, ZeroDivisionError):
        raise _broken(file, HALF_A_LAYER) from None
    if not change.is_whole:
        raise _broken(file, HALF_A_LAYER)
    if "magnitude" not in roles:
        return change
    layer = change.dense() if isinstance(change, Kronecker) else change
    return replace(layer, magnitude=_magnitude(file, roles, layer))


def _by_kind(name: str, roles: "Roles", rule: "_AlphaRule", part: str) -> Change:
    own = (
        float(roles["alpha"]) if "alpha" in roles else None
    )  # a header speaks of LoRA's alpha, not of LyCORIS'
    match kind_of(roles):
        case "LoKr":
            return _kronecker(roles, own, rule.lycoris)
        case "LoHa":
            told = rule.lycoris * int(roles["hada_w1_b"].shape[0]) if rule.lycoris is not None else None
            return hadamard_layer(
                {str(role): tensor for role, tensor in roles.items()}, told if own is None else own
            )
        case _:
            return _layer(roles, rule.of_layer(name, part, own, int(roles["down"].shape[0])))


def _layer(roles: "Roles", alpha: float) -> Layer:
    """Two matrices, or three: a convolution's kernel may stand in the middle."""
    import torch

    down, up = roles["down"], roles["up"]
    if "mid" in roles:
        down = torch.einsum("rskl,si->rikl", roles["mid"], down.flatten(1))
    return Layer(down, up, alpha)


def _kronecker(roles: "Roles", alpha: float | None, strength: float | None) -> Kronecker:
    """Factors whose strength is alpha / rank where one is a product (LyCORIS), or `strength` in any case (PEFT)."""
    factors: dict[str, Any] = {role: roles[role] for role in Kronecker.ROLES if role in roles}
    if "lokr_t2" in roles:
        rank = int(roles["lokr_w2_b"].shape[0])
        factors["lokr_w2"] = tucker(roles["lokr_t2"], factors.pop("lokr_w2_a"), factors.pop("lokr_w2_b"))
        factors["lokr_w2"] *= 1.0 if alpha is None else alpha / rank
    if alpha is None and strength is not None:
        factors["lokr_w1" if "lokr_w1" in factors else "lokr_w1_b"] *= strength
    return Kronecker(factors, alpha)


def _magnitude(file: Path, roles: "Roles", change: Layer) -> "torch.Tensor":
    """One length for each output. Old LyCORIS files have one for each input: that is another decomposition."""
    magnitude = roles["magnitude"]
    is_row = magnitude.ndim == 2 and magnitude.shape[0] == 1 and magnitude.shape[1] > 1
    if is_row or magnitude.numel() != change.up.shape[0]:
        raise _broken(file, INPUT_MAGNITUDES)
    return magnitude.flatten()


@dataclass(frozen=True)
class _AlphaRule:
    """Where a layer's alpha comes from: its own tensor, what the caller or the header says, else its rank (strength 1)."""

    source: str
    alpha: float | None
    config: Mapping[str, Any]
    lycoris: float | None = None
    """The strength of LoHa and LoKr layers that have no alpha of their own."""

    @staticmethod
    def of(
        metadata: Mapping[str, str],
        config: Mapping[str, Any],
        held: "list[dict[str, Roles]]",
        given: float | None,
    ) -> "_AlphaRule":
        every = [roles for layers in held for roles in layers.values()]
        if any("alpha" in roles for roles in every):
            return _AlphaRule("file", None, {})
        if all(kind_of(roles) in ("LoHa", "LoKr") for roles in every):
            alpha, rank = as_number(config.get("alpha")), as_number(config.get("r"))
            if alpha is not None and rank:
                return _AlphaRule("header", None, {}, alpha / rank)
            return _AlphaRule("assumed", None, {})
        header = told_alpha(config, metadata)
        if header is not None:
            return _AlphaRule("header", header, config)
        return _AlphaRule("assumed" if given is None else "given", given, {})

    def of_layer(self, name: str, part: str, own: float | None, rank: int) -> float:
        """Alpha of one layer. PEFT's patterns name layers by the ends of their paths, and its rank-stabilised adapters
        (arXiv:2312.03732) divide by the root of the rank."""
        if own is not None:
            return own
        prefixes = (f"{part}.",) if part else ("", "unet.", "transformer.")
        alpha = as_number(
            next((self.config[f"{p}lora_alpha"] for p in prefixes if f"{p}lora_alpha" in self.config), None)
        )
        alpha = self.alpha if alpha is None else alpha
        if alpha is None:
            return float(rank)
        for prefix in prefixes:
            patterns = self.config.get(f"{prefix}alpha_pattern")
            for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
                if _names(str(pattern), name, part) and (number := as_number(value)) is not None:
                    alpha = number
        is_stabilised = any(self.config.get(f"{prefix}use_rslora") is True for prefix in prefixes)
        return alpha * math.sqrt(rank) if is_stabilised else alpha


def _names(pattern: str, name: str, part: str) -> bool:
    path, pattern = (name.replace(".", "_"), pattern.replace(".", "_"))
    return path == pattern or path.endswith(
        f"_{pattern.lstrip('^').removeprefix('text_model_' if part else '')}"
    )


def _broken(file: Path, reason: Text) -> LoraBroken:
    return LoraBroken("loras", name=file.name, reason=reason)
