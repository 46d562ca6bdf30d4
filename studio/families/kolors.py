"""Kolors (可图): an SDXL-shaped denoiser that reads Chinese and English through ChatGLM. Storybook is one of them.

The pipeline's own call encodes with 256 tokens always, and the denoiser attends to the padding; so 256 it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.families.family import Conditioning, Family, OnStep, Part, Parts, Sampling, Tokens
from studio.words import Text

if TYPE_CHECKING:
    import torch

MOST_TOKENS = 256
PREFIX_TOKENS = 2  # [gMASK] and sop, which the tokenizer puts before every text


def _open_unet(folder: Path) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(folder)))


def _open_vae(folder: Path) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL.from_config(AutoencoderKL.load_config(str(folder)))


def _open_text_encoder(folder: Path) -> Any:
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

    config = ChatGLMConfig.from_json_file(str(folder / "config.json"))
    return ChatGLMModel(config, empty_init=False)


def _open_tokenizer(folder: Path) -> Any:
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    return ChatGLMTokenizer.from_pretrained(str(folder))


def _open_scheduler(folder: Path) -> dict[str, Any]:
    import json

    config: dict[str, Any] = json.loads((folder / "scheduler_config.json").read_text(encoding="utf-8"))
    return config


def _pipeline(parts: Parts, *names: str, scheduler: Any = None) -> Any:
    """A KolorsPipeline that holds only these parts."""
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    held: dict[str, Any] = dict.fromkeys(("vae", "text_encoder", "tokenizer", "unet"))
    pipeline: Any = KolorsPipeline(**held | {name: parts[name] for name in names}, scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


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

    pipeline = _pipeline(parts, "text_encoder", "tokenizer")
    with torch.no_grad():
        embeds, _, pooled, _ = pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=MOST_TOKENS
        )
    return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}


def sample(parts: Parts, scheduler: Any, sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 4, H/8, W/8) by the pipeline's own loop."""
    pipeline = _pipeline(parts, "vae", "unet", scheduler=scheduler)

    def after_step(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(index, pipeline.num_timesteps, tensors["latents"])
        return tensors

    negative = {f"negative_{name}": value for name, value in (sampling.negative or {}).items()}
    latents: torch.Tensor = pipeline(
        **sampling.positive,
        **negative,
        width=sampling.width,
        height=sampling.height,
        num_inference_steps=sampling.steps,
        guidance_scale=sampling.guidance if sampling.negative is not None else 1.0,
        generator=[sampling.generator],
        output_type="latent",
        callback_on_step_end=after_step,
    ).images
    return latents


def decode(parts: Parts, latents: "torch.Tensor") -> "torch.Tensor":
    """RGB (1, 3, H, W) in [0, 1]."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        rgb = vae.decode(latents.to(vae.device, vae.dtype) / vae.config.scaling_factor, return_dict=False)[0]
        picture: torch.Tensor = (rgb.float() / 2 + 0.5).clamp(0, 1)
    return picture


def encode_picture(parts: Parts, rgb: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Mean and standard deviation (B, 4, H/8, W/8) of the latents of RGB (B, 3, H, W) in [-1, 1], in float32."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        posterior = vae.encode(rgb.to(vae.device, vae.dtype)).latent_dist
    scale = vae.config.scaling_factor
    return posterior.mean.float() * scale, posterior.std.float() * scale


def predict(
    denoiser: Any,
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The denoiser's answer (B, 4, h, w), as the pipeline asks for it."""
    added = {"text_embeds": conditioning["pooled_prompt_embeds"], "time_ids": sizes}
    answer: torch.Tensor = denoiser(
        noisy,
        timesteps,
        encoder_hidden_states=conditioning["prompt_embeds"],
        added_cond_kwargs=added,
        return_dict=False,
    )[0]
    return answer


FAMILY = Family(
    name="kolors",
    title=Text("Kolors", "可图 Kolors"),
    size_multiple=8,
    parts=(
        Part("scheduler", _open_scheduler, ("scheduler_config.json",), is_network=False),
        Part("tokenizer", _open_tokenizer, ("tokenizer.model", "tokenizer_config.json"), is_network=False),
        Part("text_encoder", _open_text_encoder, ("config.json",), unused=("output_layer",)),
        Part("unet", _open_unet, ("config.json",)),
        Part("vae", _open_vae, ("config.json",)),
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
    decode=decode,
    encode_picture=encode_picture,
    predict=predict,
    pipelines=("KolorsPipeline",),
)
