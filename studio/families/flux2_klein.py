"""Flux.2 Klein: the small Flux.2, read by Qwen3, with classifier-free guidance where its base models are asked for it."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.flux2 import decode, encode_picture, predict
from studio.families.parts import network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 512
_PIPELINE = "Flux2KleinPipeline"


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of the tokens besides the chat's own `text` takes, and the words beyond them."""
    before = stages.chat_before(parts["tokenizer"], enable_thinking=False)
    return stages.count_tokens(parts["tokenizer"], text, MOST_TOKENS - before)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 512, 7680) of one text: three layers of the text encoder side by side."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, ("text_encoder", "tokenizer"))
    with torch.no_grad():
        embeds, _ = held.encode_prompt(text, max_sequence_length=MOST_TOKENS)
    return {"prompt_embeds": embeds}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 32, H/8, W/8), normalised, as the last step leaves them: the pipeline's own are not any more."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    packed = stages.run_free(held, sampling, on_step)
    return stages.unpack(packed, sampling.width, sampling.height)


FAMILY = Family(
    name="flux2_klein",
    title=Text("Flux.2 Klein", "Flux.2 Klein"),
    size_multiple=16,
    parts=(
        scheduler(),
        tokenizer("tokenizer", "Qwen2TokenizerFast"),
        text_encoder("text_encoder", "Qwen3ForCausalLM"),
        network("transformer", "Flux2Transformer2DModel"),
        network("vae", "AutoencoderKLFlux2"),
    ),
    denoiser="transformer",
    for_encode=("tokenizer", "text_encoder"),
    for_sample=("scheduler", "transformer", "vae"),
    for_decode=("vae",),
    for_picture=("vae",),
    fp16_is_safe=False,
    tokens=tokens,
    encode=encode,
    sample=sample,
    decode=decode,
    encode_picture=encode_picture,
    predict=predict,
    is_flow=True,
    pack=stages.pack,
    unpack=stages.unpack,
    pipelines=(_PIPELINE,),
)
