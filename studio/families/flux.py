"""Flux.1: dev, whose guidance is distilled into the denoiser, and schnell, which needs neither guidance nor many steps."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.clip_tokenizer import clip_tokenizer
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.parts import CLIP_RENAMES, network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 512
_PIPELINE = "FluxPipeline"


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of T5's tokens `text` takes, and the words beyond them; CLIP sees the first 75 besides."""
    return stages.count_tokens(parts["tokenizer_2"], text, MOST_TOKENS - 1)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 512, 4096) by T5 and `pooled_prompt_embeds` (1, 768) by CLIP."""
    import torch

    names = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")
    held = stages.pipeline(_PIPELINE, parts, names)
    with torch.no_grad():
        embeds, pooled, _ = held.encode_prompt(text, None, max_sequence_length=MOST_TOKENS)
    return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 16, H/8, W/8) by the pipeline's own loop, which packs them 2 x 2."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    packed = stages.run(held, sampling, on_step, **sampling.positive, guidance_scale=sampling.guidance)
    return stages.unpack(packed, sampling.width, sampling.height)


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The velocity (B, 16, h, w). A denoiser with distilled guidance is told 1, as it is where it is trained."""
    import torch

    height, width = noisy.shape[-2:]
    places = torch.zeros(height // 2, width // 2, 3)
    places[..., 1] += torch.arange(height // 2)[:, None]
    places[..., 2] += torch.arange(width // 2)[None, :]
    embeds = conditioning["prompt_embeds"]
    answer = denoiser(
        hidden_states=stages.pack(noisy),
        timestep=timesteps,
        guidance=torch.ones_like(timesteps) if denoiser.config.guidance_embeds else None,
        pooled_projections=conditioning["pooled_prompt_embeds"],
        encoder_hidden_states=embeds,
        txt_ids=noisy.new_zeros(embeds.shape[1], 3),
        img_ids=places.reshape(-1, 3).to(noisy),
        return_dict=False,
    )[0]
    return stages.unpack(answer, 8 * width, 8 * height)


FAMILY = Family(
    name="flux",
    title=Text("Flux.1", "Flux.1"),
    size_multiple=16,
    parts=(
        scheduler(),
        clip_tokenizer("tokenizer"),
        tokenizer("tokenizer_2", "T5TokenizerFast"),
        text_encoder("text_encoder", "CLIPTextModel", renames=CLIP_RENAMES),
        text_encoder("text_encoder_2", "T5EncoderModel"),
        network("transformer", "FluxTransformer2DModel"),
        network("vae", "AutoencoderKL"),
    ),
    denoiser="transformer",
    for_encode=("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2"),
    for_sample=("scheduler", "transformer", "vae"),
    for_decode=("vae",),
    for_picture=("vae",),
    fp16_is_safe=False,
    tokens=tokens,
    encode=encode,
    sample=sample,
    decode=stages.decode_kl,
    encode_picture=stages.encode_kl,
    predict=predict,
    guidance="distilled",
    is_flow=True,
    pack=stages.pack,
    unpack=stages.unpack,
    pipelines=(_PIPELINE,),
)
