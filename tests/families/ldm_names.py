"""The way back: tiny diffusers networks under the names of Stability's own programs, for tests of reading them."""

import re
from typing import Any

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
UNET = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def to_ldm(parts: dict[str, Any]) -> dict[str, Any]:
    """One file's worth of tensors."""
    is_xl = "text_encoder_2" in parts
    reader = "conditioner.embedders.0.transformer." if is_xl else "cond_stage_model.transformer."
    named = {
        **_prefixed("model.diffusion_model.", parts["unet"], _unet_name),
        **_prefixed("first_stage_model.", parts["vae"], _vae_name),
        **_prefixed(f"{reader}text_model.", parts["text_encoder"], lambda name: name),
    }
    return named | (_open_clip(parts["text_encoder_2"]) if is_xl else {})


def _prefixed(prefix: str, network: Any, rename: Any) -> dict[str, Any]:
    return {prefix + rename(name): tensor for name, tensor in network.state_dict().items()}


def _unet_name(name: str) -> str:
    """For two blocks of one layer each way, down and up."""
    for ours, theirs in UNET.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    for ours, theirs in RESNET.items():
        name = re.sub(rf"(resnets\.\d+)\.{ours}\.", rf"\1.{theirs}.", name)
    for pattern, place in (
        (r"down_blocks\.(\d)\.resnets\.0", lambda m: f"input_blocks.{1 + 2 * int(m[1])}.0"),
        (r"down_blocks\.(\d)\.attentions\.0", lambda m: f"input_blocks.{1 + 2 * int(m[1])}.1"),
        (r"down_blocks\.0\.downsamplers\.0\.conv", lambda m: "input_blocks.2.0.op"),
        (r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
        (r"mid_block\.attentions\.0", lambda m: "middle_block.1"),
        (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"output_blocks.{2 * int(m[1]) + int(m[2])}.0"),
        (r"up_blocks\.(\d)\.attentions\.(\d)", lambda m: f"output_blocks.{2 * int(m[1]) + int(m[2])}.1"),
        (r"up_blocks\.0\.upsamplers\.0\.conv", lambda m: "output_blocks.1.2.conv"),
    ):
        name = re.sub(pattern, place, name)
    return name


def _vae_name(name: str) -> str:
    for ours, theirs in ATTENTION.items():
        name = re.sub(rf"mid_block\.attentions\.0\.{ours}\.", f"mid.attn_1.{theirs}.", name)
    for pattern, place in (
        (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
        (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
        (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
        (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}"),
        (r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample"),
        (r"conv_shortcut", "nin_shortcut"),
        (r"conv_norm_out", "norm_out"),
    ):
        name = re.sub(pattern, place, name)
    return name


def _open_clip(network: Any) -> dict[str, Any]:
    """Names of OpenCLIP: query, key and value in one, the projection turned."""
    import torch

    prefix, weights = "conditioner.embedders.1.model.", network.state_dict()
    named = {}
    for name, tensor in weights.items():
        name = name.removeprefix("text_model.")
        if "self_attn" in name and "out_proj" not in name:
            continue
        if name == "text_projection.weight":
            named[f"{prefix}text_projection"] = tensor.T
            continue
        for ours, theirs in (
            ("embeddings.token_embedding.weight", "token_embedding.weight"),
            ("embeddings.position_embedding.weight", "positional_embedding"),
            ("final_layer_norm", "ln_final"),
            ("encoder.layers", "transformer.resblocks"),
            ("layer_norm1", "ln_1"),
            ("layer_norm2", "ln_2"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
            ("self_attn", "attn"),
        ):
            name = name.replace(ours, theirs)
        named[prefix + name] = tensor
    for layer in range(network.config.num_hidden_layers):
        for kind in ("weight", "bias"):
            stem = f"text_model.encoder.layers.{layer}.self_attn"
            three = [weights[f"{stem}.{role}_proj.{kind}"] for role in "qkv"]
            named[f"{prefix}transformer.resblocks.{layer}.attn.in_proj_{kind}"] = torch.cat(three)
    return named
