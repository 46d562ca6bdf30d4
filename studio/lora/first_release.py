"""The names of a denoiser's layers as the models were first released, which most trainers keep to, and diffusers' names
for them."""

import re
from collections.abc import Callable
from dataclasses import replace

from studio.lora.names import Place, place

_QKV = ("to_q", "to_k", "to_v")
_ADDED_QKV = ("add_q_proj", "add_k_proj", "add_v_proj")


def first_release_place(name: str) -> tuple[Place, ...] | None:
    """A flat name as the model's first release has it: Stable Diffusion's, Flux', Stable Diffusion 3's, Z-Image's."""
    for pattern, places in (*_UNET, *_FLUX, *_SD3, *_Z_IMAGE):
        if match := re.fullmatch(pattern, name):
            return places(match) if callable(places) else _filled(places, match)
    return None


def _filled(places: tuple[Place, ...], match: re.Match[str]) -> tuple[Place, ...]:
    parts = [part or "" for part in match.groups()]
    return tuple(
        replace(place, modules=tuple(module.format(*parts) for module in place.modules)) for place in places
    )


_RESNET = {"in_layers_2": "conv1", "out_layers_3": "conv2", "emb_layers_1": "time_emb_proj",
           "skip_connection": "conv_shortcut"}  # fmt: skip


def _input_block(match: re.Match[str]) -> tuple[Place, ...]:
    """Two layers a level and then a downsampler, counted from 1."""
    (level, layer), rest = divmod(int(match[1]) - 1, 3), match[3]
    if layer == 2:
        return place(f"down_blocks_{level}_downsamplers_0_conv")
    kind = "attentions" if match[2] == "1" else "resnets"
    return place(f"down_blocks_{level}_{kind}_{layer}_{_RESNET.get(rest, rest)}")


def _output_block(match: re.Match[str]) -> tuple[Place, ...]:
    """Three layers a level, with the upsampler behind the last one."""
    (level, layer), rest = divmod(int(match[1]), 3), match[3]
    if rest == "conv":
        return place(f"up_blocks_{level}_upsamplers_0_conv")
    kind = "attentions" if match[2] == "1" else "resnets"
    return place(f"up_blocks_{level}_{kind}_{layer}_{_RESNET.get(rest, rest)}")


def _middle_block(match: re.Match[str]) -> tuple[Place, ...]:
    kind = "attentions_0" if match[1] == "1" else f"resnets_{int(match[1]) // 2}"
    return place(f"mid_block_{kind}_{_RESNET.get(match[2], match[2])}")


def _numbered(match: re.Match[str], name: str) -> tuple[Place, ...]:
    """`linear_1` and `linear_2` of what counts its layers 0 and 2."""
    return place(f"{name}_linear_{int(match[1]) // 2 + 1}")


_UNET = (
    (r"input_blocks_0_0", place("conv_in")),
    (r"input_blocks_(\d{1,3})_([01])_(.+)", _input_block),
    (r"middle_block_([012])_(.+)", _middle_block),
    (r"output_blocks_(\d{1,3})_([012])_(.+)", _output_block),
    (r"time_embed_([02])", lambda match: _numbered(match, "time_embedding")),
    (r"label_emb_0_([02])", lambda match: _numbered(match, "add_embedding")),
    (r"out_2", place("conv_out")),
)


def _either(
    flux: str, flux2: str, ratio: float | None = None, ratio2: float | None = None
) -> tuple[Place, ...]:
    """Flux and Flux.2 name the same layers of their releases alike, and differently in diffusers. Their perceptrons are
    four times as wide as the blocks, and three times and twofold."""
    return (Place((flux,), ratio=ratio), Place((flux2,), ratio=ratio2))


def _numbered_either(name: str) -> Callable[[re.Match[str]], tuple[Place, ...]]:
    def places(match: re.Match[str]) -> tuple[Place, ...]:
        end = f"{name}_linear_{1 if match[1] == 'in' else 2}"
        return _either(f"time_text_embed_{end}", f"time_guidance_embed_{end}")

    return places


