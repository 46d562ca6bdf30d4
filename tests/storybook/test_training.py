"""The training code of Storybook agrees with the pipeline that will run what it makes."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.storybook import autoencoder, conditioning, denoiser, networks, pretrain, reading, tokenizer
from studio.storybook.captions import caption
from studio.storybook.pool import LONGEST, plan, word_ids
from studio.storybook.recipe import FULL, SMOKE
from studio.storybook.scene import HELD_OUT, draw_lot


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    tokenizer.train(file, FULL.vocabulary, 6_000)
    return file


def test_compact_prompts_equal_the_pipelines(tokenizer_file: Path) -> None:
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, KolorsPipeline

    torch.manual_seed(0)
    names = tokenizer.load(tokenizer_file)
    text, unet = networks.build_text_encoder(SMOKE, names.vocab_size), networks.build_unet(SMOKE)
    pipe = KolorsPipeline(
        AutoencoderKL(),
        text.eval(),
        names,
        unet.eval(),
        EulerDiscreteScheduler(prediction_type="v_prediction"),
    )
    rng = random.Random(1)
    captions = [caption(draw_lot(seed), "zh" if seed % 2 else "en", rng) for seed in range(8)] + [""]
    prompt = _compact(names, captions)
    noisy, t = torch.randn(9, 4, 8, 8), torch.arange(9) * 100
    with torch.no_grad():
        wanted, _, wanted_pooled, _ = pipe.encode_prompt(captions, do_classifier_free_guidance=False)
        states, pooled = conditioning.encode(text, prompt)
        said = {"text_embeds": pooled, "time_ids": denoiser.time_ids((64, 64), 9, noisy.device)}
        ours = unet(
            noisy,
            t,
            states,
            None,
            None,
            None,
            None,
            said,
            encoder_attention_mask=conditioning.attention_mask(prompt),
        )
        theirs = unet(noisy, t, wanted, added_cond_kwargs=said)
    assert torch.allclose(pooled, wanted_pooled, atol=1e-5)
    for row, count in enumerate(prompt.count[:, 0].tolist()):
        assert torch.allclose(states[row, 1 : count + 1], wanted[row, -count:], atol=1e-5)
        assert torch.allclose(states[row, :1].expand(256 - count, -1), wanted[row, :-count], atol=1e-5)
    assert torch.allclose(ours.sample, theirs.sample, atol=1e-4)


def test_chinese_is_read_word_by_word(tokenizer_file: Path) -> None:
    pieces = tokenizer.load(tokenizer_file).tokenizer.sp_model.encode(
        "一只绿色的猫在小船的左边", out_type=str
    )
    assert pieces[-9:] == ["一", "只", "绿色", "的", "猫", "在", "小船", "的", "左边"]


@pytest.mark.long
def test_reading_is_learnt(tokenizer_file: Path) -> None:
    names = tokenizer.load(tokenizer_file)
    recipe = replace(
        SMOKE, reading_steps=40, reading_batch=64, reading_rate=3e-3, text_width=64, reading_seconds=3600
    )
    torch.manual_seed(0)
    text = networks.build_text_encoder(recipe, names.vocab_size)
    prompting = conditioning.Prompting(tuple(names.get_prefix_tokens()), names.pad_token_id)
    lessons, check = (
        reading.lessons(count, tokenizer_file, 1, torch.device("cpu"), held_out)
        for count, held_out in ((600, False), (100, True))
    )
    told: list[str] = []
    reading.teach(text, lessons, check, prompting, recipe, told.append)
    assert len([line for line in told if "held-out" in line]) == 2
    losses = [float(line.rsplit(" ", 1)[1]) for line in told if " loss " in line]
    assert losses[-1] < 17.5, told  # 18.7 before anything is learnt


def test_no_caption_is_cut(tokenizer_file: Path) -> None:
    names = tokenizer.load(tokenizer_file)
    longest = max(
        (word_ids(draw_lot(seed, arrangement="row"), 8, names.tokenizer.encode) >= 0).sum(1).max()
        for seed in range(150)
    )
    assert longest < LONGEST


def test_training_never_paints_a_held_out_pair() -> None:
    shards = plan(40, 0, 64)
    pairs = {
        (thing.kind, thing.colour) for shard in shards for scene in shard.scenes() for thing in scene.things
    }
    assert not pairs & HELD_OUT
    assert len(pairs) == 22 * 10 - len(HELD_OUT)


def test_a_growing_plan_keeps_what_was_painted() -> None:
    assert (
        plan(FULL.flat_shards, FULL.styled_shards, 256)[:50]
        == plan(FULL.flat_shards, FULL.styled_shards, 256)[:50]
    )
    assert {shard.style for shard in plan(FULL.flat_shards, FULL.styled_shards, 256)[:12]} >= {
        "flat",
        "ink-wash",
    }


def test_errors_count_more_where_things_are() -> None:
    boxes = torch.zeros(2, 3, 4)
    boxes[0, 1] = torch.tensor([2.0, 1.0, 4.0, 3.0])  # left, top, right, bottom in cells
    counts = denoiser.weights(boxes, 6, 8, 4.0)
    assert counts.shape == (2, 1, 6, 8)
    assert counts[0, 0, 1:3, 2:4].eq(4).all()
    assert counts[0, 0, :, 6:].eq(1).all()
    assert counts[1].eq(1).all()


def test_centred_latents_reconstruct_the_same() -> None:
    vae = networks.build_vae(SMOKE).eval()
    flat = torch.randint(0, 255, (20, 64, 64, 3), dtype=torch.uint8)
    pictures = autoencoder.Pictures({"flat": [flat]})
    x = autoencoder.to_unit(flat[:4])
    with torch.no_grad():
        before = vae.decode(vae.encode(x).latent_dist.mode()).sample
        autoencoder.centre_latents(vae, pictures, 64, torch.Generator().manual_seed(0))
        latents = vae.encode(x).latent_dist.mode()
        after = vae.decode(latents).sample
    assert torch.allclose(before, after, atol=1e-4)
    assert latents.mean((0, 2, 3)).abs().max() < 0.3
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.3


@pytest.mark.long
def test_smoke_makes_a_folder_that_the_pipeline_loads(tmp_path: Path) -> None:
    """In two goes, the second on another machine with nothing but the first one's small copy."""
    from diffusers import KolorsPipeline
    from safetensors.torch import load_file

    first, second, kept = (tmp_path / name for name in ("first", "second", "kept"))
    smoke = ["--smoke", "--processes", "2", "--keep", str(kept)]
    assert pretrain.main([*smoke, "--work", str(first), "--set", "steps=400", "--pause-after", "0.001"]) == 0
    assert not (first / "model").exists()
    assert max(file.stat().st_size for file in kept.iterdir()) < 16e6
    assert len(list(kept.iterdir())) <= 8
    halves = [(kept / f"unet-{k}.safetensors").stat().st_size for k in range(2)]
    assert min(halves) > 0.8 * max(halves)
    progress = json.loads((kept / "progress.json").read_text())
    assert progress["autoencoder"]["done"]
    step = progress["denoiser"]["step"]
    assert 0 < step < 400
    state = torch.load(first / "denoiser.pt", weights_only=True)
    averages = {
        n.removeprefix("unet."): t.half() for n, t in state["averages"].items() if n.startswith("unet.")
    }
    held = load_file(kept / "unet-0.safetensors") | load_file(kept / "unet-1.safetensors")
    assert held.keys() == averages.keys()
    assert all(torch.equal(held[name], average.contiguous()) for name, average in averages.items())

    going_on = [*smoke, "--work", str(second), "--go-on", str(kept), "--set", f"steps={step + 3}"]
    assert pretrain.main(going_on) == 0
    assert json.loads((kept / "progress.json").read_text())["denoiser"]["step"] == step + 3
    pipe = KolorsPipeline.from_pretrained(second / "model", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    picture = pipe(
        "a red cat", negative_prompt="", height=64, width=96, num_inference_steps=2, guidance_scale=3.0
    ).images[0]
    assert picture.size == (96, 64)


def _compact(names: Any, captions: list[str]) -> conditioning.Compact:
    rows = torch.full((len(captions), LONGEST), -1)
    for row, text in zip(rows, captions, strict=True):
        ids = names.tokenizer.encode(text)
        row[: len(ids)] = torch.tensor(ids)
    return conditioning.Prompting(tuple(names.get_prefix_tokens()), names.pad_token_id).compact(rows)
