"""Qwen-Image: writes Chinese and English into pictures; read by Qwen2.5-VL, decoded by a video autoencoder of one frame."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.parts import network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 512
_PIPELINE = "QwenImagePipeline"
_RENAMES = (
    (r"^model\.(?!language_model\.|visual\.)", "model.language_model."),
    (r"^visual\.", "model.visual."),
)
"""Qwen2.5-VL's files are older than the level `language_model` of its class."""


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of the tokens besides the chat's own `text` takes, and the words beyond them."""
    return stages.count_tokens(parts["tokenizer"], text, MOST_TOKENS)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, L, 3584), L the length of the text, and `prompt_embeds_mask` (1, L), all true."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, ("text_encoder", "tokenizer"))
    with torch.no_grad():
        embeds, mask = held.encode_prompt(text, max_sequence_length=MOST_TOKENS)
    if mask is None:
        mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)
    return {"prompt_embeds": embeds, "prompt_embeds_mask": mask.bool()}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 16, H/8, W/8) by the pipeline's own loop, which packs them 2 x 2."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    packed = stages.run_free(held, sampling, on_step, "true_cfg_scale")
    return stages.unpack(packed, sampling.width, sampling.height)


def decode(parts: Parts, latents: "torch.Tensor") -> "torch.Tensor":
    """RGB (1, 3, H, W) in [0, 1]."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        frames = latents.unsqueeze(2).to(vae.device, vae.dtype)
        z = frames / (1.0 / _channels(vae, "latents_std", frames)) + _channels(vae, "latents_mean", frames)
        return stages.to_rgb(vae.decode(z, return_dict=False)[0][:, :, 0])


def encode_picture(parts: Parts, rgb: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Mean and standard deviation (B, 16, H/8, W/8) of the latents of RGB (B, 3, H, W) in [-1, 1], in float32."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        posterior = vae.encode(rgb.unsqueeze(2).to(vae.device, vae.dtype)).latent_dist
    mean, spread = posterior.mean.float(), posterior.std.float()
    centre, scale = (_channels(vae, name, mean) for name in ("latents_mean", "latents_std"))
    return ((mean - centre) / scale)[:, :, 0], (spread / scale)[:, :, 0]


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The velocity (B, 16, h, w)."""
    height, width = noisy.shape[-2:]
    mask = conditioning["prompt_embeds_mask"].bool()
    answer = denoiser(
        hidden_states=stages.pack(noisy),
        timestep=timesteps,
        encoder_hidden_states=conditioning["prompt_embeds"],
        encoder_hidden_states_mask=None if bool(mask.all()) else mask,
        img_shapes=[[(1, height // 2, width // 2)]] * len(noisy),
        return_dict=False,
    )[0]
    return stages.unpack(answer, 8 * width, 8 * height)


def _channels(vae: "Any", name: str, like: "torch.Tensor") -> "torch.Tensor":
    """One number for each channel (1, C, 1, 1, 1)."""
    import torch

    return torch.tensor(getattr(vae.config, name)).view(1, -1, 1, 1, 1).to(like)


FAMILY = Family(
    name="qwen_image",
    title=Text("Qwen-Image", "通义 Qwen-Image"),
    size_multiple=16,
    parts=(
        scheduler(),
        tokenizer("tokenizer", "Qwen2TokenizerFast"),
        text_encoder("text_encoder", "Qwen2_5_VLForConditionalGeneration", renames=_RENAMES),
        network("transformer", "QwenImageTransformer2DModel"),
        network("vae", "AutoencoderKLQwenImage"),
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
