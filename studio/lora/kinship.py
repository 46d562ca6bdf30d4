"""Which families a LoRA can be of, by the names and sizes of its layers: what is told when the header is silent.

SDXL and Kolors share every layer that LoRAs are usually put on; then both are answered."""

import re
from collections.abc import Iterable

Layer = tuple[str, int, int]
"""Flat name of a denoiser's layer, its outputs and its inputs."""

_UNETS = frozenset({"sd15", "sd21", "sdxl", "kolors"})
_LARGE_UNETS = frozenset({"sdxl", "kolors"})
_SMALL_UNETS = frozenset({"sd15", "sd21"})
_TEXT_WIDTHS = {768: frozenset({"sd15"}), 1024: frozenset({"sd21"}), 2048: _LARGE_UNETS}
"""What a UNet's cross-attention reads."""

_STREAMS = frozenset({"flux", "flux2", "sd3", "qwen_image"})
_BLOCKS = {"flux": 19, "flux2": 8, "sd3": 38, "qwen_image": 60}
"""How many two-stream blocks the largest model of a family has."""
_WIDTHS = {1536: "sd3", 2432: "sd3", 3072: "flux flux2 qwen_image", 4096: "flux2", 6144: "flux2"}
"""What two-stream blocks of released models read."""

FAMILIES = _UNETS | _STREAMS | {"z_image"}
"""Those that can be told by their layers."""

_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"encoder_hid_proj", frozenset({"kolors"})),
    (r"add_embedding_.*", _LARGE_UNETS),
    (r"(?:down_blocks_0|up_blocks_3)_attentions_.*", _SMALL_UNETS),
    (r"(?:down_blocks_3|up_blocks_3)_.*", _SMALL_UNETS),
    (r"(?:down_blocks|up_blocks|mid_block)_.*_transformer_blocks_[1-9]_.*", _LARGE_UNETS),
    (r"(?:down_blocks|up_blocks|mid_block|conv_in|conv_out|time_embedding)(?:_.*)?", _UNETS),
    (r"(?:layers|noise_refiner|context_refiner)_\d+_(?:attention|feed_forward|adaLN).*", frozenset({"z_image"})),
    (r"(?:all_x_embedder|all_final_layer|cap_embedder|t_embedder)_.*", frozenset({"z_image"})),
    (r"(?:img|txt)_in", frozenset({"qwen_image"})),
    (r"x_embedder", frozenset({"flux", "flux2"})),
    (r"context_embedder", frozenset({"flux", "flux2", "sd3"})),
    (r"pos_embed_proj", frozenset({"sd3"})),
    (r"time_text_embed_guidance_embedder_.*", frozenset({"flux"})),
    (r"time_text_embed_.*", frozenset({"flux", "sd3", "qwen_image"})),
    (r"transformer_blocks_\d+_(?:img|txt)_(?:mlp|mod)_.*", frozenset({"qwen_image"})),
    (r"transformer_blocks_\d+_ff(?:_context)?_net_.*", frozenset({"flux", "sd3"})),
    (r"transformer_blocks_\d+_norm1(?:_context)?_linear", frozenset({"flux", "sd3"})),
    (r"transformer_blocks_\d+_ff(?:_context)?_linear_.*", frozenset({"flux2"})),
    (r"transformer_blocks_\d+_attn2_.*", frozenset({"sd3"})),
    (r"single_transformer_blocks_\d+_attn_to_(?:qkv_mlp_proj|out)", frozenset({"flux2"})),
    (r"(?:double|single)_stream_modulation.*|time_guidance_embed_.*", frozenset({"flux2"})),
    (r"single_transformer_blocks_\d+_.*", frozenset({"flux"})),
    (r"transformer_blocks_\d+_attn_.*", _STREAMS),
)  # fmt: skip
"""Names, and the families that have them; the first that fits counts."""


def kin(layers: Iterable[Layer]) -> frozenset[str]:
    """The families that have all of these layers; none where they are nobody's."""
    possible = FAMILIES
    is_known = False
    for name, _, inputs in layers:
        if (some := _kin_of(name, inputs)) is not None:
            is_known = True
            possible &= some
    return possible if is_known else frozenset()


def _kin_of(name: str, inputs: int) -> frozenset[str] | None:
    mark = next((families for pattern, families in _MARKS if re.fullmatch(pattern, name)), None)
    if mark is None:
        return None
    if re.search(r"_attn2_to_[kv]$", name) and mark <= _UNETS:
        return mark & _TEXT_WIDTHS.get(inputs, mark)
    if match := re.match(r"transformer_blocks_(\d{1,3})_attn_(?:to_[qkv]|add_[qkv]_proj)$", name):
        mark &= {family for family in _STREAMS if int(match[1]) < _BLOCKS[family]}
        return mark & frozenset(_WIDTHS[inputs].split()) if inputs in _WIDTHS else mark
    return mark
