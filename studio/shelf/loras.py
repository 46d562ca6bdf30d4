"""LoRA cards: what a LoRA file says of itself in its header, its sidecar JSON and its thumbnail."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import LoraBroken
from studio.headers import NOT_SAFETENSORS, PICKLED, BadHeader, Header, read_header, read_scalar
from studio.origin import named_family, told_family
from studio.words import Said, Text

PICKLES = (".ckpt", ".pt", ".pth", ".bin")
NO_LAYERS = Text("it holds no LoRA layers", "其中没有 LoRA 层")

_DOWN = re.compile(
    r"(.+?)[._](?:lora_down|lora_A|lora\.down|down|hada_w1_a|lokr_w1|lokr_w1_a)(?:\.\w+)?(?:\.weight)?"
)
_MOST_SIDECAR_BYTES = 2**20


@dataclass(frozen=True)
class LoraCard:
    """A LoRA file. `family`, `rank`, `alpha` are None when the file doesn't say; `made_for` is the base model in
    the file's own words; `layers` counts the layers it changes; `broken` says why it can't be used."""

    name: str
    file: Path
    title: str
    family: str | None = None
    made_for: str | None = None
    rank: int | None = None
    alpha: float | None = None
    layers: int = 0
    trigger_words: tuple[str, ...] = ()
    thumbnail: Path | None = None
    about: str = ""
    broken: Said | None = None
    hash: str | None = None
    """SHA-256 over the tensors, in hex, as the header tells it: `sshs_model_hash`."""


def lora_files(folder: Path) -> dict[str, Path]:
    """LoRA files under a folder by name (path without ending). Pickles are listed too, so that they can be refused
    by name; a .safetensors file of the same name hides them."""
    endings = (".safetensors", *PICKLES)
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*"), key=lambda f: (f.suffix.lower() != ".safetensors", str(f).lower())):
        if file.suffix.lower() in endings and file.is_file():
            found.setdefault(file.relative_to(folder).with_suffix("").as_posix(), file)
    return dict(sorted(found.items()))


def read_lora_card(name: str, file: Path) -> LoraCard:
    """All that can be known of a LoRA without loading it; never raises for a bad file, but says so in `broken`."""
    thumbnail = _thumbnail(file)
    try:
        if file.suffix.lower() in PICKLES:
            raise BadHeader(PICKLED)
        header = read_header(file)
        downs = {key: match[1] for key in header.tensors if (match := _DOWN.fullmatch(key))}
        if not downs:
            raise BadHeader(NO_LAYERS if header.tensors else NOT_SAFETENSORS)
    except BadHeader as bad:
        broken = Said(LoraBroken.text, {"name": file.name, "reason": bad.reason})
        return LoraCard(name, file, title=file.stem, thumbnail=thumbnail, broken=broken)
    told, sidecar = header.metadata, _sidecar(file)
    made_for = _first(sidecar.get("base_model"), told.get("modelspec.architecture"),
                      told.get("ss_base_model_version"), sidecar.get("sd version"))  # fmt: skip
    rank = _rank(header, downs)
    return LoraCard(
        name,
        file,
        title=_first(sidecar.get("title"), told.get("modelspec.title")) or file.stem,
        family=named_family(made_for or "") or told_family(told),
        made_for=made_for,
        rank=rank,
        alpha=_alpha(file, header),
        layers=len(set(downs.values())),
        trigger_words=_trigger_words(told, sidecar),
        thumbnail=thumbnail,
        about=_first(
            sidecar.get("description"), sidecar.get("notes"), told.get("modelspec.description"), most=2000
        )
        or "",
        hash=_hash(told),
    )


def _rank(header: Header, downs: Mapping[str, str]) -> int | None:
    """The commonest rank: the shorter side of a down matrix is its first."""
    shapes = [header.tensors[key].shape for key in downs]
    ranks = Counter(shape[0] for shape in shapes if len(shape) >= 2)
    return ranks.most_common(1)[0][0] if ranks else None


def _alpha(file: Path, header: Header) -> float | None:
    for name, tensor in header.tensors.items():
        if name.endswith(".alpha") and math.prod(tensor.shape) == 1:
            return read_scalar(file, header, name)
    try:
        return float(header.metadata["ss_network_alpha"])
    except (KeyError, ValueError):
        return None


def _hash(told: Mapping[str, str]) -> str | None:
    hash = told.get("sshs_model_hash", "").lower()
    return hash if re.fullmatch(r"[0-9a-f]{12,64}", hash) else None


def _trigger_words(told: Mapping[str, str], sidecar: Mapping[str, Any]) -> tuple[str, ...]:
    """What the sidecar says, else the header's phrase, else the three commonest tags of its training captions."""
    listed = sidecar.get("trigger_words")
    if isinstance(listed, list):
        words = [str(word) for word in listed]
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
            counts.update({str(tag).strip(): int(n) for tag, n in folder.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
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
    return next((c.strip()[:most] for c in candidates if isinstance(c, str) and c.strip()), None)
