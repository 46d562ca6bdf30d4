"""NovelAI: `Software` names it and `Comment` is one JSON object; in WebP the two lie in the EXIF user comment.

It weighs words with `{words}`, `[words]` and `1.2::words::`."""

import re
from collections.abc import Mapping
from typing import Any

from studio.exchange import Format, Reading
from studio.exchange.foreign import OTHER_WEIGHTS, Taking, inner, json_object, words
from studio.words import Said

_TAKEN = (
    "prompt", "uc", "steps", "scale", "seed", "width", "height", "sampler", "noise_schedule", "v4_prompt",
    "v4_negative_prompt", "n_samples", "request_type", "signed_hash", "legacy", "legacy_v3_extend", "hide_debug_overlay",
    "lora_unet_weights", "lora_clip_weights", "extra_noise_seed", "version", "params_version",
)  # fmt: skip
_WEIGHT = re.compile(r"[{}\[\]]|\d::")


def _read(info: Mapping[str, str]) -> Reading | None:
    texts = json_object(info.get("parameters", "")) or info
    comment = texts.get("Comment")
    told = comment if isinstance(comment, dict) else json_object(words(comment))
    if told is None or not ("uc" in told or words(texts.get("Software")).startswith("NovelAI")):
        return None
    taking = Taking()
    prompt = words(told.get("prompt")) or words(texts.get("Description")) or _caption(told, "v4_prompt")
    negative = words(told.get("uc")) or _caption(told, "v4_negative_prompt")
    taking.prompts(prompt, negative)
    if _WEIGHT.search(prompt) or _WEIGHT.search(negative):
        taking.approximated.append(Said(OTHER_WEIGHTS, {"program": "NovelAI"}))
    for setting, key in (("steps", "steps"), ("guidance", "scale"), ("seed", "seed")):
        if key in told:
            taking.number(setting, told[key], key)
    if "width" in told or "height" in told:
        taking.size(told.get("width"), told.get("height"), "width, height")
    if "sampler" in told:
        taking.sampler(told["sampler"], "sampler")
    if "noise_schedule" in told:
        taking.schedule(told["noise_schedule"], "noise_schedule")
    if inner(inner(told, "v4_prompt"), "caption").get("char_captions"):
        taking.left_out.append("char_captions")
    taking.leave({"model": texts.get("Source"), **{k: v for k, v in told.items() if v not in (0, 1)}}, _TAKEN)
    return taking.reading()


def _caption(told: Mapping[str, Any], key: str) -> str:
    return words(inner(inner(told, key), "caption").get("base_caption"))


FORMAT = Format("NovelAI", is_exact=False, read=_read)
