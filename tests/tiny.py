"""Builds a two-layer Kolors with random weights: a whole model folder in seconds, for tests of everything around it."""

import io
import json
from pathlib import Path
from typing import Any

SENTENCES = [
    "a red house on green grass at night",
    "two yellow boats on the blue sea at sunset",
    "a white cat left of a purple balloon in the snow",
    "夜晚,草地上有一座红色的房子",
    "日落时,蓝色的海上有两条黄色的小船",
    "雪地里,一只白猫在紫色气球的左边",
]
WIDTH = 32
"""Hidden size of the text encoder and of the denoiser's cross-attention."""


def build_kolors(folder: Path, seed: int = 0, like_storybook: bool = False) -> Path:
    """Write a loadable KolorsPipeline folder, v-prediction with zero terminal SNR and trailing steps; gives it back.

    `like_storybook` makes the networks as large as Storybook's, for measuring."""
    import torch
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    torch.manual_seed(seed)
    tokenizer = _tokenizer(folder / "tokenizer")
    pipeline = KolorsPipeline(
        vae=_large_vae() if like_storybook else _vae(),
        text_encoder=_text_encoder(tokenizer.vocab_size, 4 if like_storybook else 2),
        tokenizer=tokenizer,
        unet=_large_unet() if like_storybook else _unet(),
        scheduler=_scheduler(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    _tell_classes(folder)
    return folder


def build_lora(
    file: Path, model: Path, rank: int = 4, seed: int = 1, family: str = "kolors", size: float = 0.3
) -> Path:
    """Write a random LoRA for the attention layers of a model made here; gives its file back."""
    import torch

    from studio.lora.read import Layer
    from studio.lora.write import write

    dice = torch.Generator().manual_seed(seed)
    layers = {
        name: Layer(
            torch.randn(rank, shape[1], generator=dice) * size,
            torch.randn(shape[0], rank, generator=dice) * size,
            alpha=rank / 2,
        )
        for name, shape in attention_shapes(model).items()
    }
    write(file, layers, family)
    return file


def attention_shapes(model: Path) -> dict[str, tuple[int, ...]]:
    """The linear layers in the denoiser's attention."""
    from studio.families.kolors import FAMILY
    from studio.lora.match import shapes_of

    network = FAMILY.part("unet").open(model / "unet")
    return {name: shape for name, shape in shapes_of(network).items() if ".attn" in name and len(shape) == 2}


def _tokenizer(folder: Path) -> Any:
    import sentencepiece
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=trained,
        vocab_size=150,
        hard_vocab_limit=False,
        byte_fallback=False,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(trained.getvalue())
    return ChatGLMTokenizer(str(folder / "tokenizer.model"))


def _text_encoder(vocabulary: int, layers: int) -> Any:
    import torch
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

    config = ChatGLMConfig(
        num_layers=layers,
        padded_vocab_size=vocabulary,
        hidden_size=WIDTH,
        ffn_hidden_size=48,
        kv_channels=16,
        num_attention_heads=2,
        seq_length=256,
        multi_query_attention=True,
        multi_query_group_num=1,
        add_qkv_bias=True,
        original_rope=True,
        rmsnorm=True,
    )
    encoder = ChatGLMModel(config, empty_init=False)
    for name, parameter in encoder.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
        else:
            torch.nn.init.constant_(parameter, 1.0 if "layernorm" in name and "weight" in name else 0.0)
    return encoder


def _unet() -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(16, 32),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 2),
        use_linear_projection=True,
        cross_attention_dim=WIDTH,
        encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=WIDTH + 6 * 8,
    )


def _vae() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=64,
        scaling_factor=0.5,
    )


def _large_unet() -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=32,
        layers_per_block=1,
        block_out_channels=(64, 128, 192),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4, 6),
        use_linear_projection=True,
        cross_attention_dim=192,
        encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text_time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=WIDTH + 6 * 32,
    )


def _large_vae() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(32, 64, 128, 128),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        mid_block_add_attention=False,
        sample_size=256,
    )


def _scheduler() -> Any:
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def _tell_classes(folder: Path) -> None:
    """Fail here, and not in some test, when the folder isn't what a Kolors folder looks like."""
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    assert index["_class_name"] == "KolorsPipeline", index
