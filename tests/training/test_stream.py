"""Batches are a pure function of seed and number, whoever asks, and for however many devices."""

from dataclasses import replace

import pytest
import torch

from studio.train_plan import make_plan
from studio.training.encoding import Entry, Library
from studio.training.store import Store
from studio.training.stream import Feed, Stream

SIZE = (64, 64)


@pytest.fixture
def library(tmp_path):
    """Five pictures of two variants each, told apart by the values of their latents."""
    store, entries = Store(tmp_path), []
    for n in range(5):
        mean = torch.stack([torch.full((4, 8, 8), float(n)), torch.full((4, 8, 8), n + 100.0)])
        store.put(f"{n}-picture", {"mean": mean, "std": mean * 0, "sizes": torch.full((2, 6), float(n))})
        store.put(
            f"{n}-text",
            {"prompt_embeds": torch.full((3, 2), float(n)), "pooled_prompt_embeds": torch.ones(2)},
        )
        entries.append(Entry(f"{n}-picture", f"{n}-text", SIZE, 2))
    store.put("empty", {"prompt_embeds": torch.full((3, 2), -1.0), "pooled_prompt_embeds": torch.zeros(2)})
    return Library(store, tuple(entries), "empty", ())


@pytest.fixture
def stream(library, ask):
    def made(rank=0, world=1, **changes):
        request = ask(batch_size=2 * (2 // world), **changes)
        plan = make_plan(request, [SIZE] * 5, [SIZE], 8, world)
        return Stream(plan, library, request, 1000, rank, world)

    return made


def equal(one, two):
    flat = [[*batch[:3], *batch.conditioning.values(), *batch[4:]] for batch in (one, two)]
    return all(torch.equal(a, b) for a, b in zip(*flat, strict=True))


def test_a_batch_is_the_same_whenever_it_is_asked_for(stream):
    one, two = stream(noise_offset=0.1), stream(noise_offset=0.1)
    later = [two.batch(number) for number in (7, 3, 3)]
    assert equal(one.batch(3), later[1])
    assert equal(later[1], later[2])
    assert not equal(one.batch(3), one.batch(5))
    assert not equal(one.batch(3), stream(seed=1).batch(3))
    assert sorted(len(batch.latents) for batch in Feed(one, 0, 2)) == [1, 4]


def test_priors_go_with_other_prompts(library, stream):
    for n in range(2):
        text = {"prompt_embeds": torch.full((3, 2), -2.0 - n), "pooled_prompt_embeds": torch.zeros(2)}
        library.store.put(f"prior-{n}", text)
    told = {"prior_share": 0.4, "caption_dropout": 0.2, "prior_prompts": ("a cat", "a dog")}
    made = stream(**told)
    made._library = replace(library, priors=("prior-0", "prior-1"))
    batches = list(Feed(made, 0, 60))
    priors = torch.cat([batch.priors for batch in batches])
    words = torch.cat([batch.conditioning["prompt_embeds"][:, 0, 0] for batch in batches])
    assert torch.equal(priors, words < -1)
    assert 0.3 < priors.float().mean() < 0.5
    assert {-3.0, -2.0, -1.0} < set(words.tolist())
    plain = list(Feed(stream(**told | {"prior_prompts": ()}), 0, 60))
    assert not any(batch.priors.any() for batch in plain)
    assert equal(plain[0], stream(caption_dropout=0.2).batch(0))


def test_two_devices_share_what_one_would_take(stream):
    for number in range(4):
        whole = stream().batch(number)
        halves = [stream(rank, 2).batch(number) for rank in range(2)]
        counts = torch.cat([half.weights for half in halves]) > 0
        assert torch.equal(torch.cat([half.noise for half in halves])[counts], whole.noise)
        assert torch.equal(torch.cat([half.timesteps for half in halves])[counts], whole.timesteps)
        # what Lightning's DDP makes of it, a mean over the devices, is the same loss
        assert torch.allclose(sum(half.weights.sum() for half in halves) / 2, whole.weights.sum())


def test_every_picture_counts_alike_in_a_pass(stream):
    seen = {}
    for batch in Feed(stream(), 0, 2):
        for latents, weight in zip(batch.latents, batch.weights, strict=True):
            seen[int(latents[0, 0, 0]) % 100] = float(weight)
    assert seen == dict.fromkeys(range(5), 0.25)


def test_variants_and_dropped_captions_are_drawn(stream):
    batches = list(Feed(stream(caption_dropout=0.5), 0, 40))
    firsts = torch.cat([batch.latents[:, 0, 0, 0] for batch in batches])
    assert 0.3 < float((firsts >= 100).float().mean()) < 0.7
    dropped = torch.cat([batch.conditioning["prompt_embeds"][:, 0, 0] == -1 for batch in batches])
    assert 0.3 < float(dropped.float().mean()) < 0.7
    assert not any(
        (b.conditioning["prompt_embeds"] == -1).any() for b in Feed(stream(caption_dropout=0.0), 0, 9)
    )


def test_noise_levels_cover_the_scale_in_every_batch(stream):
    for number in range(6):
        timesteps = stream().batch(number).timesteps
        strata = sorted(int(t) * len(timesteps) // 1000 for t in timesteps)
        assert strata == list(range(len(timesteps)))


def test_noise_is_normal_and_its_offset_shifts_whole_channels(stream):
    plain = torch.cat([batch.noise for batch in Feed(stream(), 0, 40)])
    assert abs(float(plain.std()) - 1) < 0.02
    assert float(plain.mean((2, 3)).std()) < 0.15
    shifted = torch.cat([batch.noise for batch in Feed(stream(noise_offset=0.5), 0, 40)])
    assert 0.4 < float(shifted.mean((2, 3)).std()) < 0.65
