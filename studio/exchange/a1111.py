"""The text that AUTOMATIC1111's web UI writes and that most sites and programs read.

    <prompt> <lora:name:0.8>
    Negative prompt: <negative prompt>
    Steps: 20, Sampler: Euler, CFG scale: 4, Seed: 7, Size: 256x256, Model: storybook, Version: Inkstone 0.1.0

The form is ambiguous: a prompt may hold any of these lines itself, and spaces at its ends are lost. So the writer
reads its own text back, and what would come back different is written once more, exactly, as JSON under one further
key of the last line (`Inkstone: "{…}"`), which other readers pass over. Escaping inside the prompt was rejected: other
programs would show and use the escapes. Format: modules/infotext_utils.py of AUTOMATIC1111/stable-diffusion-webui.
"""

import re
from collections.abc import Mapping
from typing import Any

from studio import __version__
from studio.exchange import Facts, Format, Reading
from studio.exchange.foreign import DISTILLED, Taking, json_object, real
from studio.exchange.infotext import parts
from studio.exchange.inkstone import dumps
from studio.requests import GenerateRequest
from studio.words import Said

KEY = "parameters"
_EXACT = "Inkstone"
_NEGATIVE = "Negative prompt:"

_SAMPLERS = {
    "euler": "Euler", "euler_ancestral": "Euler a", "heun": "Heun", "dpmpp_2m": "DPM++ 2M", "ddim": "DDIM",
    "dpmpp_2m_sde": "DPM++ 2M SDE", "dpmpp_3m_sde": "DPM++ 3M SDE", "uni_pc": "UniPC", "lcm": "LCM",
}  # fmt: skip
_SCHEDULES = {
    "auto": "Automatic", "normal": "Normal", "simple": "Simple", "sgm_uniform": "SGM Uniform", "karras": "Karras",
    "exponential": "Exponential", "beta": "Beta", "ddim_uniform": "DDIM", "trailing": "Trailing",
}  # fmt: skip
_PASSED_OVER = (
    "version", "user", "model hash", "vae hash", "ti hashes", "rng", "template", "negative template", "created date",
    "civitai metadata", "metadata scheme", "hires upscaler", _EXACT.casefold(),
)  # fmt: skip
"""What names no setting, or what a seed on the CPU makes up for."""
_NO_SKIP = ("0", "1")
"""Clip skips that skip nothing; Civitai writes 0 where it means none."""

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
    if request.upscale > 1:
        pairs |= {"Denoising strength": _number(request.upscale_strength),
                  "Hires upscale": _number(request.upscale), "Hires upscaler": "Lanczos"}  # fmt: skip
    elif request.start:
        pairs["Denoising strength"] = _number(request.strength)
    if exact:
        pairs[_EXACT] = dumps(exact)
    last = ", ".join(f"{key}: {_quote(value)}" for key, value in pairs.items())
    lines = [prompt + tags, f"{_NEGATIVE} {negative}" if negative else "", last]
    return _UNWRITABLE.sub("\ufffd", "\n".join(line for line in lines if line))


def _read(info: Mapping[str, str]) -> Reading | None:
    return _parse(info.get(KEY, ""))


def _parse(text: str) -> Reading | None:
    """What the text says to any reader, and then what our exact key says."""
    found = parts(text)
    if found is None:
        return None
    prompt, negative, pairs = found
    taking = Taking(values={"loras": []})
    taking.prompts(prompt, negative)
    told = {key.casefold(): value for key, value in pairs.items()}
    for key, value in pairs.items():
        _take(taking, key, value, told)
    taking.values |= json_object(pairs.get(_EXACT, "")) or {}
    if told.get("version", "").startswith(_EXACT):
        taking.approximated.clear()  # our own samplers, under the names that others know
        taking.left_out.clear()
    return taking.reading()


def _take(taking: Taking, key: str, value: str, told: Mapping[str, str]) -> None:
    """One pair. A sampler's name may hold the schedule, which `Schedule type` then overrides."""
    match key.casefold():
        case "steps":
            taking.number("steps", value, key)
        case "seed":
            if value not in ("None", "-1"):
                taking.number("seed", value, key)
        case "cfg scale":
            taking.number("guidance", value, key)
        case "distilled cfg scale":
            _distilled(taking, key, value, told)
        case "size":
            taking.size(*value.partition("x")[::2], key)
        case "model":
            taking.values["model"] = value
        case "sampler":
            taking.sampler(value, key)
            if "schedule type" in told:
                taking.values.pop("schedule", None)
        case "schedule type" | "scheduler":
            taking.schedule(value, key)
        case "hires upscale":
            taking.number("upscale", value, key)
        case "denoising strength":
            taking.number("upscale_strength" if "hires upscale" in told else "strength", value, key)
        case "lora hashes":
            _lora_hashes(taking, value)
        case "hashes":
            named = {name.removeprefix("lora:"): hash for name, hash in (json_object(value) or {}).items()
                     if name.startswith("lora:") and isinstance(hash, str)}  # fmt: skip
            taking.hashes(named)
        case "civitai resources":
            _civitai(taking, value)
        case "clip skip":
            if value not in _NO_SKIP:
                taking.left_out.append(key)
        case name if name not in _PASSED_OVER:
            taking.leave({key: value})


def _distilled(taking: Taking, key: str, value: str, told: Mapping[str, str]) -> None:
    """Forge's guidance of distilled models, which is theirs alone when the ordinary one is off."""
    if real(told.get("cfg scale", "1")) == 1:
        taking.number("guidance", value, key)
        taking.mapped.append(Said(DISTILLED, {}))
    else:
        taking.left_out.append(key)


def _lora_hashes(taking: Taking, told: str) -> None:
    """`name: hash` by commas; Fooocus adds the weight, and has no tags in the prompt."""
    for entry in told.split(","):
        name, *rest = (word.strip() for word in entry.split(":"))
        if len(rest) == 2:
            taking.lora(name, rest[1], rest[0])
        elif len(rest) == 1:
            taking.hashes({name: rest[0]})


def _civitai(taking: Taking, told: str) -> None:
    """LoRAs of Civitai's own generator, which are only in its list of resources."""
    resources = (json_object(f'{{"all": {told}}}') or {}).get("all")
    for resource in resources if isinstance(resources, list) else []:
        if isinstance(resource, dict) and resource.get("type") in ("lora", "lycoris"):
            taking.lora(resource.get("modelName"), resource.get("weight", 1))


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _quote(value: str) -> str:
    return dumps(value) if not value or value != value.strip() or re.search(r'[,:\n"]', value) else value


FORMAT = Format("A1111", is_exact=False, read=_read, write=_write, order=2)
