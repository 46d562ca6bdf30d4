"""Stable Diffusion XL, its turbo and lightning variants, and everything trained from it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.clip_tokenizer import clip_tokenizer
from studio.families.clip_weights import EMPTY, Encoded, encode_window, encode_windows, evened, window_tokens
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.ldm import LDM_CLIP, LDM_OPEN_CLIP, LDM_UNET, LDM_VAE
from studio.families.parts import CLIP_RENAMES, network, scheduler, text_encoder
from studio.families.sd15 import CLIP_L, SCHEDULER, VAE
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

_PIPELINE = "StableDiffusionXLPipeline"
_SETTINGS = {"force_zeros_for_empty_prompt": False, "add_watermarker": False}
"""An empty negative prompt is read like any other text, so that it is one text among others and can be kept."""

UNET = {
    "sample_size": 128, "block_out_channels": (320, 640, 1280), "layers_per_block": 2, "cross_attention_dim": 2048,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (5, 10, 20), "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}  # fmt: skip
XL_VAE = {**VAE, "sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True}
CLIP_BIG_G = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32,
    "projection_dim": 1280, "hidden_act": "gelu", "vocab_size": 49408, "max_position_embeddings": 77,
    "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1,
}  # fmt: skip
XL_SCHEDULER = {**SCHEDULER, "_class_name": "EulerDiscreteScheduler"}


def tokens(parts: Parts, text: str) -> Tokens:
    """How many tokens `text` takes without its marks, and the words beyond those that are read."""
    return window_tokens(parts["tokenizer"], text)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 77 x windows, 2048), its words weighed, and `pooled_prompt_embeds` (1, 1280) of one text; of
    several windows `EMPTY`, too."""
    return _both(parts, text, encode_windows)


def encode_caption(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 77, 2048) and `pooled_prompt_embeds` (1, 1280) of what one window holds of a text."""
    return _both(parts, text, encode_window)


def _both(parts: Parts, text: str, read: "Callable[[Any, Any, str, int], Encoded]") -> Conditioning:
    import torch

    first, second = (
        read(parts[f"tokenizer{which}"], parts[f"text_encoder{which}"], text, -2) for which in ("", "_2")
    )
    assert second.pooled is not None, "the second encoder of SDXL projects"
    told = {
        "prompt_embeds": torch.cat([first.embeds, second.embeds], -1),
        "pooled_prompt_embeds": second.pooled,
    }
    if first.empty is not None and second.empty is not None:
        told[EMPTY] = torch.cat([first.empty, second.empty], -1)
    return told


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
        noisy,
        timesteps,
        encoder_hidden_states=conditioning["prompt_embeds"],
        added_cond_kwargs={"text_embeds": conditioning["pooled_prompt_embeds"], "time_ids": sizes},
        return_dict=False,
    )[0]
    return answer


FAMILY = Family(
    name="sdxl",
    title=Text("SDXL", "SDXL"),
    size_multiple=8,
    parts=(
        scheduler(XL_SCHEDULER),
        clip_tokenizer("tokenizer"),
        clip_tokenizer("tokenizer_2", padding="!"),
        text_encoder("text_encoder", "CLIPTextModel", CLIP_L, renames=CLIP_RENAMES, from_checkpoint=LDM_CLIP),
        text_encoder(
            "text_encoder_2",
            "CLIPTextModelWithProjection",
            CLIP_BIG_G,
            renames=CLIP_RENAMES,
            from_checkpoint=LDM_OPEN_CLIP,
        ),
        network("unet", "UNet2DConditionModel", UNET, from_checkpoint=LDM_UNET),
        network("vae", "AutoencoderKL", XL_VAE, from_checkpoint=LDM_VAE),
    ),
    denoiser="unet",
    for_encode=("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2"),
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
