"""Which family a LoRA was made for: what its header says, and what its layers' names and sizes give away."""

from collections.abc import Iterable, Mapping

FAMILY_KEY = "inkstone.family"
"""The header key by which our own files name their family."""

_BEGINNINGS = {
    "kolors": "kolors", "stable-diffusion-xl": "sdxl", "sdxl": "sdxl", "stable-diffusion-v1": "sd15",
    "sd_v1": "sd15", "sd_1.5": "sd15", "flux": "flux", "stable-diffusion-3": "sd3", "sd3": "sd3",
}  # fmt: skip
_TITLES = {"kolors": "Kolors", "sdxl": "SDXL", "sd15": "Stable Diffusion 1.5", "sd21": "Stable Diffusion 2.1",
           "flux": "Flux", "sd3": "Stable Diffusion 3"}  # fmt: skip
_TEXT_WIDTHS = {768: "sd15", 1024: "sd21", 2048: "sdxl"}
"""What a denoiser's cross-attention reads, by family."""


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


def guessed_family(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> str | None:
    """The family that layer names and down matrices (rank, in) speak of, when the header is silent."""
    for key, shape in shapes:
        if "single_transformer_blocks" in key or "double_blocks" in key:
            return "flux"
        if "joint_blocks" in key:
            return "sd3"
        if "attn2" in key and "to_k" in key and ("down" in key or "lora_A" in key) and len(shape) == 2:
            return _TEXT_WIDTHS.get(shape[1])
    return None
