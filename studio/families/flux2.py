"""Flux.2 dev: guidance distilled into the denoiser, read by Mistral Small 3, latents normalised patch by patch.

Outside the pipeline its latents stand like everybody's, (B, 32, H/8, W/8), normalised."""

from typing import TYPE_CHECKING

from studio.families import stages
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling, Tokens
from studio.families.parts import network, scheduler, text_encoder, tokenizer
from studio.words import Text

if TYPE_CHECKING:
    from typing import Any

    import torch

MOST_TOKENS = 512
_PIPELINE = "Flux2Pipeline"
_RENAMES = (
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^(vision_tower|multi_modal_projector)\.", r"model.\1."),
)
"""Mistral Small's files are older than the level `model` of its class."""


def tokens(parts: Parts, text: str) -> Tokens:
    """How many of the tokens besides the chat's own `text` takes, and the words beyond them."""
    from diffusers.pipelines.flux2.pipeline_flux2 import format_input

    reader = parts["tokenizer"]
    chat = reader.apply_chat_template(format_input([stages.MARK]), tokenize=False)[0]
    before = len(reader(chat.split(stages.MARK)[0], add_special_tokens=False)["input_ids"])
    return stages.count_tokens(reader, text, MOST_TOKENS - before)


def encode(parts: Parts, text: str) -> Conditioning:
    """`prompt_embeds` (1, 512, 15360) of one text: three layers of the text encoder side by side."""
    import torch

    held = stages.pipeline(_PIPELINE, parts, ("text_encoder", "tokenizer"))
    with torch.no_grad():
        embeds, _ = held.encode_prompt(text, max_sequence_length=MOST_TOKENS)
    return {"prompt_embeds": embeds}


def sample(parts: Parts, scheduler: "Any", sampling: Sampling, on_step: OnStep) -> "torch.Tensor":
    """Latents (1, 32, H/8, W/8) by the pipeline's own loop, which packs them 2 x 2."""
    held = stages.pipeline(_PIPELINE, parts, ("vae", "transformer"), scheduler)
    packed = stages.run(held, sampling, on_step, **sampling.positive, guidance_scale=sampling.guidance)
    return stages.unpack(packed, sampling.width, sampling.height)


def decode(parts: Parts, latents: "torch.Tensor") -> "torch.Tensor":
    """RGB (1, 3, H, W) in [0, 1]."""
    import torch

    vae = parts["vae"]
    height, width = latents.shape[-2:]
    with torch.no_grad():
        rows = stages.pack(latents.to(vae.device, vae.dtype))
        mean, deviation = _statistics(vae, rows)
        z = stages.unpack(rows * deviation + mean, 8 * width, 8 * height)
        return stages.to_rgb(vae.decode(z, return_dict=False)[0])


def encode_picture(parts: Parts, rgb: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Mean and standard deviation (B, 32, H/8, W/8) of the latents of RGB (B, 3, H, W) in [-1, 1], in float32."""
    import torch

    vae = parts["vae"]
    with torch.no_grad():
        posterior = vae.encode(rgb.to(vae.device, vae.dtype)).latent_dist
    height, width = rgb.shape[-2:]
    rows = stages.pack(posterior.mean.float())
    mean, deviation = _statistics(vae, rows)
    spread = stages.pack(posterior.std.float())
    return (
        stages.unpack((rows - mean) / deviation, width, height),
        stages.unpack(spread / deviation, width, height),
    )


def predict(
    denoiser: "Any",
    noisy: "torch.Tensor",
    timesteps: "torch.Tensor",
    conditioning: Conditioning,
    sizes: "torch.Tensor",
) -> "torch.Tensor":
    """The velocity (B, 32, h, w). A denoiser with distilled guidance is told 1, as it is where it is trained."""
    import torch

    height, width = noisy.shape[-2:]
    embeds = conditioning["prompt_embeds"]
    answer = denoiser(
        hidden_states=stages.pack(noisy),
        timestep=timesteps,
        guidance=torch.ones_like(timesteps) if denoiser.config.guidance_embeds else None,
        encoder_hidden_states=embeds,
        txt_ids=_places(noisy, 1, 1, embeds.shape[1]),
        img_ids=_places(noisy, height // 2, width // 2, 1),
        return_dict=False,
    )[0]
    return stages.unpack(answer, 8 * width, 8 * height)


def _places(like: "torch.Tensor", height: int, width: int, length: int) -> "torch.Tensor":
    """Where each row of picture or text stands (B, height x width x length, 4): picture, row, column, word."""
    import torch

    axes = [torch.arange(count, device=like.device) for count in (1, height, width, length)]
    return torch.cartesian_prod(*axes)[None].expand(len(like), -1, -1)


def _statistics(vae: "Any", like: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Mean and standard deviation of each of a patch's numbers (4C)."""
    import torch

    deviation = torch.sqrt(vae.bn.running_var + vae.config.batch_norm_eps)
    return vae.bn.running_mean.to(like), deviation.to(like)


FAMILY = Family(
    name="flux2",
    title=Text("Flux.2", "Flux.2"),
    size_multiple=16,
    parts=(
        scheduler(),
        tokenizer("tokenizer", "PreTrainedTokenizerFast", ("tokenizer.json",)),
        text_encoder("text_encoder", "Mistral3ForConditionalGeneration", renames=_RENAMES),
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
    guidance="distilled",
    is_flow=True,
    pack=stages.pack,
    unpack=stages.unpack,
    pipelines=(_PIPELINE,),
)
