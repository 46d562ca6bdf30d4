"""What a model takes of a GPU: by its card before it is here, by its files after."""

import dataclasses
import math
import re

import pytest

from studio.engine.needs import HALF_BYTES, needs
from studio.engine.plan import LADDER, gb
from studio.families import families
from studio.headers import read_header
from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from tests.benchmarks.card_numbers import MODELS, numbers

CARDS = {card.name: card for card in Shelf(Settings.from_environment(root=ROOT)).models()}


def test_kolors_before_it_is_fetched():
    told = needs(CARDS["kolors"], is_here=False)
    assert {mode: float(gb(count)) for mode, count in told.items()} == {
        "whole": 19.6, "encoder_away": 12.3, "encoder_8bit": 7.1, "encoder_4bit": 6.0, "offload": 2.5,
    }  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_card_counts_as_much_as_there_is_to_fetch(name):
    card = CARDS[name]
    held = card.numbers.encoders + card.numbers.denoiser + card.numbers.decoder
    unused = 266_338_304 if card.family == "kolors" else 0  # ChatGLM's last layer
    assert HALF_BYTES * (held + unused) / 1e9 == pytest.approx(card.files_gb, rel=0.01, abs=0.06)


@pytest.mark.parametrize("name", MODELS)
def test_each_plan_that_is_told_takes_less_than_the_one_before(name):
    told = needs(CARDS[name], is_here=False)
    assert [*told] == [mode for mode in LADDER if mode in told]
    assert [*told.values()] == sorted(told.values(), reverse=True)
    assert {"whole", "offload"} <= told.keys()
    assert "cpu" not in told
    for said in re.findall(
        r"takes about (\d+) GB|约需 (\d+) GB 显存", CARDS[name].about.en + CARDS[name].about.zh
    ):
        assert int("".join(said)) == round(float(gb(told["whole"])))


def test_the_cards_numbers_are_those_of_the_networks():
    for name in ("kolors", "sd15"):
        assert dataclasses.asdict(CARDS[name].numbers) == numbers(CARDS[name].family, MODELS[name])


def test_a_model_that_is_here_is_weighed_by_its_files(tiny_kolors):
    card = dataclasses.replace(CARDS["kolors"], folder=tiny_kolors)
    told, tensors = needs(card, is_here=True), 0
    for part in ("text_encoder", "unet", "vae"):
        for file in (tiny_kolors / part).glob("*.safetensors"):
            tensors += sum(math.prod(t.shape) for t in read_header(file).tensors.values())
    work = needs(dataclasses.replace(card, numbers=_none(card)), is_here=False)["whole"]
    assert told["whole"] - work == pytest.approx(HALF_BYTES * tensors, rel=0.01)
    assert needs(dataclasses.replace(card, numbers=None), is_here=False) == {}
    assert needs(dataclasses.replace(card, family="unheard-of"), is_here=False) == {}
    assert card.family in families()


def _none(card):
    """No weights at all: what is left is the work."""
    fields = {field.name: 0 for field in dataclasses.fields(card.numbers)}
    return dataclasses.replace(card.numbers, **fields | {"decoder_kind": "2d"})
