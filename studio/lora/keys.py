"""The tensors of a LoRA file sorted into layers: by their names alone, without reading them, without torch.

The list on the page, the command line and the loader all look through these eyes."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from studio.errors import LoraBroken, LoraKindUnknown
from studio.lora.format import Told, told
from studio.lora.names import flat
from studio.words import Text

Role = Literal[
    "down", "up", "mid", "alpha", "magnitude",
    "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
]  # fmt: skip
"""What a tensor is to its layer."""

_ADAPTER = r"(?:\.(?!weight$|bias$)\w+)?"
_KEY = re.compile(
    rf"(.+?)(?:\.lora_(A|B|down|up|mid){_ADAPTER}\.weight|\.lora(?:_linear_layer)?\.(down|up)\.weight"
    rf"|(?<=_lora)\.(down|up)\.weight|(?<=_lora[12])\.(down|up)\.weight"
    rf"|\.(alpha|dora_scale|hada_[wt][12](?:_[ab])?|lokr_[wt][12](?:_[ab])?){_ADAPTER}(?:\.weight)?"
    rf"|\.(lora_magnitude_vector){_ADAPTER}(?:\.weight)?)"
)
_ROLES: dict[str, Role] = {
    "A": "down", "B": "up", "dora_scale": "magnitude", "lora_magnitude_vector": "magnitude"
}  # fmt: skip

UNKNOWN_LAYOUT = Text("none of its layers has a name that this studio knows", "其中没有本程序认识的 LoRA 层")
NO_LAYERS = Text("it holds no LoRA layers", "其中没有 LoRA 层")

_FOREIGN = (
    ("GLoRA", re.compile(r"(.+)\.[ab][12]\.weight")),
    ("OFT", re.compile(r"(.+)\.(?:oft_\w+(?:\.weight)?|boft_\w+(?:\.weight)?)")),
    ("IA3", re.compile(r"(.+)\.(?:on_input|ia3_l\w*)(?:\.weight)?")),
    ("full difference", re.compile(r"(.+)\.(?:diff|set_weight)")),
    ("norm", re.compile(r"(.+)\.[wb]_norm")),
    ("bias", re.compile(r"(.+?)(?:\.lora_B(?:\.\w+)?\.bias|\.diff_b)")),
)
"""Kinds of change that no adapter here can hold, and their tensors."""

_TEXT = (
    (re.compile(r"lora_te1?_(.+)"), "text_encoder"),
    (re.compile(r"lora_te([23])_(.+)"), "text_encoder_{}"),
    (re.compile(r"text_encoder\.(.+)"), "text_encoder"),
    (re.compile(r"text_encoder_([23])\.(.+)"), "text_encoder_{}"),
    (re.compile(r"(?:text_encoders\.)?clip_l\.(?:transformer\.)?(.+)"), "text_encoder"),
    (re.compile(r"(?:text_encoders\.)?clip_g\.(?:transformer\.)?(.+)"), "text_encoder_2"),
    (re.compile(r"text_encoders\.(?:\w+)\.(?:transformer\.)?(.+)"), "text_encoder_3"),
)
_OLD_ATTENTION = re.compile(r"self_attn_to_([qkv]|out)_lora$")


@dataclass
class Sorted:
    """What a file's keys are. `layers` of the denoiser by name, as the file spells it; `texts`, those of text encoders,
    by part of the model and flat module path without `text_model`; `foreign` the layers of kinds that can't be held, by
    kind; `unknown` the layers that no layout knows; `others` what is no layer's at all."""

    layers: dict[str, dict[Role, str]] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    texts: dict[str, dict[str, dict[Role, str]]] = field(default_factory=dict)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    @property
    def layout(self) -> str:
        """The layout of most layers; nothing where there are none."""
        counts = Counter(each.layout for each in self.told.values())
        return counts.most_common(1)[0][0] if counts else ""

    @property
    def kinds(self) -> list[str]:
        """What the layers are: LoRA, DoRA, LoHa, LoKr."""
        every = [*self.layers.values(), *(r for layers in self.texts.values() for r in layers.values())]
        return sorted({kind_of(roles) for roles in every})


def kind_of(roles: Mapping[Role, object]) -> str:
    """The kind of a layer that is made of these."""
    if any(role.startswith("hada") for role in roles):
        return "LoHa"
    if any(role.startswith("lokr") for role in roles):
        return "LoKr"
    return "DoRA" if "magnitude" in roles else "LoRA"


def sort(keys: Iterable[str]) -> Sorted:
    """Every key in its place."""
    found = Sorted()
    for key in keys:
        if kind := next(((name, m) for name, known in _FOREIGN if (m := known.fullmatch(key))), None):
            found.foreign.setdefault(kind[0], []).append(kind[1][1])
            continue
        stem, role = _split(key)
        if role is None:
            found.others.append(key)
        elif text := _text(stem):
            found.texts.setdefault(text[0], {}).setdefault(text[1], {})[role] = key
        elif stem in found.told or (answer := told(stem)):
            if stem not in found.told:
                found.told[stem] = cast(Told, answer)
            found.layers.setdefault(stem, {})[role] = key
        else:
            found.unknown[stem] = None
    for stem in [stem for stem, roles in found.layers.items() if roles.keys() == {"alpha"}]:
        found.others.append(found.layers.pop(stem)["alpha"])  # trainers leave some behind
    return found


def check_kinds(file: Path, found: Sorted) -> None:
    """Raise what keeps a file without a single readable layer from being used: LoraKindUnknown or LoraBroken."""
    if found.layers or found.texts:
        return
    if found.foreign:
        raise LoraKindUnknown("loras", name=file.name, kind=", ".join(found.foreign))
    reason = UNKNOWN_LAYOUT if found.unknown else NO_LAYERS
    raise LoraBroken("loras", name=file.name, reason=reason)


def _split(key: str) -> tuple[str, Role | None]:
    match = _KEY.fullmatch(key)
    if match is None:
        return key, None
    word = next(part for part in match.groups()[1:] if part)
    return match[1], _ROLES.get(word, cast(Role, word))


def _text(stem: str) -> tuple[str, str] | None:
    """The part and the layer of a text encoder; both transformers' old and new paths, which differ by `text_model`."""
    for known, part in _TEXT:
        if match := known.fullmatch(stem):
            *number, path = match.groups()
            name = flat(path).removeprefix("text_model_")
            return part.format(*number), _OLD_ATTENTION.sub(r"self_attn_\1_proj", name)
    return None
