"""What the layouts that name layers by module path have in common."""

from studio.lora.first_release import first_release_place
from studio.lora.names import Place, diffusers_place, flat

_BEGINNINGS = (
    "down_blocks.", "up_blocks.", "mid_block.", "conv_in", "conv_out", "time_embedding.", "add_embedding.",
    "encoder_hid_proj", "transformer_blocks.", "single_transformer_blocks.", "layers.", "noise_refiner.",
    "context_refiner.", "x_embedder", "context_embedder", "time_text_embed.", "time_guidance_embed.", "norm_out.",
    "proj_out", "pos_embed.", "img_in", "txt_in", "all_x_embedder.", "all_final_layer.", "cap_embedder.", "t_embedder.",
    "double_stream_modulation_img.", "double_stream_modulation_txt.", "single_stream_modulation.",
)  # fmt: skip
"""How diffusers' paths into a denoiser begin."""


def dotted_place(path: str) -> tuple[Place, ...]:
    """A module path in a denoiser, as diffusers has it or as the model's first release does."""
    return first_release_place(flat(path)) or diffusers_place(flat(path))


def known_place(path: str) -> tuple[Place, ...] | None:
    """The same for a path that may lead anywhere: None when it doesn't begin like one into a denoiser."""
    if path.startswith(_BEGINNINGS):
        return dotted_place(path)
    return first_release_place(flat(path)) if "." in path and "processor" not in path else None
