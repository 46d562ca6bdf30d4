"""Denoisers of every family with the real layout of blocks and tiny widths, and CLIP's text encoder."""

from functools import cache
from typing import Any


@cache
def network(family: str) -> Any:
    """The denoiser of a family. Shared: leave it as it was."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {
            "sd15": _sd15, "sdxl": _sdxl, "kolors": _kolors, "flux": _flux, "flux2": _flux2, "sd3": _sd3,
            "qwen_image": _qwen_image, "z_image": _z_image,
        }[family]().requires_grad_(False)  # fmt: skip


@cache
def shapes(family: str) -> dict[str, tuple[int, ...]]:
    """The layers of a family's denoiser that a LoRA can change."""
    from studio.lora.match import shapes_of

    return shapes_of(network(family))


def text_encoder() -> Any:
    """A CLIP text encoder of two layers."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, projection_dim=16,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CLIPTextModel(config).eval()


def _unet(**settings: Any) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    shared = {"sample_size": 8, "layers_per_block": 2, "norm_num_groups": 4, "cross_attention_dim": 12}
    return UNet2DConditionModel(**{**shared, **settings})


def _sd15() -> Any:
    return _unet(block_out_channels=(8, 16, 16, 16), attention_head_dim=4)


def _large(**settings: Any) -> Any:
    return _unet(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 3),
        attention_head_dim=(2, 4, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=12 + 6 * 4,
        **settings,
    )


def _sdxl() -> Any:
    return _large()


def _kolors() -> Any:
    return _large(encoder_hid_dim=20, encoder_hid_dim_type="text_proj")


def _flux() -> Any:
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    return FluxTransformer2DModel(
        in_channels=8, num_layers=2, num_single_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=20, pooled_projection_dim=12, guidance_embeds=True, axes_dims_rope=(2, 2, 4),
    )  # fmt: skip


def _flux2() -> Any:
    from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel

    return Flux2Transformer2DModel(
        in_channels=8, num_layers=2, num_single_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=20, timestep_guidance_channels=16, axes_dims_rope=(2, 2, 2, 2),
    )  # fmt: skip


def _sd3() -> Any:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    return SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, num_layers=3, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=20, caption_projection_dim=16, pooled_projection_dim=12, out_channels=4, pos_embed_max_size=8,
        dual_attention_layers=(0,),
    )  # fmt: skip


def _qwen_image() -> Any:
    from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel

    return QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=20,
        axes_dims_rope=(2, 2, 4),
    )  # fmt: skip


def _z_image() -> Any:
    from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel

    return ZImageTransformer2DModel(
        in_channels=4, dim=16, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=20,
        axes_dims=[2, 2, 4], axes_lens=[16, 16, 16],
    )  # fmt: skip
