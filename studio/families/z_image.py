"""Z-Image and its turbo variant: one stream of picture and text, read by Qwen3.

A text of any length goes in without padding; its states are kept with a mask, so that texts can be stacked."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.parts import network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 512
_PIPELINE = "ZImagePipeline"


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of the tokens besides the chat's own `text` takes, and the words beyond them."""
    before = stages.chat_before(parts["tokenizer"], enable_thinking=True)
    return stages.count_tokens(parts["tokenizer"], text, MOST_TOKENS - before)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, L, 2560), L the length of the text, and `prompt_embeds_mask` (1, L), all true."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, ("text_encoder", "tokenizer"))
    with torch.no_grad():
        states, _ = held.encode_prompt(
            [text], do_classifier_free_guidance=False, max_sequence_length=MOST_TOKENS
        )
    embeds = states[0][None]
    mask = torch.ones(embeds.shape[:2], dtype=torch.bool, device=embeds.device)
    return {"prompt_embeds": embeds, "prompt_embeds_mask": mask}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 16, H/8, W/8) in float32 by the pipeline's own loop, which counts guidance from 0."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    negative = {"negative_prompt_embeds": _texts(sampling.negative)} if sampling.negative else {}
    return stages.run(
        held,
        sampling,
        on_step,
        prompt_embeds=_texts(sampling.positive),
        **negative,
        guidance_scale=stages.free_guidance(sampling) - 1,
    )


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The velocity (B, 16, h, w); this denoiser counts time from noise to picture, and answers the other way round."""
    import torch

    answers = denoiser(list(noisy.unsqueeze(2)), 1 - timesteps, _texts(conditioning), return_dict=False)[0]
    return -torch.stack(list(answers)).squeeze(2)


def _texts(conditioning: Conditioning) -> "list[torch.Tensor]":
    """The states of each text, without what pads them."""
    masks = conditioning["prompt_embeds_mask"].bool()
    return [states[mask] for states, mask in zip(conditioning["prompt_embeds"], masks, strict=True)]


FAMILY = Family(
    name="z_image",
    title=Text("Z-Image", "Z-Image 造相"),
    size_multiple=16,
    parts=(
        scheduler(),
        tokenizer("tokenizer", "Qwen2TokenizerFast"),
        text_encoder("text_encoder", "Qwen3Model", renames=((r"^model\.", ""),)),
        network("transformer", "ZImageTransformer2DModel"),
        network("vae", "AutoencoderKL"),
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
    decode=stages.decode_kl,
    encode_picture=stages.encode_kl,
    predict=predict,
    is_flow=True,
    pipelines=(_PIPELINE,),
)
