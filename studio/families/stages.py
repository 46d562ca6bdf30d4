"""What the stages of diffusers' classic pipelines have in common.

A pipeline is made for each stage, with only the parts that the stage depends on and None in the place of all others."""

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from studio.families.family import Conditioning, OnStep, Parts, Sampling, Tokens

if TYPE_CHECKING:
    import torch

MARK = "\N{PILCROW SIGN}"
"""Stands for the prompt where the chat around it is measured."""


def pipeline(kind: str, parts: Parts, names: Iterable[str], scheduler: Any = None, **settings: Any) -> Any:
    """A pipeline of diffusers that holds only the parts of these names."""
    import inspect

    made = getattr(importlib.import_module("diffusers"), kind)
    taken = inspect.signature(made.__init__).parameters.values()
    empty = {p.name: None for p in taken if p.name != "self" and p.default is p.empty}
    held: Any = made(**{**empty, **settings, **{name: parts[name] for name in names}})
    held.scheduler = (
        scheduler  # only now: some constructors correct what they take for a slip in its settings
    )
    held.set_progress_bar_config(disable=True)
    return held


def run(held: Any, sampling: Sampling, on_step: OnStep, **call: Any) -> "torch.Tensor":
    """The pipeline's own loop; gives the last latents as the scheduler keeps them."""
    latents: list[Any] = []
    if sampling.begin is not None:
        held.prepare_latents = _beginning(held.prepare_latents, sampling.begin)

    def after_step(_: Any, index: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        latents[:] = [tensors["latents"]]
        on_step(index, held.num_timesteps, tensors["latents"])
        return tensors

    held(
        **call,
        width=sampling.width,
        height=sampling.height,
        num_inference_steps=sampling.steps,
        generator=[sampling.generator],
        output_type="latent",
        callback_on_step_end=after_step,
    )
    last: torch.Tensor = latents[0]
    return last


def _beginning(draw: Callable[..., Any], begin: "Callable[[torch.Tensor], None]") -> Callable[..., Any]:
    """The pipeline's way of drawing noise, which `begin` then changes in place. What a pipeline takes as `latents` would
    be scaled and packed in a way of its own, and before a flow's scheduler knows its sigmas."""

    def drawn(*given: Any, **named: Any) -> Any:
        noise = draw(*given, **named)
        begin(noise[0] if isinstance(noise, tuple) else noise)
        return noise

    return drawn


def run_free(
    held: Any, sampling: Sampling, on_step: OnStep, strength: str = "guidance_scale"
) -> "torch.Tensor":
    """The same with classifier-free guidance, whose strength is the call's argument of that name."""
    texts, guidance = _both_texts(sampling), free_guidance(sampling)
    return run(held, sampling, on_step, **texts, **{strength: guidance})


def _both_texts(sampling: Sampling) -> Conditioning:
    """The arguments of a pipeline's call that hold the positive and, with guidance, the negative text."""
    negative = {f"negative_{name}": value for name, value in (sampling.negative or {}).items()}
    return {**sampling.positive, **negative}


def free_guidance(sampling: Sampling) -> float:
    """The strength of classifier-free guidance: 1, which is none, without a negative text."""
    return sampling.guidance if sampling.negative is not None else 1.0


def count_tokens(tokenizer: Any, text: str, most: int) -> Tokens:
    """How `text` meets a tokenizer of transformers of which `most` tokens are left for it."""
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    cut = tokenizer.decode(ids[most:]).strip() if len(ids) > most else ""
    return Tokens(used=len(ids), most=most, cut=cut)


def chat_before(tokenizer: Any, **template: Any) -> int:
    """How many tokens of a chat come before what its user says."""
    said = [{"role": "user", "content": MARK}]
    chat = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True, **template)
    return len(tokenizer(chat.split(MARK)[0], add_special_tokens=False)["input_ids"])


def decode_kl(parts: Parts, latents: "torch.Tensor") -> "torch.Tensor":
    """Latents (1, C, H/8, W/8) to RGB (1, 3, H, W) in [0, 1], by an AutoencoderKL."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        z = latents.to(vae.device, vae.dtype)
        if _has_statistics(vae):
            mean, deviation = (_channels(vae, name, z) for name in ("latents_mean", "latents_std"))
            z = z * deviation / vae.config.scaling_factor + mean
        else:
            z = z / vae.config.scaling_factor
            z = z + vae.config.shift_factor if vae.config.shift_factor else z
        return to_rgb(vae.decode(z, return_dict=False)[0])


def encode_kl(parts: Parts, rgb: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Mean and standard deviation (B, C, H/8, W/8), in float32, of the latents of RGB (B, 3, H, W) in [-1, 1], by an
    AutoencoderKL."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        posterior = vae.encode(rgb.to(vae.device, vae.dtype)).latent_dist
    mean, deviation, scale = posterior.mean.float(), posterior.std.float(), vae.config.scaling_factor
    if _has_statistics(vae):
        centre, spread = (_channels(vae, name, mean) for name in ("latents_mean", "latents_std"))
        return (mean - centre) * scale / spread, deviation * scale / spread
    if vae.config.shift_factor:
        mean = mean - vae.config.shift_factor
    return mean * scale, deviation * scale


def to_rgb(picture: "torch.Tensor") -> "torch.Tensor":
    """An autoencoder's [-1, 1] to [0, 1], in float32."""
    rgb: torch.Tensor = (picture.float() / 2 + 0.5).clamp(0, 1)
    return rgb


def pack(latents: "torch.Tensor") -> "torch.Tensor":
    """Latents (B, C, h, w) to one row for each 2 x 2 of them (B, h/2 x w/2, 4C)."""
    b, c, h, w = latents.shape
    patches = latents.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(b, h // 2 * (w // 2), 4 * c)


def unpack(packed: "torch.Tensor", width: int, height: int) -> "torch.Tensor":
    """`pack` the other way round; width and height in pixels, 8 to a latent."""
    b, _, c = packed.shape
    h, w = height // 16, width // 16
    return packed.reshape(b, h, w, c // 4, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(b, c // 4, 2 * h, 2 * w)


def _has_statistics(vae: Any) -> bool:
    return vae.config.latents_mean is not None and vae.config.latents_std is not None


def _channels(vae: Any, name: str, like: "torch.Tensor") -> "torch.Tensor":
    """One number for each channel (1, C, 1, 1)."""
    import torch

    return torch.tensor(getattr(vae.config, name)).view(1, -1, 1, 1).to(like)
