"""ComfyUI's generic layout, which ai-toolkit writes too: `diffusion_model.` and a path as the model's first release or as
diffusers has it."""

from studio.lora.dotted import dotted_place
from studio.lora.format import Format
from studio.lora.names import Place


def _tell(stem: str) -> tuple[Place, ...] | None:
    path = stem.removeprefix("model.").removeprefix("diffusion_model.")
    is_ours = "diffusion_model." in stem and "processor" not in stem
    return dotted_place(path) if is_ours and path != stem else None


FORMAT = Format("comfyui", _tell)
