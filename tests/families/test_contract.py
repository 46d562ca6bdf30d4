"""What every family keeps: its stages are the pipeline's single call, to the bit, with the text encoders put away."""

import inspect

import pytest

from studio.engine.load import open_part
from studio.families import families
from studio.families.family import Sampling
from studio.schedulers.build import build
from studio.schedulers.flow import is_flow

EVERY = pytest.mark.parametrize("name", families())
PROMPT, NEGATIVE = "a red house, 夜晚", "blurry"
STEPS = 3


class Stop(BaseException):
    """Raised out of a step."""


def only(parts, names):
    return {name: parts[name] for name in names}


def dice(seed=3):
    import torch

    return torch.Generator().manual_seed(seed)


def staged(model, size=(64, 64), guidance=4.0, seed=3, on_step=lambda *_: None, negative=NEGATIVE):
    """Latents and picture by the family's stages, each with only the parts that it names."""
    family, parts = model.family, model.parts
    reading = only(parts, family.for_encode)
    against = family.encode(reading, negative) if family.guidance == "free" and guidance > 1 else None
    sampling = Sampling(family.encode(reading, PROMPT), against, *size, STEPS, guidance, dice(seed))
    scheduler = build(parts["scheduler"], "euler", "auto", STEPS)
    latents = family.sample(only(parts, family.for_sample), scheduler, sampling, on_step)
    return latents, family.decode(only(parts, family.for_decode), latents)


