"""The names of a denoiser's layers, as diffusers has them.

Names are compared flat, with `_` for every dot: kohya's files know no other form, and no two layers of a network are told
apart by a dot alone."""

import re
from dataclasses import dataclass

_WORDS = (
    "down_blocks", "up_blocks", "mid_block", "transformer_blocks", "single_transformer_blocks",
    "noise_refiner", "context_refiner", "proj_in", "proj_out", "proj_mlp", "to_q", "to_k", "to_v", "to_out",
    "to_add_out", "add_q_proj", "add_k_proj", "add_v_proj", "to_qkv_mlp_proj", "conv_in", "conv_out",
    "conv_shortcut", "time_emb_proj", "time_embedding", "add_embedding", "encoder_hid_proj", "linear_1",
    "linear_2", "linear_in", "linear_out", "ff_context", "norm1_context", "img_mlp", "txt_mlp", "img_mod",
    "txt_mod", "img_in", "txt_in", "x_embedder", "context_embedder", "time_text_embed",
    "time_guidance_embed", "timestep_embedder", "text_embedder", "guidance_embedder", "norm_out",
    "pos_embed", "feed_forward", "adaLN_modulation", "all_final_layer", "all_x_embedder", "cap_embedder",
    "t_embedder", "double_stream_modulation_img", "double_stream_modulation_txt",
    "single_stream_modulation", "text_model", "self_attn", "q_proj", "k_proj", "v_proj", "out_proj",
    "text_projection",
)  # fmt: skip
"""The parts of module paths that have an underscore of their own."""
_WORD = re.compile(rf"(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?=_|$)|[^_]+")


@dataclass(frozen=True)
class Place:
    """Where a layer of a file belongs: one layer of the denoiser, by flat name, or several whose outputs follow each
    other in it. `halves_swapped` where the output's two halves, shift and scale, stand the other way round; `ratio` of
    outputs to inputs, where that tells two places of one name apart."""

    modules: tuple[str, ...]
    halves_swapped: bool = False
    ratio: float | None = None

    def suits(self, outputs: int, inputs: int) -> bool:
        """Whether a layer of this size can belong here."""
        if len(self.modules) == 3 and outputs % 3:
            return False
        return self.ratio is None or (inputs > 0 and abs(outputs / inputs - self.ratio) < 0.01)


def flat(name: str) -> str:
    """A module path without its dots."""
    return name.replace(".", "_")


def dotted(name: str) -> str:
    """The module path of a flat name."""
    return ".".join(_WORD.findall(name))


def place(*modules: str) -> tuple[Place, ...]:
    """The answer for a name that belongs to one place."""
    return (Place(modules),)


def diffusers_place(name: str) -> tuple[Place, ...]:
    """A name of diffusers' own, flat. Some files leave out the `.0` that is in `to_out.0`."""
    is_short = re.search(r"(?:attn\d?|attention)_to_out$", name) and not name.startswith("single_")
    return place(f"{name}_0" if is_short else name)
