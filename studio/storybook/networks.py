"""Storybook's networks, each of the class that Kolors uses, only smaller."""

from typing import Any

import torch
from torch import nn

from studio.storybook.recipe import Recipe

TOKENS = 256
TIME_ID_WIDTH = 32


def mixed(device: torch.device) -> torch.autocast:
    """bf16 where a network gains by it: on a GPU. Processors without it imitate it, up to ten times slower than float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def build_vae(recipe: Recipe) -> Any:
    """`AutoencoderKL`, RGB (B, 3, H, W) in [-1, 1] to latents (B, 4, H/8, W/8); no mid-block attention."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=recipe.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=recipe.vae_layers,
        latent_channels=4,
        norm_num_groups=min(32, recipe.vae_channels[0]),
        sample_size=256,
        scaling_factor=1.0,
        force_upcast=False,
        mid_block_add_attention=False,
    )


def build_text_encoder(recipe: Recipe, words: int) -> Any:
    """`ChatGLMModel` over `words` token ids; hidden states (256, B, width)."""
    from diffusers.pipelines.kolors import ChatGLMModel
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

    config = ChatGLMConfig(
        num_layers=recipe.text_layers,
        padded_vocab_size=words,
        hidden_size=recipe.text_width,
        ffn_hidden_size=recipe.text_width * 8 // 3,
        kv_channels=32,
        num_attention_heads=recipe.text_width // 32,
        seq_length=TOKENS,
        add_qkv_bias=True,
        multi_query_attention=True,
        multi_query_group_num=min(2, recipe.text_width // 32),
        original_rope=True,
        use_cache=False,
    )
    model = ChatGLMModel(config, empty_init=False)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.ones_(parameter)
    return model


def build_unet(recipe: Recipe) -> Any:
    """`UNet2DConditionModel` with Kolors' text projection and size conditioning, cross-attention in the two
    lower levels."""
    from diffusers import UNet2DConditionModel

    channels = recipe.unet_channels
    return UNet2DConditionModel(
        sample_size=32,
        block_out_channels=channels,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=1,
        attention_head_dim=tuple(width // 32 for width in channels),
        cross_attention_dim=recipe.text_width,
        encoder_hid_dim=recipe.text_width,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_ID_WIDTH,
        projection_class_embeddings_input_dim=recipe.text_width + 6 * TIME_ID_WIDTH,
        use_linear_projection=True,
    )


def build_scheduler() -> Any:
    """The noise convention: v-prediction, scaled-linear betas made zero-terminal-SNR, trailing steps
    (Lin et al., arXiv:2305.08891)."""
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def signal_and_noise(scheduler: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """sqrt(alpha-bar) and sqrt(1 - alpha-bar) at each of the 1000 timesteps."""
    kept = scheduler.alphas_cumprod.to(device, torch.float32)
    return kept.sqrt(), (1 - kept).sqrt()


def parameters_of(*models: nn.Module) -> int:
    """How many numbers these networks hold."""
    return sum(p.numel() for model in models for p in model.parameters())
