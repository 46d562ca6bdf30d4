"""What other programs call our settings: samplers and schedules by table, LoRA tags in prompts, numbers in words. A
`Taking` gathers what one picture tells, and what became of it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.exchange import Reading
from studio.requests import MOST_LORAS, GenerateRequest
from studio.wildcards import literal
from studio.words import Said, Text

_MOST_JSON = 4 * 2**20
_MOST_WEIGHT = 4.0

NOISE = Text("its random noise is drawn otherwise", "但随机噪声的取法不同")
NEAR = Text("the nearest that is here", "这是本程序中最接近的")
STANDS_FOR = Text("{label} {theirs} became {ours}: {why}.", "{label} {theirs} 对应为 {ours}，{why}。")
ENCODER_WEIGHT = Text(
    "LoRA {name} had another weight for the text encoder ({theirs}); here {ours} holds for all of it.",
    "LoRA {name} 对文本编码器另设了权重（{theirs}）；这里统一采用 {ours}。",
)
DISTILLED = Text("Distilled CFG Scale is the guidance.", "Distilled CFG Scale 即引导强度。")
OTHER_WEIGHTS = Text(
    "{program} writes weights of words its own way; they are read as they stand.",
    "{program} 的词语权重写法不同，会按原样读取。",
)

_EXACT = {
    "euler": "euler", "heun": "heun", "dpmpp2m": "dpmpp_2m", "ddim": "ddim",
}  # fmt: skip
_OTHER_NOISE = {
    "eulera": "euler_ancestral", "eulerancestral": "euler_ancestral", "dpmpp2msde": "dpmpp_2m_sde",
    "dpmpp2msdegpu": "dpmpp_2m_sde", "lcm": "lcm",
}  # fmt: skip
_NEAREST: dict[str, str] = {
    **dict.fromkeys(("unipc", "unipcbh2"), "uni_pc"),
    **dict.fromkeys(("dpm2", "heunpp2"), "heun"),
    **dict.fromkeys(
        ("lms", "plms", "pndm", "ipndm", "ipndmv", "deis", "dpmfast", "dpmadaptive", "resmultistep", "dpmsolver",
         "dpmmulti", "gradientestimation"), "dpmpp_2m"),
    **dict.fromkeys(("dpm2a", "dpm2ancestral", "dpmpp2sa", "dpmpp2sancestral", "dpmpp2s", "ddpm", "restart"), "euler_ancestral"),
    **dict.fromkeys(
        ("dpmppsde", "dpmppsdegpu", "dpmpp3msde", "dpmpp3msdegpu", "dpmpp2msdeheun", "ersde", "sasolver"), "dpmpp_2m_sde"),
    **dict.fromkeys(("ddimcfgpp", "eulercfgpp"), "euler"),
    "tcd": "lcm",
}  # fmt: skip
_SCHEDULES = {
    "automatic": "auto", "auto": "auto", "native": "auto", "normal": "normal", "uniform": "normal", "karras": "karras",
    "exponential": "exponential", "sgmuniform": "sgm_uniform", "simple": "simple", "beta": "beta", "ddim": "ddim_uniform",
    "ddimuniform": "ddim_uniform", "trailing": "trailing",
}  # fmt: skip
_NEAR_SCHEDULES = {
    "polyexponential": "exponential", "kloptimal": "karras", "alignyoursteps": "karras",
    "ays": "karras", "linearquadratic": "simple", "turbo": "trailing",
}  # fmt: skip
_SUFFIXES = ("sgmuniform", "karras", "exponential", "k")

_TAG = re.compile(r" ?<(?:lora|lyco):([^<>\n]{1,300})>")
_FLOAT = re.compile(r"-?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})")


@dataclass
class Taking:
    """What is taken from one picture, and what was made of it."""

    values: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    mapped: list[Said] = field(default_factory=list)
    approximated: list[Said] = field(default_factory=list)

    def prompts(self, prompt: str, negative: str) -> None:
        """Both prompts, read as they stand; LoRA tags of the first become LoRAs."""
        for told in _TAG.findall(prompt):
            self._tag(told)
        self.values["prompt"] = literal(_TAG.sub("", prompt).strip())
        self.values["negative_prompt"] = literal(negative.strip())

    def number(self, setting: str, told: object, key: str) -> None:
        """A number of ours; what is none is named."""
        value = whole(told) if setting in ("steps", "seed") else real(told)
        if value is not None:
            self.values[setting] = value
        else:
            self.left_out.append(key)

    def size(self, width: object, height: object, key: str) -> None:
        """Width and height, both or none."""
        sides = whole(width), whole(height)
        if None in sides:
            self.left_out.append(key)
        else:
            self.values |= dict(zip(("width", "height"), sides, strict=True))

    def sampler(self, told: object, key: str) -> None:
        """A sampler, with the schedule that some names end in."""
        squashed = _squashed(str(told))
        for suffix in ("", *_SUFFIXES):
            name = squashed.removesuffix(suffix)
            ours = _EXACT.get(name) or _OTHER_NOISE.get(name) or _NEAREST.get(name)
            if ours:
                break
        else:
            self.left_out.append(key)
            return
        self.values["sampler"] = ours
        if suffix:
            self.values["schedule"] = _SCHEDULES["karras" if suffix == "k" else suffix]
        if name not in _EXACT:
            self._near("sampler", told, ours, NOISE if name in _OTHER_NOISE else NEAR)

    def schedule(self, told: object, key: str) -> None:
        """A noise schedule."""
        name = _squashed(str(told))
        ours = _SCHEDULES.get(name) or _NEAR_SCHEDULES.get(name)
        if ours is None:
            self.left_out.append(key)
            return
        self.values["schedule"] = ours
        if name in _NEAR_SCHEDULES:
            self._near("schedule", told, ours, NEAR)

    def lora(self, name: object, weight: object, hash: str = "") -> bool:
        """One LoRA, and whether it was taken; what doesn't fit into a request is named."""
        amount = real(weight)
        uses: list[dict[str, Any]] = self.values.setdefault("loras", [])
        if not isinstance(name, str) or not name or amount is None:
            return False
        if any(use["name"] == name for use in uses):
            return False
        if len(uses) >= MOST_LORAS or abs(amount) > _MOST_WEIGHT:
            self.left_out.append(f"LoRA {name}")
            return False
        uses.append({"name": name, "weight": amount, "on": True})
        if hash:
            self.hashes({name: hash})
        return True

    def hashes(self, told: Mapping[str, str]) -> None:
        """Hashes of LoRA files by name, for a shelf that knows them."""
        self.facts.setdefault("lora_hashes", {}).update(told)

    def leave(self, told: Mapping[str, Any], passed_over: Sequence[str] = ()) -> None:
        """Name what has a value and no place here."""
        empty: tuple[object, ...] = (None, "", "None", [], {}, False)
        self.left_out += [key for key, value in told.items() if key not in passed_over and value not in empty]

    def reading(self) -> Reading:
        """All of it."""
        left_out = tuple(dict.fromkeys(self.left_out))
        return Reading(self.values, left_out, self.facts, tuple(self.mapped), tuple(self.approximated))

    def _tag(self, told: str) -> None:
        """`name:0.8`, `name:text encoder:denoiser` or `name:te=0.5:unet=0.8`; without a number it is 1."""
        name, *rest = told.split(":")
        named = dict(word.split("=", 1) for word in rest if "=" in word)
        plain = [word for word in rest if "=" not in word]
        encoder = real(named.get("te", plain[0] if plain else "1"))
        weight = real(named.get("unet", plain[1] if len(plain) > 1 else None))
        weight = encoder if weight is None else weight
        if weight is None or not name.strip():
            self.left_out.append(f"LoRA {name}")
            return
        if self.lora(name, weight) and encoder is not None and encoder != weight:
            facts: dict[str, object] = {"name": name, "theirs": f"{encoder:g}", "ours": f"{weight:g}"}
            self.approximated.append(Said(ENCODER_WEIGHT, facts))

    def _near(self, setting: str, theirs: object, ours: str, why: Text) -> None:
        label = GenerateRequest.settings()[setting].label
        facts: dict[str, object] = {"label": label, "theirs": str(theirs)[:60], "ours": ours, "why": why}
        self.approximated.append(Said(STANDS_FOR, facts))


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, or None for whatever else it is."""
    if text.lstrip()[:1] != "{" or len(text) > _MOST_JSON:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def inner(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key; an empty one for anything else."""
    value = told.get(key)
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """A list, of a list or of words between commas."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value if isinstance(value, list) else []


def words(value: object) -> str:
    """A text; nothing for anything else."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A whole number of at least 0, of a number or a word."""
    number = real(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def real(value: object) -> float | None:
    """A finite number, of a number or a word."""
    if isinstance(value, str):
        return float(value) if _FLOAT.fullmatch(value.strip()) else None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or abs(value) > 10**15
        or math.isnan(value)
    ):
        return None
    return float(value)


def _squashed(name: str) -> str:
    """A name without its spelling: "DPM++ 2M SDE", "dpmpp_2m_sde" and "k_dpmpp_2m_sde" are one."""
    return re.sub(r"[\s_\-.]", "", name[:80].lower().replace("++", "pp").removeprefix("k_"))
