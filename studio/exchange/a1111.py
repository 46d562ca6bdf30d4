"""The text that AUTOMATIC1111's web UI writes and that most sites and programs read.

    <prompt> <lora:name:0.8>
    Negative prompt: <negative prompt>
    Steps: 20, Sampler: Euler, CFG scale: 4, Seed: 7, Size: 256x256, Model: storybook, Version: Inkstone 0.1.0

The form is ambiguous: a prompt may hold any of these lines itself, and spaces at its ends are lost. So the writer
reads its own text back, and what would come back different is written once more, exactly, as JSON under one further
key of the last line (`Inkstone: "{…}"`), which other readers pass over. Escaping inside the prompt was rejected: other
programs would show and use the escapes. Format: modules/infotext_utils.py of AUTOMATIC1111/stable-diffusion-webui.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from studio import __version__
from studio.exchange import Facts, Format, Reading
from studio.exchange.inkstone import dumps
from studio.requests import GenerateRequest

KEY = "parameters"
_EXACT = "Inkstone"
_NEGATIVE = "Negative prompt:"
_FEWEST_PAIRS = 3

_SAMPLERS = {
    "euler": "Euler", "euler_ancestral": "Euler a", "heun": "Heun", "dpmpp_2m": "DPM++ 2M", "ddim": "DDIM",
    "dpmpp_2m_sde": "DPM++ 2M SDE", "dpmpp_3m_sde": "DPM++ 3M SDE", "uni_pc": "UniPC", "lcm": "LCM",
}  # fmt: skip
_SCHEDULES = {
    "auto": "Automatic", "normal": "Normal", "simple": "Simple", "sgm_uniform": "SGM Uniform", "karras": "Karras",
    "exponential": "Exponential", "beta": "Beta", "ddim_uniform": "DDIM", "trailing": "Trailing",
}  # fmt: skip
_PASSED_OVER = ("Version", "User", "Model hash", "VAE hash", "Lora hashes", "TI hashes", "RNG")

_KEY_NAME = re.compile(r"\w[\w \-/]{1,60}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_LORA = re.compile(r" ?<lora:([^<>:\n]{1,200}):(-?\d{1,3}(?:\.\d{1,20})?)>")
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")


def _write(request: GenerateRequest, facts: Facts) -> dict[str, str]:
    text = _text(request, facts, {})
    found = _parse(text)
    usual = GenerateRequest().to_dict() | (found.values if found else {})
    exact = {key: value for key, value in request.to_dict().items() if usual[key] != value}
    return {KEY: _text(request, facts, exact) if exact else text}


def _text(request: GenerateRequest, facts: Facts, exact: Mapping[str, Any]) -> str:
    prompt = str(facts.get("prompt", request.prompt))
    negative = str(facts.get("negative_prompt", request.negative_prompt))
    tags = "".join(f" <lora:{use.name}:{_number(use.weight)}>" for use in request.loras if use.on)
    pairs = {
        "Steps": str(request.steps),
        "Sampler": _SAMPLERS.get(request.sampler, request.sampler),
        "Schedule type": _SCHEDULES.get(request.schedule, request.schedule),
        "CFG scale": _number(request.guidance),
        "Seed": str(facts.get("seed", request.seed) if request.seed is None else request.seed),
        "Size": f"{request.width}x{request.height}",
        "Model": request.model,
        "Version": f"Inkstone {__version__}",
    }
    if exact:
        pairs[_EXACT] = dumps(exact)
    last = ", ".join(f"{key}: {_quote(value)}" for key, value in pairs.items())
    lines = [prompt + tags, f"{_NEGATIVE} {negative}" if negative else "", last]
    return _UNWRITABLE.sub("\ufffd", "\n".join(line for line in lines if line))


def _read(info: Mapping[str, str]) -> Reading | None:
    return _parse(info.get(KEY, ""))


def _parse(text: str) -> Reading | None:
    """Read as A1111 does, and then take over what our exact key says."""
    *lines, last = text.strip().split("\n")
    pairs = dict(_pairs(last))
    if len(pairs) < _FEWEST_PAIRS:
        return None
    sides: tuple[list[str], list[str]] = ([], [])
    in_negative = False
    for line in lines:
        if line.startswith(_NEGATIVE):
            in_negative, line = True, line.removeprefix(_NEGATIVE).strip()
        sides[in_negative].append(line)
    prompt = "\n".join(sides[0])
    loras = [{"name": name, "weight": float(weight), "on": True} for name, weight in _LORA.findall(prompt)]
    values = {
        "prompt": _LORA.sub("", prompt).strip(),
        "negative_prompt": "\n".join(sides[1]).strip(),
        "loras": loras,
    }
    known, left_out = _known(pairs)
    return Reading(values | known | _exact(pairs.get(_EXACT)), left_out)


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """`key: value` pairs in one pass; a value in quotes is JSON."""
    at = 0
    while (colon := line.find(":", at)) >= 0:
        key = line[max(at, colon - 80) : colon].rpartition(",")[2].strip()
        at = colon + 1
        while line[at : at + 1] == " ":
            at += 1
        quoted = _QUOTED.match(line, at)
        if quoted:
            at, value = quoted.end(), _unquote(quoted[0])
        else:
            comma = line.find(",", at)
            end = len(line) if comma < 0 else comma
            at, value = end, line[at:end].strip()
        if _KEY_NAME.fullmatch(key):
            yield key, value


def _known(pairs: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Request values of the pairs that we have a field for, and the names of those that we haven't."""
    values: dict[str, Any] = {}
    left_out = []
    for key, value in pairs.items():
        match key:
            case "Steps":
                values["steps"] = _whole(value)
            case "Seed" if value != "None":
                values["seed"] = _whole(value)
            case "CFG scale":
                values["guidance"] = _real(value)
            case "Size":
                width, _, height = value.partition("x")
                values |= {"width": _whole(width), "height": _whole(height)}
            case "Model":
                values["model"] = value
            case "Sampler":
                name, schedule = _split_sampler(value)
                values |= {"sampler": _name_of(name, _SAMPLERS), "schedule": _name_of(schedule, _SCHEDULES)}
            case "Schedule type":
                values["schedule"] = _name_of(value, _SCHEDULES)
            case _ if key not in (*_PASSED_OVER, "Seed", _EXACT):
                left_out.append(key)
    left_out += [
        key for key in ("Sampler", "Schedule type") if key in pairs and values.get(_FIELDS[key]) is None
    ]
    return {key: value for key, value in values.items() if value is not None}, tuple(left_out)


_FIELDS = {"Sampler": "sampler", "Schedule type": "schedule"}


def _split_sampler(value: str) -> tuple[str, str]:
    """Sampler and schedule of the older form that names both at once: "DPM++ 2M Karras"."""
    name, _, schedule = value.rpartition(" ")
    return (name, schedule) if schedule in ("Karras", "Exponential") else (value, "")


def _name_of(label: str, table: Mapping[str, str]) -> str | None:
    return next((name for name, known in table.items() if known.lower() == label.lower()), None)


def _exact(told: str | None) -> dict[str, Any]:
    try:
        values = json.loads(told or "{}")
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _whole(word: str) -> int | None:
    return int(word) if re.fullmatch(r"-?\d{1,15}", word.strip()) else None


def _real(word: str) -> float | None:
    return float(word) if re.fullmatch(r"-?\d{1,15}(\.\d{1,20})?", word.strip()) else None


def _quote(value: str) -> str:
    return dumps(value) if not value or value != value.strip() or re.search(r'[,:\n"]', value) else value


def _unquote(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError:
        return value


FORMAT = Format("A1111", is_exact=False, read=_read, write=_write)
