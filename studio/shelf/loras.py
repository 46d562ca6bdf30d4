"""LoRA cards: what a LoRA file says of itself in its header, its sidecar JSON and its thumbnail."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import LoraError
from studio.finite import as_number
from studio.headers import Header, read_scalar
from studio.letters import whole
from studio.lora.keys import check_kinds, sort
from studio.lora.open import adapter_config, open_header, told_alpha
from studio.lora.sizes import families_of, fitting, rank_of
from studio.lora.write import TRAINED_ALPHA
from studio.origin import named_family, told_family

_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_MOST_SIDECAR_BYTES = 2**20


@dataclass(frozen=True)
class LoraCard:
    """A LoRA file. `family`, `rank`, `alpha` are None when nothing tells them; `fits` are the families that its layers can
    be of; `made_for` is the base model in the file's own words; `layers` counts those of the denoiser, `text_layers` those
    of text encoders, `left_out` those that can't be used; `kinds` says whether they are LoRA, DoRA, LoHa or LoKr; `broken`
    is why the file can't be used."""

    name: str
    file: Path
    title: str
    family: str | None = None
    made_for: str | None = None
    rank: int | None = None
    alpha: float | None = None
    layers: int = 0
    text_layers: int = 0
    left_out: int = 0
    layout: str = ""
    kinds: tuple[str, ...] = ()
    fits: frozenset[str] = frozenset()
    trigger_words: tuple[str, ...] = ()
    thumbnail: Path | None = None
    about: str = ""
    broken: LoraError | None = None
    hash: str | None = None
    """SHA-256 over the tensors, in hex, as the header tells it: `sshs_model_hash`."""
    trained_alpha: float | None = None
    """Alpha before the strength was folded into the matrices, where the header tells it."""

    @property
    def strength(self) -> float | None:
        """What it counts at weight 1, alpha / rank; None when its alpha isn't recorded."""
        return self.alpha / self.rank if self.alpha is not None and self.rank else None


def lora_files(folder: Path) -> dict[str, Path]:
    """LoRA files under a folder by name (path without ending); a .safetensors file hides others of its name."""
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*"), key=lambda f: (f.suffix.lower() != ".safetensors", str(f).lower())):
        if file.suffix.lower() in _ENDINGS and file.is_file():
            found.setdefault(whole(file.relative_to(folder).with_suffix("").as_posix()), file)
    return dict(sorted(found.items()))


def read_lora_card(name: str, file: Path) -> LoraCard:
    """All that can be known of a LoRA without loading it; never raises for a bad file, but says so in `broken`."""
    thumbnail = _thumbnail(file)
    try:
        header = open_header(file)
        found = sort(header.tensors)
        check_kinds(file, found)
    except LoraError as error:
        return LoraCard(name, file, title=whole(file.stem), thumbnail=thumbnail, broken=error)
    told, sidecar = header.metadata, _sidecar(file)
    made_for = _first(sidecar.get("base_model"), told.get("modelspec.architecture"),
                      told.get("ss_base_model_version"), sidecar.get("sd version"))  # fmt: skip
    fits = families_of(found, header)
    return LoraCard(
        name,
        file,
        title=_first(sidecar.get("title"), told.get("modelspec.title")) or file.stem,
        family=named_family(made_for or "")
        or told_family(told)
        or (next(iter(fits)) if len(fits) == 1 else None),
        made_for=made_for,
        rank=rank_of(found, header),
        alpha=_alpha(file, header),
        layers=len(found.layers),
        text_layers=sum(len(layers) for layers in found.texts.values()),
        left_out=len(found.unknown) + len({stem for stems in found.foreign.values() for stem in stems}),
        layout=found.layout,
        kinds=tuple(found.kinds),
        fits=fits,
        trigger_words=_trigger_words(told, sidecar),
        thumbnail=thumbnail,
        about=_first(
            sidecar.get("description"), sidecar.get("notes"), told.get("modelspec.description"), most=2000
        )
        or "",
        hash=_hash(told),
        trained_alpha=as_number(told.get(TRAINED_ALPHA)),
    )


def layers_that_fit(card: LoraCard, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many of a LoRA's layers a denoiser has, whose layers have these shapes. Raises LoraError."""
    header = open_header(card.file)
    return fitting(sort(header.tensors), header, shapes)


def _alpha(file: Path, header: Header) -> float | None:
    """The first layer's own alpha, else what the header or PEFT's configuration says. A torch file isn't asked for its
    numbers: that needs torch."""
    for name, tensor in header.tensors.items():
        if name.endswith(".alpha") and math.prod(tensor.shape) == 1:
            return read_scalar(file, header, name) if header.body else None
    return told_alpha(adapter_config(file, header), header.metadata)


def _hash(told: Mapping[str, str]) -> str | None:
    hash = told.get("sshs_model_hash", "").lower()
    return hash if re.fullmatch(r"[0-9a-f]{12,64}", hash) else None


def _trigger_words(told: Mapping[str, str], sidecar: Mapping[str, Any]) -> tuple[str, ...]:
    """What the sidecar says, else the header's phrase, else the three commonest tags of its training captions."""
    listed = sidecar.get("trigger_words")
    if isinstance(listed, list):
        words = [whole(str(word)) for word in listed]
    else:
        words = re.split(
            r"[,，]", _first(sidecar.get("activation text"), told.get("modelspec.trigger_phrase")) or ""
        )
    words = [word.strip()[:120] for word in words if word.strip()]
    return tuple(words[:16] or _common_tags(told.get("ss_tag_frequency", "")))


def _common_tags(frequencies: str) -> list[str]:
    counts: Counter[str] = Counter()
    try:
        for folder in json.loads(frequencies[:_MOST_SIDECAR_BYTES]).values():
            counts.update({whole(str(tag).strip()): int(n) for tag, n in folder.items()})
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return []
    return [tag for tag, _ in counts.most_common(3) if 0 < len(tag) <= 40]


def _sidecar(file: Path) -> dict[str, Any]:
    """The JSON beside a LoRA: ours, or the one that A1111's card editor writes."""
    beside = file.with_suffix(".json")
    try:
        if beside.stat().st_size <= _MOST_SIDECAR_BYTES:
            told = json.loads(beside.read_text(encoding="utf-8"))
            return told if isinstance(told, dict) else {}
    except (OSError, ValueError, RecursionError):
        pass
    return {}


def _thumbnail(file: Path) -> Path | None:
    endings = (".png", ".jpg", ".jpeg", ".webp")
    beside = [file.with_suffix(middle + end) for middle in ("", ".preview") for end in endings]
    return next((picture for picture in beside if picture.is_file()), None)


def _first(*candidates: object, most: int = 120) -> str | None:
    """The first non-empty text, cut to what a card can show."""
    return next((whole(c.strip()[:most]) for c in candidates if isinstance(c, str) and c.strip()), None)
