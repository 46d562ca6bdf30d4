"""Which family a LoRA was made for, in the words of its header."""

from collections.abc import Mapping

FAMILY_KEY = "inkstone.family"
"""The header key by which our own files name their family."""

_BEGINNINGS = {
    "kolors": "kolors", "stable-diffusion-xl": "sdxl", "sdxl": "sdxl", "stable-diffusion-v1": "sd15",
    "sd_v1": "sd15", "sd_1.5": "sd15", "stable-diffusion-v2": "sd21", "sd_v2": "sd21", "sd_2": "sd21",
    "flux2": "flux2", "flux.2": "flux2", "flux-2": "flux2", "flux": "flux", "stable-diffusion-3": "sd3", "sd3": "sd3",
    "qwen-image": "qwen_image", "qwen_image": "qwen_image", "z-image": "z_image", "z_image": "z_image",
    "zimage": "z_image",
}  # fmt: skip
_TITLES = {"kolors": "Kolors", "sdxl": "SDXL", "sd15": "Stable Diffusion 1.5", "sd21": "Stable Diffusion 2.1",
           "flux": "Flux", "flux2": "Flux.2", "sd3": "Stable Diffusion 3", "qwen_image": "Qwen-Image",
           "z_image": "Z-Image"}  # fmt: skip


def title_of(family: str) -> str:
    """A family's name as people write it."""
    return _TITLES.get(family, family)


def told_family(metadata: Mapping[str, str]) -> str | None:
    """The family that a file's header names."""
    if FAMILY_KEY in metadata:
        return metadata[FAMILY_KEY]
    named = (
        named_family(metadata.get(key, "")) for key in ("modelspec.architecture", "ss_base_model_version")
    )
    return next((family for family in named if family), None)


def named_family(base_model: str) -> str | None:
    """The family that a base model's name, in a file's or a sidecar's words, belongs to."""
    words = base_model.lower()
    return next((family for start, family in _BEGINNINGS.items() if words.startswith(start)), None)
