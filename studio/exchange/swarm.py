"""SwarmUI: one JSON object under `parameters`, with what was asked in `sui_image_params` and the files' hashes in
`sui_models`. Format: docs/Image Metadata Format.md of mcmonkeyprojects/SwarmUI."""

from collections.abc import Mapping
from typing import Any

from studio.exchange import Format, Reading
from studio.exchange.foreign import Taking, json_object, listed, words

_TAKEN = (
    "prompt", "negativeprompt", "model", "steps", "cfgscale", "seed", "width", "height", "aspectratio", "sampler", "scheduler",
    "loras", "loraweights", "images", "swarm_version", "automaticvae", "batchsize",
)  # fmt: skip


def _read(info: Mapping[str, str]) -> Reading | None:
    told = json_object(info.get("parameters", ""))
    if told is None or not isinstance(told.get("sui_image_params"), dict):
        return None
    asked = told["sui_image_params"]
    taking = Taking(values={"loras": []})
    taking.prompts(words(asked.get("prompt")), words(asked.get("negativeprompt")))
    for setting, key in (("steps", "steps"), ("guidance", "cfgscale"), ("seed", "seed")):
        if key in asked and asked[key] != -1:
            taking.number(setting, asked[key], key)
    if "width" in asked or "height" in asked:
        taking.size(asked.get("width"), asked.get("height"), "width, height")
    if "sampler" in asked:
        taking.sampler(asked["sampler"], "sampler")
    if "scheduler" in asked:
        taking.schedule(asked["scheduler"], "scheduler")
    if words(asked.get("model")):
        taking.values["model"] = asked["model"]
    _loras(taking, asked, _hashes(told))
    taking.leave(asked, _TAKEN)
    return taking.reading()


def _loras(taking: Taking, asked: Mapping[str, Any], hashes: Mapping[str, str]) -> None:
    """Names and weights side by side, as lists or as words between commas; a weight that is missing is 1."""
    names, weights = listed(asked.get("loras")), listed(asked.get("loraweights"))
    for at, name in enumerate(names):
        stem = str(name).removesuffix(".safetensors")
        taking.lora(stem, weights[at] if at < len(weights) else 1, hashes.get(stem, ""))


def _hashes(told: Mapping[str, Any]) -> dict[str, str]:
    models = told.get("sui_models")
    return {
        words(model.get("name")).removesuffix(".safetensors"): words(model.get("hash")).removeprefix("0x")
        for model in (models if isinstance(models, list) else [])
        if isinstance(model, dict)
    }


FORMAT = Format("SwarmUI", is_exact=False, read=_read)
