"""Presets and styles: the shipped ones are good, the others are refused by file and key."""

import json

import pytest

from studio.errors import PresetBroken, UnknownChoice, UnknownField
from studio.presets import Presets, Style, styles_for, weave
from studio.requests import GenerateRequest
from studio.runs.estimate import QUANTIZED_BYTES
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES
from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from studio.train_request import TrainRequest
from studio.words import Text

SHIPPED = Presets(Settings.from_environment(root=ROOT))
MODELS = {card.name: card for card in Shelf(Settings.from_environment(root=ROOT)).models()}


@pytest.fixture
def presets(tmp_path):
    (tmp_path / "presets" / "generate").mkdir(parents=True)
    return Presets(Settings.from_environment(root=tmp_path))


def put(tmp_path, told, name="mine"):
    (tmp_path / "presets" / "generate" / f"{name}.toml").write_text(told, encoding="utf-8")


@pytest.mark.parametrize("name", SHIPPED.generate())
def test_every_shipped_preset_is_a_request_that_can_run(name):
    preset = SHIPPED.preset(name)
    request = GenerateRequest.from_dict(preset.values)
    assert preset.values
    assert preset.title.en != preset.title.zh
    assert request.sampler in SAMPLERS
    assert request.schedule in SCHEDULES
    assert request.model in [card.name for card in Shelf(Settings.from_environment(root=ROOT)).models()]
    assert set(request.styles) <= SHIPPED.styles().keys()


@pytest.mark.parametrize("name", SHIPPED.train())
def test_every_shipped_train_preset_is_a_request_at_every_size_of_memory(name):
    preset = SHIPPED.train_preset(name)
    assert preset.title.en != preset.title.zh
    for gb in (0, 4, 7.6, 12, 16, 24, 80, 140):
        request = TrainRequest.from_dict(preset.for_memory(gb))
        assert request.name == request.dataset_path == ""
        again = TrainRequest.from_dict(request.to_dict() | dict(preset.values))
        assert again.model == request.model


def test_the_shipped_train_presets_are_those_that_people_look_for():
    assert SHIPPED.train().keys() >= {
        "storybook-style", "storybook-character", "kolors-seed", "kolors-style", "sdxl-style", "sdxl-character", "sd15-style",
        "flux1-style", "flux2-klein-style", "sd3.5-medium-style", "qwen-image-style", "z-image-style",
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED.train())
def test_the_frozen_denoiser_leaves_a_fifth_of_every_device_that_a_train_preset_names(name):
    preset = SHIPPED.train_preset(name)
    numbers = MODELS[preset.values["model"]].numbers
    for gb, changes in preset.memory.items():
        request = TrainRequest.from_dict(preset.values | changes)
        denoiser = numbers.denoiser * QUANTIZED_BYTES.get(request.quantize_base, 2)
        assert denoiser < 0.8 * gb * 2**30


def test_nobody_learns_to_draw_away_from_nothing_where_guidance_is_distilled():
    for name in SHIPPED.train():
        request = TrainRequest.from_dict(SHIPPED.train_preset(name).values)
        if MODELS[request.model].defaults["guidance"] == 1 or MODELS[request.model].family == "flux":
            assert request.caption_dropout == 0, name


def test_the_seeds_preset_is_its_command_value_for_value():
    seed = TrainRequest.from_dict(SHIPPED.train_preset("kolors-seed").values)
    assert (seed.lora_rank, seed.lora_alpha, seed.max_epochs, seed.steps_per_epoch) == (16, 4.0, 1, 500)
    assert (seed.width, seed.height, seed.center_crop, seed.random_flip) == (1024, 1024, True, False)
    assert (seed.use_gradient_checkpointing, seed.precision, seed.batch_size) == (True, "16-mixed", 1)
    assert (seed.learning_rate, seed.accumulate_grad_batches, seed.training_strategy) == (1e-4, 1, "auto")
    assert (seed.caption_dropout, seed.aspect_buckets, seed.min_snr_gamma, seed.gradient_clip) == (
        0,
        False,
        0,
        0,
    )


def test_what_a_device_of_that_size_needs_is_laid_over(tmp_path, presets):
    (tmp_path / "presets" / "train").mkdir()
    (tmp_path / "presets" / "train" / "mine.toml").write_text(
        'title = {en="a", zh="b"}\n[request]\nlora_rank = 4\n[memory.8]\nbatch_size = 1\n[memory.24]\nbatch_size = 6\n'
    )
    preset = presets.train_preset("mine")
    assert [preset.for_memory(gb)["batch_size"] for gb in (2, 7.6, 23.6, 23, 16, 80)] == [1, 1, 6, 6, 1, 6]
    assert preset.for_memory(8)["lora_rank"] == 4
    for bad in ("[memory]\nhuge = {}\n", "[memory.8]\nbatch_size = 0\n", "[memory.8]\nbatches = 1\n"):
        (tmp_path / "presets" / "train" / "mine.toml").write_text(
            f'title = {{en="a", zh="b"}}\n[request]\n{bad}'
        )
        with pytest.raises((PresetBroken, UnknownField)) as caught:
            presets.train_preset("mine")
        assert "presets/train/mine.toml" in caught.value.say("en")


