"""Stable Diffusion 1.5: the small one that everything was made for. Its variants share the same layers."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.clip_tokenizer import clip_tokenizer
from studio.families.clip_weights import EMPTY, encode_window, encode_windows, evened, window_tokens
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.ldm import LDM_CLIP, LDM_UNET, LDM_VAE
from studio.families.parts import CLIP_RENAMES, network, scheduler, text_encoder
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

_PIPELINE = "StableDiffusionPipeline"
_SETTINGS = {"requires_safety_checker": False}

UNET = {
    "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8,
}  # fmt: skip
VAE = {
    "sample_size": 512, "latent_channels": 4, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
}  # fmt: skip
CLIP_L = {
    "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12,
    "projection_dim": 768, "hidden_act": "quick_gelu", "vocab_size": 49408, "max_position_embeddings": 77,
    "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1,
}  # fmt: skip
SCHEDULER = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "steps_offset": 1, "timestep_spacing": "leading",
}  # fmt: skip


def tokens(parts: Parts, text: str) -> Tokens:
    """How many tokens `text` takes without its marks, and the words beyond those that are read."""
    return window_tokens(parts["tokenizer"], text)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 77 x windows, 768) of one text, its words weighed; of several windows `EMPTY`, too."""
    read = encode_windows(parts["tokenizer"], parts["text_encoder"], text)
    return {"prompt_embeds": read.embeds} | ({} if read.empty is None else {EMPTY: read.empty})


def encode_caption(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 77, 768) of what one window holds of a text."""
    return {"prompt_embeds": encode_window(parts["tokenizer"], parts["text_encoder"], text).embeds}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 4, H/8, W/8) by the pipeline's own loop."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "unet"), scheduler, **_SETTINGS)
    return stages.run_free(held, evened(sampling), on_step)


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The denoiser's answer (B, 4, h, w), as the pipeline asks for it."""
    answer: torch.Tensor = denoiser(
        noisy, timesteps, encoder_hidden_states=conditioning["prompt_embeds"], return_dict=False
    )[0]
    return answer


FAMILY = Family(
    name="sd15",
    title=Text("Stable Diffusion 1.5", "Stable Diffusion 1.5"),
    size_multiple=8,
    parts=(
        scheduler(SCHEDULER),
        clip_tokenizer("tokenizer"),
        text_encoder("text_encoder", "CLIPTextModel", CLIP_L, renames=CLIP_RENAMES, from_checkpoint=LDM_CLIP),
        network("unet", "UNet2DConditionModel", UNET, from_checkpoint=LDM_UNET),
        network("vae", "AutoencoderKL", VAE, from_checkpoint=LDM_VAE),
    ),
    denoiser="unet",
    for_encode=("tokenizer", "text_encoder"),
    for_sample=("scheduler", "unet", "vae"),
    for_decode=("vae",),
    for_picture=("vae",),
    fp16_is_safe=True,
    tokens=tokens,
    encode=encode,
    sample=sample,
    decode=stages.decode_kl,
    encode_picture=stages.encode_kl,
    predict=predict,
    pipelines=(_PIPELINE,),
    encode_caption=encode_caption,
    weighs_words=True,
)
