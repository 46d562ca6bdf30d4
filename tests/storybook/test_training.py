"""The training code of Storybook agrees with the pipeline that will run what it makes."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.storybook import autoencoder, denoiser, networks, pretrain, tokenizer
from studio.storybook.captions import caption
from studio.storybook.pool import LONGEST, plan, word_ids
from studio.storybook.recipe import FULL, SMOKE
from studio.storybook.scene import HELD_OUT, draw_lot


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    tokenizer.train(file, 700, 3_000)
    return file


def test_inputs_equal_the_tokenizers(tokenizer_file: Path) -> None:
    names = tokenizer.load(tokenizer_file)
    rng = random.Random(1)
    words = [caption(draw_lot(seed), "zh" if seed % 2 else "en", rng) for seed in range(8)] + [""]
    rows = np.full((len(words), LONGEST), -1, np.int16)
    for row, text in zip(rows, words, strict=True):
        ids = names.tokenizer.encode(text)
        row[: len(ids)] = ids
    prompting = denoiser.Prompting(tuple(names.get_prefix_tokens()), names.pad_token_id)
    ids, mask, places = prompting.inputs(torch.from_numpy(rows).long())
    wanted = names(words, padding="max_length", max_length=256, truncation=True, return_tensors="pt")
    assert torch.equal(ids, wanted["input_ids"])
    assert torch.equal(mask, wanted["attention_mask"])
    assert torch.equal(places, wanted["position_ids"])


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


def test_smoke_makes_a_folder_that_the_pipeline_loads(tmp_path: Path) -> None:
    from diffusers import KolorsPipeline

    work = tmp_path / "work"
    assert pretrain.main(["--smoke", "--work", str(work), "--processes", "2"]) == 0
    pipe = KolorsPipeline.from_pretrained(work / "model", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    picture = pipe(
        "a red cat", negative_prompt="", height=64, width=96, num_inference_steps=2, guidance_scale=3.0
    ).images[0]
    assert picture.size == (96, 64)
    states, pooled = denoiser.encode_text(pipe.text_encoder, _inputs(pipe.tokenizer, "一只红色的猫"))
    wanted, _, wanted_pooled, _ = pipe.encode_prompt("一只红色的猫", do_classifier_free_guidance=False)
    assert torch.allclose(states, wanted, atol=1e-5)
    assert torch.allclose(pooled, wanted_pooled, atol=1e-5)
    # a second run finds every stage done
    assert pretrain.main(["--smoke", "--work", str(work), "--processes", "1"]) == 0


def _inputs(names: object, words: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    told = names([words], padding="max_length", max_length=256, truncation=True, return_tensors="pt")  # type: ignore[operator]
    return told["input_ids"], told["attention_mask"], told["position_ids"]