def called(model, size=(64, 64), guidance=4.0, seed=3, output_type="pt"):
    """What the pipeline makes of the same in a single call."""
    pipeline, known = model.pipeline, inspect.signature(model.pipeline.__call__).parameters
    told = {"true_cfg_scale" if model.family.name == "qwen_image" else "guidance_scale": guidance}
    if model.family.name == "z_image":
        told["guidance_scale"] -= 1
    if "negative_prompt" in known and model.family.guidance == "free" and guidance > 1:
        told["negative_prompt"] = NEGATIVE
    if model.family.name == "flux2_klein" and guidance > 1:
        told["negative_prompt_embeds"] = pipeline.encode_prompt(NEGATIVE)[0]
    return pipeline(
        prompt=PROMPT, width=size[0], height=size[1], num_inference_steps=STEPS, generator=[dice(seed)],
        output_type=output_type, **told,
    ).images  # fmt: skip


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("size", "guidance"), [((64, 64), 4.0), ((96, 32), 1.0)])
def test_stages_are_the_single_call(opened, name, dtype, size, guidance):
    import torch

    model, seen = opened(name, dtype), []
    latents, picture = staged(model, size, guidance, on_step=lambda i, n, z: seen.append((i, n)))
    wanted = called(model, size, guidance)
    assert picture.shape == (1, 3, size[1], size[0])
    assert latents.shape[0] == 1
    assert latents.shape[2:] == (size[1] // 8, size[0] // 8)
    assert seen == [(0, STEPS), (1, STEPS), (2, STEPS)]
    if dtype == "float32":
        assert torch.equal(picture, wanted)
    else:  # the pipeline's own picture is rounded to bfloat16
        assert (picture - wanted.float()).abs().max() <= 2**-8


@EVERY
@pytest.mark.long
def test_each_text_changes_the_picture(opened, name):
    """Otherwise the test above would compare pictures that no text had reached."""
    model = opened(name)
    plain, _ = staged(model)
    if model.family.guidance == "free":
        other, _ = staged(model, negative="sharp, 清晰")
        assert not bool((plain == other).all())
    weaker, _ = staged(model, guidance=2.0)
    assert not bool((plain == weaker).all())


@EVERY
def test_the_engine_loads_what_diffusers_saved(opened, name):
    import torch
    from diffusers import DiffusionPipeline

    model = opened(name)
    loaded = DiffusionPipeline.from_pretrained(model.folder, dtype=torch.float32)
    for part in model.family.parts:
        if part.is_network:
            theirs, ours = getattr(loaded, part.name).state_dict(), model.parts[part.name].state_dict()
            assert set(theirs) - set(ours) <= {f"{unused}.weight" for unused in part.unused}
            assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert is_flow(model.parts["scheduler"]) == model.family.is_flow


@EVERY
def test_networks_are_complete_in_half_precision(tiny, name):
    import torch

    for part in families()[name].parts:
        if part.is_network:
            network = open_part(part, tiny(name), "cpu", torch.bfloat16)
            assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
            assert not any(tensor.is_meta for tensor in network.state_dict().values())
            assert not network.training


@EVERY
def test_cancelled_sampling_leaves_nothing_behind(opened, name):
    import torch

    def stop(index, *_):
        if index == 1:
            raise Stop

    model = opened(name)
    before, _ = staged(model)
    with pytest.raises(Stop):
        staged(model, seed=8, on_step=stop)
    after, _ = staged(model)
    assert torch.equal(before, after)


@EVERY
def test_predict_is_what_the_pipeline_asks_its_denoiser(opened, name):
    """The answer at a step of the pipeline is the one that training gets, in the convention of the scheduler."""
    import torch

    model, steps = opened(name), []
    family, parts = model.family, model.parts
    scheduler = build(parts["scheduler"], "euler", "auto", 2)
    step = scheduler.inner.step

    def listen(output, timestep, sample, **more):
        sigma = scheduler.inner.sigmas[scheduler.inner.step_index or 0]
        steps.append((output, timestep, sigma, sample))
        return step(output, timestep, sample, **more)

    scheduler.inner.step = listen
    size, told = (96, 64), family.encode(only(parts, family.for_encode), PROMPT)
    sampling = Sampling(told, None, *size, 2, 1.0, dice())
    family.sample(only(parts, family.for_sample), scheduler, sampling, lambda *_: None)
    for output, timestep, sigma, sample in steps:
        noisy = family.unpack(sample, *size)
        if not family.is_flow:
            noisy = noisy / (sigma**2 + 1) ** 0.5
        time = sigma if family.is_flow else timestep
        sizes = torch.tensor([[64.0, 96, 0, 0, 64, 96]])
        with torch.no_grad():
            answer = family.predict(parts[family.denoiser], noisy, time.reshape(1), told, sizes)
        assert torch.allclose(answer, family.unpack(output, *size), atol=2e-5), name


@EVERY
def test_pictures_are_encoded_as_the_decoder_expects_them(opened, name):
    import torch

    model = opened(name)
    family, vae = model.family, model.parts["vae"]
    rgb = torch.rand(2, 3, 64, 32, generator=dice(1)) * 2 - 1
    mean, deviation = family.encode_picture(only(model.parts, family.for_picture), rgb)
    assert mean.shape == deviation.shape
    assert mean.shape[2:] == (8, 4)
    assert bool((deviation > 0).all())
    film = name == "qwen_image"
    with torch.no_grad():
        own = vae.encode(rgb.unsqueeze(2) if film else rgb).latent_dist
        decoded = vae.decode(own.mean).sample
    decoded = decoded[:, :, 0] if film else decoded
    assert torch.allclose(
        family.decode(only(model.parts, family.for_decode), mean), (decoded / 2 + 0.5).clamp(0, 1), atol=1e-4
    )


@EVERY
def test_cut_words_are_told(opened, name):
    model = opened(name)
    assert model.family.tokens(model.parts, "red house").cut == ""
    counted = model.family.tokens(model.parts, "red house " * 400)
    assert counted.used > counted.most
    assert "house" in counted.cut


@EVERY
def test_lora_goes_on_and_off_exactly(opened, name):
    """A LoRA on the attention layers changes the picture, and taken off has never been there."""
    from types import SimpleNamespace

    import torch

    from studio.lora.attach import activate, attach, detach
    from studio.lora.layer import Layer
    from studio.lora.match import Match, shapes_of

    shared = opened(name)
    family = shared.family
    network = open_part(family.part(family.denoiser), shared.folder, "cpu", torch.float32)
    model = SimpleNamespace(family=family, parts={**shared.parts, family.denoiser: network})
    layers = {
        layer: Layer(
            torch.randn(2, shape[1], generator=dice()), torch.randn(shape[0], 2, generator=dice()), 2.0
        )
        for layer, shape in shapes_of(network).items()
        if layer.endswith((".to_q", ".to_v", ".to_out.0", ".to_qkv_mlp_proj"))
    }
    assert layers
    before, _ = staged(model)
    attach(network, "ink", Match(layers, len(layers), (), name, "file"))
    activate(network, {"ink": 1.0})
    changed, _ = staged(model)
    activate(network, {})
    off, _ = staged(model)
    detach(network, "ink")
    after, _ = staged(model)
    assert not torch.equal(before, changed)
    assert torch.equal(before, off)
    assert torch.equal(before, after)
