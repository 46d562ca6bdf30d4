"""InvokeAI: `invokeai_metadata`, and the older `sd-metadata` of versions 1 and 2, each one JSON object.

Its prompts weigh words with `word++` and `(words)1.3`; in version 2 what stands in square brackets is negative. Format:
invokeai/app/invocations/metadata.py, and docs/features/LOGGING.md of version 2."""

import re
from collections.abc import Mapping
from typing import Any

from studio.exchange import Format, Reading
from studio.exchange.foreign import OTHER_WEIGHTS, Taking, inner, json_object, real, words
from studio.words import Said

_TAKEN = (
    "positive_prompt", "negative_prompt", "steps", "cfg_scale", "seed", "width", "height", "scheduler", "model", "loras",
    "app_version", "generation_mode", "rand_device", "guidance",
)  # fmt: skip
_OLD_TAKEN = ("prompt", "steps", "cfg_scale", "seed", "width", "height", "sampler", "type")
_WEIGHT = re.compile(r"[\w)\"][+\-]{1,4}(?=[\s,.)]|$)|\)\d")
_NEGATIVE = re.compile(r"\[([^\[\]]{1,2000})\]")


def _read(info: Mapping[str, str]) -> Reading | None:
    told = json_object(info.get("invokeai_metadata", ""))
    if told is not None:
        return _new(told)
    told = json_object(info.get("sd-metadata", ""))
    if told is not None and isinstance(told.get("image"), dict):
        return _old(told, told["image"])
    return None


def _new(told: Mapping[str, Any]) -> Reading | None:
    if "positive_prompt" not in told and "generation_mode" not in told:
        return None
    taking = Taking(values={"loras": []})
    _prompts(taking, words(told.get("positive_prompt")), words(told.get("negative_prompt")))
    _numbers(taking, told)
    if "cfg_scale" not in told and "guidance" in told:
        taking.number("guidance", told["guidance"], "guidance")
    if "scheduler" in told:
        taking.sampler(told["scheduler"], "scheduler")
    model = inner(told, "model")
    name = words(model.get("name")) or words(model.get("model_name"))
    if name:
        taking.values["model"] = name
    loras = told.get("loras")
    for entry in loras if isinstance(loras, list) else []:
        if isinstance(entry, dict):
            lora = inner(entry, "model") or inner(entry, "lora")
            taking.lora(lora.get("name") or lora.get("model_name"), entry.get("weight", 1))
    taking.leave(told, _TAKEN)
    return taking.reading()


def _old(told: Mapping[str, Any], image: Mapping[str, Any]) -> Reading:
    taking = Taking(values={"loras": []})
    prompt = _joined(image.get("prompt"))
    negative = ", ".join(part.strip() for part in _NEGATIVE.findall(prompt))
    _prompts(taking, _NEGATIVE.sub("", prompt), negative)
    _numbers(taking, image)
    if "sampler" in image:
        taking.sampler(image["sampler"], "sampler")
    if words(told.get("model_weights")):
        taking.values["model"] = told["model_weights"]
    taking.leave({key: value for key, value in image.items() if real(value) != 0}, _OLD_TAKEN)
    return taking.reading()


def _joined(prompt: object) -> str:
    """A prompt, or the prompts of a list with their weights, which are left behind."""
    if not isinstance(prompt, list):
        return words(prompt)
    return ", ".join(words(part.get("prompt")) for part in prompt if isinstance(part, dict))


def _prompts(taking: Taking, prompt: str, negative: str) -> None:
    taking.prompts(prompt, negative)
    if _WEIGHT.search(prompt) or _WEIGHT.search(negative):
        taking.approximated.append(Said(OTHER_WEIGHTS, {"program": "InvokeAI"}))


def _numbers(taking: Taking, told: Mapping[str, Any]) -> None:
    for setting, key in (("steps", "steps"), ("guidance", "cfg_scale"), ("seed", "seed")):
        if key in told:
            taking.number(setting, told[key], key)
    if "width" in told or "height" in told:
        taking.size(told.get("width"), told.get("height"), "width, height")


FORMAT = Format("InvokeAI", is_exact=False, read=_read)