_BLOCK, _SINGLE = "transformer_blocks_{0}", "single_transformer_blocks_{0}"
_FLUX = (
    (
        r"double_blocks_(\d+)_img_attn_qkv",
        place(*(f"{_BLOCK}_attn_{part}" for part in _QKV)),
    ),
    (
        r"double_blocks_(\d+)_txt_attn_qkv",
        place(*(f"{_BLOCK}_attn_{part}" for part in _ADDED_QKV)),
    ),
    (
        r"double_blocks_(\d+)_img_attn_proj",
        place(f"{_BLOCK}_attn_to_out_0"),
    ),
    (
        r"double_blocks_(\d+)_txt_attn_proj",
        place(f"{_BLOCK}_attn_to_add_out"),
    ),
    (r"double_blocks_(\d+)_img_mlp_0", _either(f"{_BLOCK}_ff_net_0_proj", f"{_BLOCK}_ff_linear_in", 4, 6)),
    (
        r"double_blocks_(\d+)_img_mlp_2",
        _either(f"{_BLOCK}_ff_net_2", f"{_BLOCK}_ff_linear_out", 1 / 4, 1 / 3),
    ),
    (
        r"double_blocks_(\d+)_txt_mlp_0",
        _either(f"{_BLOCK}_ff_context_net_0_proj", f"{_BLOCK}_ff_context_linear_in", 4, 6),
    ),
    (
        r"double_blocks_(\d+)_txt_mlp_2",
        _either(f"{_BLOCK}_ff_context_net_2", f"{_BLOCK}_ff_context_linear_out", 1 / 4, 1 / 3),
    ),
    (r"double_blocks_(\d+)_img_mod_lin", place(f"{_BLOCK}_norm1_linear")),
    (r"double_blocks_(\d+)_txt_mod_lin", place(f"{_BLOCK}_norm1_context_linear")),
    (
        r"single_blocks_(\d+)_linear1",
        (
            Place((*(f"{_SINGLE}_attn_{part}" for part in _QKV), f"{_SINGLE}_proj_mlp"), ratio=7),
            Place((f"{_SINGLE}_attn_to_qkv_mlp_proj",), ratio=9),
        ),
    ),
    (r"single_blocks_(\d+)_linear2", _either(f"{_SINGLE}_proj_out", f"{_SINGLE}_attn_to_out", 1 / 5, 1 / 4)),
    (r"single_blocks_(\d+)_modulation_lin", place(f"{_SINGLE}_norm_linear")),
    (r"time_in_(in|out)_layer", _numbered_either("timestep_embedder")),
    (r"guidance_in_(in|out)_layer", _numbered_either("guidance_embedder")),
    (r"vector_in_(in|out)_layer", _numbered_either("text_embedder")),
    (r"img_in", (*place("x_embedder"), *place("img_in"))),
    (r"txt_in", (*place("context_embedder"), *place("txt_in"))),
    (r"(double_stream_modulation_(?:img|txt)|single_stream_modulation)_lin", place("{0}_linear")),
    (r"final_layer_linear", (*place("proj_out"), *place("all_final_layer_2-1_linear"))),
    (
        r"final_layer_adaLN_modulation_1",
        (Place(("norm_out_linear",), halves_swapped=True), *place("all_final_layer_2-1_adaLN_modulation_1")),
    ),
)


def _joint_block(match: re.Match[str]) -> tuple[Place, ...]:
    """Stable Diffusion 3's two streams. The last block's text stream ends like the whole network: with shift and scale
    the other way round, and nothing else."""
    block, is_text, rest = f"transformer_blocks_{match[1]}", match[2] == "context_block", match[3]
    if rest == "adaLN_modulation_1" and is_text:
        name = (f"{block}_norm1_context_linear",)
        return (Place(name, halves_swapped=True, ratio=2), Place(name, ratio=6))
    names = {
        "attn_proj": ("attn_to_add_out" if is_text else "attn_to_out_0",),
        "attn_qkv": _attn("attn", _ADDED_QKV if is_text else _QKV),
        "attn2_proj": ("attn2_to_out_0",),
        "attn2_qkv": _attn("attn2", _QKV),
        "mlp_fc1": ("ff_context_net_0_proj" if is_text else "ff_net_0_proj",),
        "mlp_fc2": ("ff_context_net_2" if is_text else "ff_net_2",),
        "adaLN_modulation_1": ("norm1_linear",),
    }.get(rest, ())
    return place(*(f"{block}_{name}" for name in names)) if names else ()


def _attn(name: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{part}" for part in parts)


_SD3 = (
    (r"joint_blocks_(\d+)_(x_block|context_block)_(.+)", _joint_block),
    (r"t_embedder_mlp_0", (*place("time_text_embed_timestep_embedder_linear_1"), *place("t_embedder_mlp_0"))),
    (r"t_embedder_mlp_2", (*place("time_text_embed_timestep_embedder_linear_2"), *place("t_embedder_mlp_2"))),
    (r"y_embedder_mlp_0", place("time_text_embed_text_embedder_linear_1")),
    (r"y_embedder_mlp_2", place("time_text_embed_text_embedder_linear_2")),
    (r"x_embedder_proj", place("pos_embed_proj")),
)
_REFINED = r"((?:layers|noise_refiner|context_refiner)_\d+)_attention"
_Z_IMAGE = (
    (r"x_embedder", (*place("x_embedder"), *place("all_x_embedder_2-1"))),
    (rf"{_REFINED}_qkv", place(*(f"{{0}}_attention_{part}" for part in _QKV))),
    (rf"{_REFINED}_out", place("{0}_attention_to_out_0")),
)
