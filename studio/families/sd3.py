"""Stable Diffusion 3 and 3.5: medium and large, read by two CLIPs and T5."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.clip_tokenizer import clip_tokenizer
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.parts import CLIP_RENAMES, network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 256
_PIPELINE = "StableDiffusion3Pipeline"
_READERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "tokenizer", "tokenizer_2", "tokenizer_3")


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of T5's tokens `text` takes, and the words beyond them; the CLIPs see the first 75 besides."""
    return stages.count_tokens(parts["tokenizer_3"], text, MOST_TOKENS - 1)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 77 + 256, 4096) and `pooled_prompt_embeds` (1, 2048) of one text."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, _READERS)
    with torch.no_grad():
        embeds, _, pooled, _ = held.encode_prompt(
            text, None, None, do_classifier_free_guidance=False, max_sequence_length=MOST_TOKENS
        )
    return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 16, H/8, W/8) by the pipeline's own loop."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    return stages.run_free(held, sampling, on_step)


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The velocity (B, 16, h, w); this denoiser counts its timesteps to 1000."""
    answer: torch.Tensor = denoiser(
        hidden_states=noisy,
        timestep=timesteps * 1000,
        encoder_hidden_states=conditioning["prompt_embeds"],
        pooled_projections=conditioning["pooled_prompt_embeds"],
        return_dict=False,
    )[0]
    return answer


FAMILY = Family(
    name="sd3",
    title=Text("Stable Diffusion 3", "Stable Diffusion 3"),
    size_multiple=16,
    parts=(
        scheduler(),
        clip_tokenizer("tokenizer"),
        clip_tokenizer("tokenizer_2", padding="!"),
        tokenizer("tokenizer_3", "T5TokenizerFast"),
        text_encoder("text_encoder", "CLIPTextModelWithProjection", renames=CLIP_RENAMES),
        text_encoder("text_encoder_2", "CLIPTextModelWithProjection", renames=CLIP_RENAMES),
        text_encoder("text_encoder_3", "T5EncoderModel"),
        network("transformer", "SD3Transformer2DModel"),
        network("vae", "AutoencoderKL"),
    ),
    denoiser="transformer",
    for_encode=_READERS,
    for_sample=("scheduler", "transformer", "vae"),
    for_decode=("vae",),
    for_picture=("vae",),
    fp16_is_safe=True,
    tokens=tokens,
    encode=encode,
    sample=sample,
    decode=stages.decode_kl,
    encode_picture=stages.encode_kl,
    predict=predict,
    is_flow=True,
    pipelines=(_PIPELINE,),
)
