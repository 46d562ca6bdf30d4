"""What fills the form besides typing."""

import re

import pytest

from studio.exchange.picture import png_with_settings
from studio.requests import GenerateRequest, LoraUse
from studio.ui.filling import Filling, samples
from studio.ui.safe import plain
from tests.exchange.test_picture import small
from tests.house import HOSTILE


@pytest.fixture
def filling(desk):
    return Filling(desk.sheet, desk.on)


def values(told, desk):
    return {
        name: told[made]["value"]
        for name, made in desk.on.form.controls.items()
        if "value" in told.get(made, {})
    }


def picture(tmp_path, request):
    file = tmp_path / "given.png"
    file.write_bytes(png_with_settings(bytes(64 * 64 * 3), 64, 64, request, {"seed": request.seed}))
    return str(file)


def test_the_picture_in_hand_gives_all_its_settings_back(desk, filling):
    request = GenerateRequest(
        prompt='日落 "quoted"\nNegative prompt: no', negative_prompt="blur", steps=9, width=320, height=192, seed=77,
        styles=("sunset",), loras=(LoraUse("ink", 0.6), LoraUse("gone", 3.0, on=False)),
    )  # fmt: skip
    entry = desk.sheet.studio.history.add(bytes(320 * 192 * 3), 320, 192, request, {"seed": 77})
    told = filling.recall({**desk.data(), desk.on.hand.holds: entry.id})
    assert desk.on.form.request(values(told, desk)) == request
    assert told[desk.on.form.aspect]["value"] == "320x192"
    assert told[desk.on.form.loras.rows[1].weight]["maximum"] == 3.0
    assert "gone" in told[desk.on.form.loras.rows[1].note]["value"]


def test_a_dropped_picture_fills_the_form(desk, filling, tmp_path):
    request = GenerateRequest(prompt="白猫", steps=8, seed=5, loras=(LoraUse("ink", 0.5),))
    told = filling.read({**desk.data(), desk.on.drop: picture(tmp_path, request)})
    assert desk.on.form.request(values(told, desk)) == request
    assert told[desk.on.drop] is None
    assert told[desk.on.drop_note]["visible"]


def test_a_dropped_picture_of_an_absent_model_keeps_the_visitors(desk, filling, tmp_path):
    told = filling.read(
        {**desk.data(), desk.on.drop: picture(tmp_path, GenerateRequest(model="flux", prompt="x"))}
    )
    assert values(told, desk)["model"] == "storybook"
    assert "flux" in told[desk.on.drop_note]["value"]


def test_loras_of_another_program_are_found_or_named(desk, filling, tmp_path):
    file = tmp_path / "given.png"
    told = "a {red|blue} cat <lora:INK:0.5> <lora:gone:1>\nSteps: 9, Sampler: Euler, Seed: 5"
    file.write_bytes(small(parameters=told))
    told = filling.read({**desk.data(), desk.on.drop: str(file)})
    request = desk.on.form.request(values(told, desk))
    assert request.prompt == r"a \{red\|blue\} cat"
    assert request.loras == (LoraUse("ink", 0.5),)
    assert "gone" in told[desk.on.drop_note]["value"]


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n" + b"\xff" * 400, b""])
def test_a_bad_picture_is_told_beside_the_drop_and_changes_nothing(desk, filling, tmp_path, content):
    file = tmp_path / "bad.png"
    file.write_bytes(content)
    told = filling.read({**desk.data(prompt="mine"), desk.on.drop: str(file)})
    assert values(told, desk) == {}
    assert told[desk.on.drop_note]["elem_classes"] == ["ink-fault"]


def test_reusing_the_last_seed_fixes_it(desk, filling):
    told = filling.seed({**desk.data(seed=1), desk.on.last_seed: 42})
    assert values(told, desk)["seed"] == 42
    assert values(told, desk)["seed_mode"] == "fixed"
    assert told[desk.on.form.controls["seed"]]["interactive"]


def test_a_preset_leaves_the_words_alone(desk, filling):
    for name in desk.sheet.studio.presets.generate():
        told = values(filling.preset({**desk.data(prompt="mine"), desk.on.presets: name}), desk)
        assert told["prompt"] == "mine"


def test_an_unknown_preset_is_told(desk, filling):
    with pytest.warns(UserWarning, match="nothing"):
        assert filling.preset({**desk.data(), desk.on.presets: "nothing"}) == {}


def test_a_model_brings_its_size_and_leaves_the_words(desk, filling):
    told = values(filling.model(desk.data(model="kolors", prompt="mine", seed=4)), desk)
    assert (told["width"], told["prompt"], told["seed"]) == (1024, "mine", 4)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_examples_come_in_both_languages_and_a_click_takes_one(desk, filling, language):
    offered = [words for [words] in samples(desk.on.choices, "storybook", language)]
    chinese = [any("一" <= letter <= "鿿" for letter in words) for words in offered]
    assert {True, False} == set(chinese)
    assert chinese[0] == (language == "zh")
    assert filling.example(2, "storybook", language) == offered[2]
    assert filling.example(99, "storybook", language) == ""


def test_loras_that_do_not_fit_stay_in_the_list_with_the_reason(desk):
    labels = {value: label for label, value in desk.on.choices.loras("en", "storybook")}
    assert labels["ink"] == "Ink wash"
    assert "stable-diffusion-xl" in labels["photo"]
    assert "can't be used" in labels["broken"]
    assert HOSTILE in labels


def test_the_next_lora_row_appears_when_one_is_taken(desk, filling):
    told = filling.loras(desk.data(lora_1="ink"))
    boxes = [told[row.box]["visible"] for row in desk.on.form.loras.rows]
    assert boxes == [True, True, False, False]
    words = told[desk.on.form.loras.rows[0].words]["value"]
    assert re.findall('data-word="(.*?)"', words) == ["ink wash", "水墨"]


def test_a_lora_tells_what_it_holds_and_keeps_its_block_weights(desk, filling):
    rows = desk.on.form.loras
    told = filling.loras(desk.data(lora_1="ink"))
    assert told[rows.rows[0].facts]["value"] == plain("32 of 32 layers, rank 4, strength 1.00, Kolors")
    assert not told[rows.rows[1].facts]["visible"]
    use = LoraUse("ink", 0.6, blocks=(("down", 0.5), ("up.0", 0.0)))
    values = rows.values([use])
    assert values["lora_1_blocks"] == "down=0.5,up.0=0"
    assert rows.uses(values) == (use,)


def test_a_hostile_name_is_escaped_where_markup_is_read(desk, filling):
    told = filling.loras(desk.data(lora_1="photo", lora_2=HOSTILE + "x"))
    assert "<" not in told[desk.on.form.loras.rows[1].note]["value"]