def test_a_preset_for_pictures_has_no_memory(tmp_path, presets):
    put(tmp_path, 'title = {en="a", zh="b"}\n[request]\n[memory.8]\nsteps = 3\n')
    with pytest.raises(UnknownField):
        presets.preset("mine")


@pytest.mark.parametrize("name", SHIPPED.styles())
def test_every_shipped_style_keeps_the_prompt_in_both_languages(name):
    style = SHIPPED.styles()[name]
    assert style.title.en != style.title.zh
    for prompt in ("a red boat", "一艘红色的小船"):
        woven = weave(GenerateRequest(prompt=prompt, styles=(name,)), SHIPPED.styles())
        assert prompt in woven.prompt
        assert woven.prompt != prompt
        assert woven.styles == ()
    assert weave(GenerateRequest(styles=(name,)), SHIPPED.styles()).prompt[:1] not in "，, "


def test_storybook_styles_say_only_what_storybook_was_taught():
    from studio.storybook.captions import GROUND_WORDS, TIME_WORDS

    styles = styles_for("storybook", SHIPPED.styles())
    taught = {
        w for words in (*GROUND_WORDS.values(), *TIME_WORDS.values()) for side in words.values() for w in side
    }
    for style in styles.values():
        assert style.prompt.en.removeprefix("{prompt}").strip(", ") in taught
        assert style.prompt.zh.removeprefix("{prompt}").strip("，") in taught
    assert not styles.keys() & styles_for("kolors", SHIPPED.styles()).keys()
    assert "ink-wash" in styles_for("kolors", SHIPPED.styles())


def test_an_unknown_key_is_refused_by_name_and_file(tmp_path, presets):
    put(tmp_path, '[title]\nen = "a"\nzh = "b"\n[request]\nstepps = 3\n')
    with pytest.raises(UnknownField) as caught:
        presets.preset("mine")
    assert "presets/generate/mine.toml" in caught.value.say("en")
    assert "stepps" in caught.value.say("zh")


@pytest.mark.parametrize(
    "told",
    ['title = {en="a", zh="b"}\n[request]\nsteps = 999', "what [", "[request]\nsteps = 3", 'title = "a"\n[request]\n',
     'request = 3\ntitle = {en="a", zh="b"}', 'title = {en="a", zh="b", fr="c"}\n[request]\n'],
)  # fmt: skip
def test_a_broken_preset_names_its_file_and_spoils_no_other(tmp_path, presets, told):
    put(tmp_path, told)
    put(tmp_path, 'title = {en="a", zh="b"}\n[request]\nsteps = 3', "good")
    with pytest.raises(PresetBroken) as caught:
        presets.preset("mine")
    assert "presets/generate/mine.toml" in caught.value.say("zh")
    listed = presets.generate()
    assert listed["mine"].broken is not None
    assert listed["good"].values == {"steps": 3}


def test_a_preset_name_is_looked_up_and_never_made_into_a_path(presets):
    with pytest.raises(UnknownChoice):
        presets.preset("../../../etc/passwd")


@pytest.mark.parametrize(
    "told", ["{", "[3]", '[{"name": "a"}]', '[{"name": "a", "title": "b"}]', "[" * 99_999]
)
def test_a_broken_styles_file_is_told(tmp_path, presets, told):
    (tmp_path / "presets" / "styles.json").write_text(told)
    with pytest.raises(PresetBroken):
        presets.styles()


def test_styles_are_woven_in_order_around_the_prompt():
    styles = {
        "ink": Style(
            "ink", Text("", ""), Text("ink of {prompt}, soft", "{prompt}的水墨"), Text("photo", "照片")
        ),
        "night": Style("night", Text("", ""), Text("at night", "夜晚")),
    }
    request = GenerateRequest(prompt="a {boat}", negative_prompt="blur", styles=("night", "ink"))
    woven = weave(request, styles)
    assert woven.prompt == "ink of a {boat}, at night, soft"
    assert woven.negative_prompt == "blur, photo"
    assert weave(request.with_(prompt="小船"), styles).prompt == "小船，夜晚的水墨"
    with pytest.raises(UnknownChoice) as caught:
        weave(request.with_(styles=("gone",)), styles)
    assert caught.value.field == "styles"


def test_styles_file_is_plain_json_that_people_can_edit():
    entries = json.loads((ROOT / "presets" / "styles.json").read_text(encoding="utf-8"))
    assert len({entry["name"] for entry in entries}) == len(entries)
