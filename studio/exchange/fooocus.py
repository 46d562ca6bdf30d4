"""Fooocus' own scheme: one JSON object, in PNG under `parameters`, in JPEG and WebP as EXIF user comment. Its other
scheme is A1111's text, which that reader takes. Format: modules/meta_parser.py of lllyasviel/Fooocus."""

import re
from collections.abc import Mapping
from typing import Any

from studio.exchange import Format, Reading
from studio.exchange.foreign import Taking, json_object, words

_RESOLUTION = re.compile(r"\(?\s*(\d{1,5})\s*[,x*×]\s*(\d{1,5})\s*\)?")
_COMBINED = re.compile(r"lora_combined_\d+")
_OWN = ("base_model", "metadata_scheme", "full_prompt", "raw_prompt", "lora_combined_1", "performance")
_TAKEN = (
    "prompt", "negative_prompt", "steps", "seed", "guidance_scale", "resolution", "base_model", "sampler", "scheduler",
    "loras", "base_model_hash", "version", "created_by", "metadata_scheme", "metadata_version", "full_prompt",
    "full_negative_prompt", "raw_prompt", "raw_negative_prompt",
)  # fmt: skip


def _read(info: Mapping[str, str]) -> Reading | None:
    told = json_object(info.get("parameters", ""))
    if told is None or "prompt" not in told or sum(key in told for key in _OWN) < 2:
        return None
    taking = Taking(values={"loras": []})
    taking.prompts(words(told["prompt"]), words(told.get("negative_prompt")))
    for setting, key in (("steps", "steps"), ("seed", "seed"), ("guidance", "guidance_scale")):
        if key in told:
            taking.number(setting, told[key], key)
    if "resolution" in told:
        sides = _RESOLUTION.fullmatch(str(told["resolution"])[:40].strip())
        width, height = sides.groups() if sides else (None, None)
        taking.size(width, height, "resolution")
    if "sampler" in told:
        taking.sampler(told["sampler"], "sampler")
    if "scheduler" in told:
        taking.schedule(told["scheduler"], "scheduler")
    if words(told.get("base_model")):
        taking.values["model"] = told["base_model"]
    _loras(taking, told)
    rest = {key: value for key, value in told.items() if not _COMBINED.fullmatch(key)}
    taking.leave(rest, _TAKEN)
    return taking.reading()


def _loras(taking: Taking, told: Mapping[str, Any]) -> None:
    """`loras` as [name, weight, hash], or `lora_combined_1` as "name : weight"."""
    listed = told.get("loras")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, list) and len(entry) >= 2:
            taking.lora(entry[0], entry[1], words(entry[2]) if len(entry) > 2 else "")
    for key, value in told.items():
        if _COMBINED.fullmatch(key):
            name, _, weight = words(value).rpartition(" : ")
            taking.lora(name.removesuffix(".safetensors"), weight)


FORMAT = Format("Fooocus", is_exact=False, read=_read)
