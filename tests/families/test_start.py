"""Beginning with a picture: the same rule for every family, and diffusers' own pipelines to the bit."""

import importlib

import pytest

from studio.families import families
from studio.families.family import Sampling
from studio.schedulers.build import build
from studio.schedulers.flow import FLOW_SAMPLERS
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.start import Start, shortened

STEPS = 10
EVERY = [(name, sampler) for name, family in families().items()
         for sampler in (FLOW_SAMPLERS if family.is_flow else SAMPLERS)]  # fmt: skip
PIPELINES = {
    "flux": "FluxImg2ImgPipeline",
    "kolors": "KolorsImg2ImgPipeline",
    "sd15": "StableDiffusionImg2ImgPipeline",
    "sd3": "StableDiffusion3Img2ImgPipeline",
    "sdxl": "StableDiffusionXLImg2ImgPipeline",
}


@pytest.fixture(scope="module")
def begun(opened):
    """Latents (1, C, 8, 12) to begin with, and both texts."""
    import torch

    def of(name):
        held = opened(name)
        family = held.family
        rgb = torch.linspace(-1, 1, 3 * 64 * 96).reshape(1, 3, 64, 96)
        negative = family.encode(held.parts, "blurry") if family.guidance == "free" else None
        return family.encode_picture(held.parts, rgb)[0], family.encode(held.parts, "a red house"), negative

    return of


def sampled(held, begun, sampler, strength, is_whole=False):
    import torch

    latents, positive, negative = begun
    walked, steps = shortened(STEPS, strength)
    start = Start(held.family.pack(latents), walked, is_whole=is_whole)
    scheduler = build(held.parts["scheduler"], sampler, "auto", steps, start)
    dice = torch.Generator().manual_seed(3)
    asked = Sampling(positive, negative, 96, 64, steps, 3.0, dice, scheduler.begin)
    calls = []
    made = held.family.sample(held.parts, scheduler, asked, lambda *told: calls.append(told))
    return made, len(calls)


@pytest.mark.long
@pytest.mark.parametrize(("name", "sampler"), EVERY)
def test_the_stronger_the_further_from_the_start(opened, begun, name, sampler):
    import torch

    held, given = opened(name), begun(name)
    apart = []
    for strength in (0.2, 0.5, 0.9):
        made, calls = sampled(held, given, sampler, strength)
        assert made.shape == given[0].shape
        steps = round(STEPS * strength)
        assert calls in (
            steps,
            2 * steps - 1,
            2 * steps - 2,
        )  # Heun calls twice a step, but for the last and a far one
        apart.append(float((made - given[0]).std()))
    assert 0 < apart[0] < min(apart[1:])
    if sampler == "euler":  # others add noise of their own
        assert apart == sorted(apart)
    whole, _ = sampled(held, given, sampler, 1.0)
    assert bool(torch.isfinite(whole).all())


@pytest.mark.long
@pytest.mark.parametrize("name", families())
def test_the_whole_way_is_the_picture_from_noise(opened, begun, name):
    import torch

    held, given = opened(name), begun(name)
    made, _ = sampled(held, given, "euler", 1.0, is_whole=True)
    scheduler = build(held.parts["scheduler"], "euler", "auto", STEPS)
    asked = Sampling(given[1], given[2], 96, 64, STEPS, 3.0, torch.Generator().manual_seed(3))
    plain = held.family.sample(held.parts, scheduler, asked, lambda *_: None)
    assert float((made - plain).abs().max()) < 1e-4


@pytest.mark.parametrize("name", PIPELINES)
def test_equals_the_pipeline_of_diffusers(opened, begun, name):
    import torch

    held, (latents, positive, negative) = opened(name), begun(name)
    networks = {key: part for key, part in held.parts.items() if key != "scheduler"}
    kind = getattr(importlib.import_module("diffusers"), PIPELINES[name])
    theirs = kind(**networks, scheduler=held.pipeline.scheduler, **_more(name))
    theirs.set_progress_bar_config(disable=True)
    texts = {**positive, **{f"negative_{key}": value for key, value in (negative or {}).items()}}
    if name == "kolors":  # its call forgets the pooled states that it is given
        theirs.encode_prompt = lambda **_: tuple(
            side[key] for key in ("prompt_embeds", "pooled_prompt_embeds") for side in (positive, negative)
        )
    # Kolors' tells the denoiser a size of its own unless it is given one
    size = {"width": 96, "height": 64} if held.family.is_flow or name == "kolors" else {}
    last = []

    def keep(_, __, ___, told):
        last[:] = [told["latents"]]
        return told

    for strength in (0.2, 0.5, 0.8):
        ours, _ = sampled(held, (latents, positive, negative), "euler", strength)
        theirs(
            image=latents, strength=strength, num_inference_steps=STEPS, **texts, guidance_scale=3.0, **size,
            generator=[torch.Generator().manual_seed(3)], output_type="latent", callback_on_step_end=keep,
        )  # fmt: skip
        assert float((ours - held.family.unpack(last[0], 96, 64)).abs().max()) < 1e-4


def _more(name):
    if name == "sd15":
        return {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    if name == "sdxl":
        return {"add_watermarker": False, "force_zeros_for_empty_prompt": False}
    return {"force_zeros_for_empty_prompt": False} if name == "kolors" else {}
