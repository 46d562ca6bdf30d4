"""Every family keeps the contract of encode, sample and decode."""

import subprocess
import sys

import pytest

from studio.families import families
from studio.families.family import Sampling
from studio.schedulers.build import build

PROMPT = "a red house on green grass, 夜晚"


@pytest.mark.parametrize("name", families())
def test_family_names_its_parts(name):
    family = families()[name]
    parts = [part.name for part in family.parts]
    assert family.name == name
    assert family.size_multiple % 8 == 0
    assert {family.denoiser, *family.for_encode, *family.for_sample, *family.for_decode} == set(parts)
    assert family.title.en
    assert family.title.zh
    assert all(pipeline.endswith("Pipeline") for pipeline in family.pipelines)
    assert family.pipelines, "a folder without a card is recognised by its pipeline's class"


def test_listing_families_brings_in_no_torch():
    code = (
        "import sys; from studio.families import families; families();"
        "import studio.schedulers.build, studio.studio, studio.engine.host;"
        "sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def parts(tiny_kolors):
    import torch

    from studio.engine.load import open_part

    return {
        part.name: open_part(part, tiny_kolors, "cpu", torch.float32) for part in families()["kolors"].parts
    }


@pytest.fixture(scope="module")
def pipeline(parts):
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    from studio.schedulers.build import _scheduler
    from studio.schedulers.samplers import SAMPLERS

    networks = {name: part for name, part in parts.items() if name != "scheduler"}
    pipeline = KolorsPipeline(**networks, scheduler=_scheduler(SAMPLERS["euler"], parts["scheduler"]))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("size", [(64, 64), (96, 40)])
@pytest.mark.parametrize("negative", ["", "blurry 模糊"])
def test_kolors_stages_equal_the_pipeline(parts, pipeline, guidance, size, negative):
    import torch

    family, (width, height) = families()["kolors"], size
    told = {"width": width, "height": height, "num_inference_steps": 4, "guidance_scale": guidance}
    wanted = pipeline(
        PROMPT,
        negative_prompt=negative,
        generator=[torch.Generator().manual_seed(3)],
        output_type="latent",
        **told,
    ).images
    positive = family.encode({name: parts[name] for name in family.for_encode}, PROMPT)
    against = family.encode({name: parts[name] for name in family.for_encode}, negative)
    noise = torch.Generator().manual_seed(3)
    sampling = Sampling(positive, against if guidance > 1 else None, width, height, 4, guidance, noise)
    seen = []
    without_encoder = {name: parts[name] for name in family.for_sample}
    scheduler = build(parts["scheduler"], "euler", "auto", 4)
    latents = family.sample(without_encoder, scheduler, sampling, lambda i, n, z: seen.append((i, n)))
    assert torch.equal(latents, wanted)
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]
    picture = family.decode({name: parts[name] for name in family.for_decode}, latents)
    with torch.no_grad():
        decoded = pipeline.vae.decode(wanted / pipeline.vae.config.scaling_factor, return_dict=False)[0]
    assert torch.equal(picture, pipeline.image_processor.postprocess(decoded, output_type="pt"))


def test_kolors_equals_the_pipeline_as_its_users_load_it(parts, tiny_kolors):
    import torch
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    loaded = KolorsPipeline.from_pretrained(tiny_kolors, dtype=torch.float32)
    loaded.set_progress_bar_config(disable=True)
    embeds, _, pooled, _ = loaded.encode_prompt(PROMPT, do_classifier_free_guidance=False)
    wanted = loaded(
        prompt_embeds=embeds,
        pooled_prompt_embeds=pooled,
        guidance_scale=1.0,
        num_inference_steps=4,
        width=64,
        height=64,
        generator=[torch.Generator().manual_seed(0)],
        output_type="latent",
    ).images
    family = families()["kolors"]
    positive = family.encode(parts, PROMPT)
    sampling = Sampling(positive, None, 64, 64, 4, 1.0, torch.Generator().manual_seed(0))
    scheduler = build(parts["scheduler"], "euler", "auto", 4)
    latents = family.sample(parts, scheduler, sampling, lambda *_: None)
    assert (latents - wanted).abs().max() < 1e-4


def test_kolors_tells_where_the_tokenizer_cuts(parts):
    tokens = families()["kolors"].tokens(parts, "red house " * 400)
    assert tokens.used > tokens.most == 254
    assert tokens.cut.endswith("red house")
    assert families()["kolors"].tokens(parts, "a red house").cut == ""


def test_kolors_cut_tail_changes_nothing(parts):
    import torch

    family = families()["kolors"]
    text = "red house " * 400
    kept = parts["tokenizer"].convert_tokens_to_string(parts["tokenizer"].tokenize(text)[:254])
    whole, shortened = family.encode(parts, text), family.encode(parts, kept)
    assert all(torch.equal(whole[name], shortened[name]) for name in whole)


def test_kolors_answers_training_as_it_answers_the_pipeline(parts, pipeline):
    """`predict` is the very call that the pipeline makes at a step."""
    import torch

    family, seen = families()["kolors"], []

    def listen(_, given, named, output):
        seen.append((given, named, output[0]))

    hook = parts["unet"].register_forward_hook(listen, with_kwargs=True)
    try:
        pipeline(PROMPT, width=72, height=64, num_inference_steps=1, guidance_scale=1.0, output_type="latent")
    finally:
        hook.remove()
    ((noisy, timestep), named, wanted) = seen[0]
    conditioning = family.encode(parts, PROMPT)
    sizes = torch.tensor([[64.0, 72, 0, 0, 64, 72]])
    with torch.no_grad():
        answer = family.predict(parts["unet"], noisy, timestep.reshape(1), conditioning, sizes)
    assert torch.equal(named["encoder_hidden_states"], conditioning["prompt_embeds"])
    assert torch.allclose(answer, wanted, atol=1e-6)


def test_kolors_encodes_pictures_as_its_decoder_expects_them(parts):
    import torch

    family, vae = families()["kolors"], parts["vae"]
    rgb = torch.rand(2, 3, 64, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mean, deviation = family.encode_picture(parts, rgb)
    with torch.no_grad():
        posterior = vae.encode(rgb).latent_dist
        decoded = vae.decode(posterior.mean).sample
    assert torch.allclose(mean, posterior.mean * vae.config.scaling_factor)
    assert torch.allclose(deviation, posterior.std * vae.config.scaling_factor)
    assert torch.allclose(family.decode(parts, mean), (decoded / 2 + 0.5).clamp(0, 1), atol=1e-5)
