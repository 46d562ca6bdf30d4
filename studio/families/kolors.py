"""Kolors (可图): an SDXL-shaped denoiser that reads Chinese and English through ChatGLM. Storybook is one of them.

The pipeline's own call encodes with 256 tokens always, and the denoiser attends to the padding; so 256 it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.families import stages
from studio.families.family import Conditioning, Family, OnStep, Part, Parts, Sampling, Tokens
from studio.families.parts import config, network, scheduler
from studio.families.sdxl import UNET as XL_UNET
from studio.families.sdxl import XL_VAE, predict
from studio.words import Text

if TYPE_CHECKING:
    import torch

MOST_TOKENS = 256
PREFIX_TOKENS = 2  # [gMASK] and sop, which the tokenizer puts before every text
_PIPELINE = "KolorsPipeline"

UNET = {
    **XL_UNET, "encoder_hid_dim": 4096, "encoder_hid_dim_type": "text_proj",
    "projection_class_embeddings_input_dim": 5632,
}  # fmt: skip
VAE = {**XL_VAE, "force_upcast": False}
"""Kolors' first layout goes with SDXL's autoencoder made safe for half precision (madebyollin/sdxl-vae-fp16-fix)."""
CHATGLM = {
    "num_layers": 28, "padded_vocab_size": 65024, "hidden_size": 4096, "ffn_hidden_size": 13696,
    "kv_channels": 128, "num_attention_heads": 32, "seq_length": 32768, "rmsnorm": True, "add_bias_linear": False,
    "add_qkv_bias": True, "multi_query_attention": True, "multi_query_group_num": 2, "original_rope": True,
    "layernorm_epsilon": 1e-5, "post_layer_norm": True, "apply_residual_connection_post_layernorm": False,
}  # fmt: skip
SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.014,
    "beta_schedule": "scaled_linear", "num_train_timesteps": 1100, "prediction_type": "epsilon", "steps_offset": 1,
    "timestep_spacing": "leading",
}  # fmt: skip


def _open_text_encoder(folder: Path) -> Any:
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

    return ChatGLMModel(ChatGLMConfig.from_dict(config(folder / "config.json", CHATGLM)), empty_init=False)


def _open_tokenizer(folder: Path) -> Any:
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    if not (folder / "tokenizer_config.json").is_file():
        return ChatGLMTokenizer(str(folder / "tokenizer.model"))
    return ChatGLMTokenizer.from_pretrained(str(folder))


def tokens(parts: Parts, text: str) -> Tokens:
    """How many tokens of `text` the encoder reads, and the words beyond them."""
    tokenizer = parts["tokenizer"]
    pieces = tokenizer.tokenize(text)
    most = MOST_TOKENS - PREFIX_TOKENS
    cut = tokenizer.convert_tokens_to_string(pieces[most:]) if len(pieces) > most else ""
    return Tokens(used=len(pieces), most=most, cut=cut)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 256, hidden) and `pooled_prompt_embeds` (1, hidden) of one text."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, ("text_encoder", "tokenizer"))
    with torch.no_grad():
        embeds, _, pooled, _ = held.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=MOST_TOKENS
        )
    return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}


def sample(parts: Parts, scheduler: Any, sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 4, H/8, W/8) by the pipeline's own loop."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "unet"), scheduler)
    return stages.run_free(held, sampling, on_step)


FAMILY = Family(
    name="kolors",
    title=Text("Kolors", "可图 Kolors"),
    size_multiple=8,
    parts=(
        scheduler(SCHEDULER, elsewhere=("Kolors/scheduler",)),
        Part(
            "tokenizer",
            _open_tokenizer,
            ("tokenizer.model", "tokenizer_config.json"),
            is_network=False,
            settings_file="tokenizer_config.json",
            elsewhere=("Kolors/tokenizer", "Kolors/text_encoder", "text_encoder"),
            source="tokenizer.model (1,018,370 bytes) from https://huggingface.co/Kwai-Kolors/Kolors-diffusers",
        ),
        Part(
            "text_encoder",
            _open_text_encoder,
            ("config.json",),
            settings_file="config.json",
            elsewhere=("Kolors/text_encoder",),
            takes_pickles=True,
            unused=("output_layer",),
            renames=((r"^transformer\.", ""),),
        ),
        network("unet", "UNet2DConditionModel", UNET, elsewhere=("Kolors/unet",)),
        network(
            "vae",
            "AutoencoderKL",
            VAE,
            elsewhere=("sdxl-vae-fp16-fix", "../sdxl-vae-fp16-fix", "Kolors/vae"),
        ),
    ),
    denoiser="unet",
    for_encode=("tokenizer", "text_encoder"),
    for_sample=("scheduler", "unet", "vae"),
    for_decode=("vae",),
    for_picture=("vae",),
    fp16_is_safe=False,
    tokens=tokens,
    encode=encode,
    sample=sample,
    decode=stages.decode_kl,
    encode_picture=stages.encode_kl,
    predict=predict,
    pipelines=("KolorsPipeline",),
)
