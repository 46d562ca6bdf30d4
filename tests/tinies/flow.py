"""The families that follow a straight line from noise to picture."""

from pathlib import Path
from typing import Any

from tests.tinies import readers
from tests.tinies.diffusion import flux2_vae, vae

HEADS = {"num_attention_heads": 2, "attention_head_dim": 16}


def build_flux(folder: Path) -> Path:
    """Flux.1 dev: guidance told to the denoiser, latents packed."""
    from diffusers import FluxPipeline, FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, **HEADS, joint_attention_dim=16, pooled_projection_dim=16,
        guidance_embeds=True, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    FluxPipeline(
        scheduler=_by_size(), vae=_vae(), text_encoder=readers.clip(16, projects=False),
        tokenizer=readers.clip_tokenizer(), text_encoder_2=readers.t5(16), tokenizer_2=readers.t5_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_sd3(folder: Path) -> Path:
    """SD3.5: three readers, one fixed shift."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    transformer = SD3Transformer2DModel(
        sample_size=16, in_channels=4, out_channels=4, num_layers=2, **HEADS, joint_attention_dim=48,
        caption_projection_dim=32, pooled_projection_dim=32, pos_embed_max_size=16, qk_norm="rms_norm",
        dual_attention_layers=(0,),
    )  # fmt: skip
    StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=_vae(),
        text_encoder=readers.clip(16, projects=True), tokenizer=readers.clip_tokenizer(),
        text_encoder_2=readers.clip(16, projects=True), tokenizer_2=readers.clip_tokenizer(),
        text_encoder_3=readers.t5(48), tokenizer_3=readers.t5_tokenizer(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_z_image(folder: Path) -> Path:
    """Z-Image: texts of any length, time the other way round."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel

    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
        axes_dims=[4, 4, 8], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    _give_weights(transformer)
    ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=_vae(), text_encoder=readers.qwen3(2, 16, "Qwen3Model"),
        tokenizer=readers.qwen_tokenizer(), transformer=transformer,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_qwen_image(folder: Path) -> Path:
    """Qwen-Image: masks for texts, an autoencoder for films."""
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel

    transformer = QwenImageTransformer2DModel(
        in_channels=16,
        out_channels=4,
        num_layers=1,
        **HEADS,
        joint_attention_dim=16,
        axes_dims_rope=(4, 4, 8),
    )
    film = AutoencoderKLQwenImage(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.5, 0.5, 2.0, 1.0],
    )  # fmt: skip
    QwenImagePipeline(
        scheduler=_by_size(), vae=film, text_encoder=readers.qwen_vl(16), tokenizer=readers.qwen_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_flux2(folder: Path) -> Path:
    """Flux.2 dev: latents normalised by the autoencoder's statistics."""
    from diffusers import Flux2Pipeline

    Flux2Pipeline(
        scheduler=_by_size(), vae=flux2_vae(), text_encoder=readers.mistral(8), tokenizer=readers.mistral_tokenizer(),
        transformer=_flux2(24, guidance_embeds=True),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_flux2_klein(folder: Path) -> Path:
    """Flux.2 Klein, a base model: guidance against a negative prompt."""
    from diffusers import Flux2KleinPipeline

    Flux2KleinPipeline(
        scheduler=_by_size(), vae=flux2_vae(), text_encoder=readers.qwen3(28, 8, "Qwen3ForCausalLM"),
        tokenizer=readers.qwen_tokenizer(), transformer=_flux2(24, guidance_embeds=False),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _flux2(width: int, guidance_embeds: bool) -> Any:
    from diffusers import Flux2Transformer2DModel

    return Flux2Transformer2DModel(
        in_channels=32, num_layers=1, num_single_layers=1, **HEADS, joint_attention_dim=width,
        timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=guidance_embeds,
    )  # fmt: skip


def _vae() -> Any:
    return vae(4, scaling_factor=0.36, shift_factor=0.12)


def _by_size() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=4,
        max_image_seq_len=64,
        shift=3.0,
    )


def _give_weights(network: Any) -> None:
    """Numbers for parameters that a class leaves as the memory was."""
    import torch

    for name in ("x_pad_token", "cap_pad_token"):
        torch.nn.init.normal_(getattr(network, name), std=0.1)
