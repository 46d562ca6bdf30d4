"""The families with a U-shaped denoiser."""

from pathlib import Path
from typing import Any

from tests.tinies import readers

WIDTH = 16


def build_sd15(folder: Path) -> Path:
    """Stable Diffusion 1.5: epsilon, steps counted from 1."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=vae(4), text_encoder=readers.clip(WIDTH, projects=False), tokenizer=readers.clip_tokenizer(),
        unet=_unet(WIDTH), scheduler=PNDMScheduler(**_noise()), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def build_sdxl(folder: Path) -> Path:
    """SDXL: two readers side by side, sizes told to the denoiser."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline(
        vae=vae(4), text_encoder=readers.clip(WIDTH, projects=False), text_encoder_2=readers.clip(24, projects=True),
        tokenizer=readers.clip_tokenizer(), tokenizer_2=readers.clip_tokenizer(),
        unet=_unet(
            WIDTH + 24, addition_embed_type="text_time", addition_time_embed_dim=8, use_linear_projection=True,
            projection_class_embeddings_input_dim=24 + 6 * 8,
        ),
        scheduler=EulerDiscreteScheduler(**_noise()), add_watermarker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def vae(channels: int, **settings: Any) -> Any:
    """An autoencoder that makes pictures eight times as large as its latents."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(**_vae_settings(), latent_channels=channels, **{"scaling_factor": 0.5, **settings})


def flux2_vae() -> Any:
    """The same with statistics of each patch."""
    import torch
    from diffusers import AutoencoderKLFlux2

    made = AutoencoderKLFlux2(**_vae_settings(), latent_channels=8)
    with torch.no_grad():
        made.bn.running_mean.normal_(std=0.3)
        made.bn.running_var.uniform_(0.5, 2)
    return made


def _vae_settings() -> dict[str, Any]:
    return {
        "block_out_channels": (8, 8, 8, 8), "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4, "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 64,
    }  # fmt: skip


def _unet(width: int, **settings: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2, cross_attention_dim=width, **settings,
    )  # fmt: skip


def _noise() -> dict[str, Any]:
    return {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
        "timestep_spacing": "leading",
    }  # fmt: skip
