"""Coming in, coming back, and changing the language."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.requests import GenerateRequest
from studio.ui.opening import Opening


@pytest.fixture
def opening(desk):
    return Opening(desk.sheet, desk.on)


def held(told, desk):
    """What the controls hold after an update that leaves some of them alone."""
    untouched = desk.on.form.spread(GenerateRequest())
    return {name: told[made].get("value", untouched[name]) for name, made in desk.on.form.controls.items()}


def test_a_newcomer_finds_the_models_own_defaults(desk, opening):
    values = held(opening.open({}, "en"), desk)
    defaults = desk.on.choices.card("storybook").defaults
    assert values["steps"] == defaults["steps"]
    assert values["prompt"] == ""


def test_all_that_was_typed_comes_back_wrong_values_too(desk, opening):
    kept = {
        "prompt": "白猫 <b>",
        "width": 10,
        "steps": 77,
        "seed": 9,
        "seed_mode": "fixed",
        "lora_1": "ink",
        "lora_1_weight": -1.5,
    }
    values = held(opening.open(kept, "zh"), desk)
    assert kept.items() <= values.items()


@pytest.mark.parametrize("kept", [None, 7, [], "x", {"prompt": 5, "steps": "many", "seed": True, "styles": [1], "lora_1_on": "yes",
                                                     "width": float("inf"), "__proto__": {}, "model": ["a"]}])  # fmt: skip
def test_nonsense_from_the_browser_is_passed_over(desk, opening, kept):
    values = held(opening.open(kept, "en"), desk)
    assert isinstance(desk.on.form.request(values), GenerateRequest)


def test_a_model_that_is_gone_gives_way_to_one_that_is_here(desk, opening):
    assert held(opening.open({"model": "gone"}, "en"), desk)["model"] == "storybook"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "A blank sheet"), ("zh", "一张白纸"), ("fr", "A blank sheet")]
)
def test_the_page_opens_in_the_visitors_language(desk, opening, language, words):
    told = opening.open({}, language)
    assert words in told[desk.on.easel]
    assert told[desk.sheet.language] == ("zh" if language == "zh" else "en")


def test_switching_changes_words_and_no_value(desk, opening):
    told = opening.speak(desk.data("zh", prompt="mine"), SimpleNamespace(session_hash="me"))
    assert told[desk.on.form.controls["steps"]]["label"] == "步数"
    assert told[desk.on.generate]["value"] == "生成"
    assert not any("value" in told.get(made, {}) for made in desk.on.form.controls.values())
    assert "加载" in told[desk.on.chain]


def test_history_is_there_from_the_start(desk, opening):
    entry = desk.sheet.studio.history.add(
        bytes(64 * 64 * 3), 64, 64, GenerateRequest(prompt="白猫"), {"seed": 3}
    )
    told = opening.open({}, "en")
    assert told[desk.on.past.ids] == [entry.id]
    [(file, caption)] = told[desk.on.past.gallery]["value"]
    assert caption == "白猫"
    assert str(desk.sheet.studio.settings.output_dir) not in file


def test_words_typed_while_the_page_opens_are_left_alone(desk, opening):
    assert "value" not in opening.open({}, "en")[desk.on.form.controls["prompt"]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_broken_in_the_house_is_told_where_it_is_missed(make_desk, settings, tmp_path, language):
    presets = Path(shutil.copytree(settings.presets_dir, tmp_path / "presets"))
    (presets / "styles.json").write_text("{", encoding="utf-8")
    (presets / "generate" / "wrong.toml").write_text(
        '[title]\nen = "x"\nzh = "x"\n[request]\nstpes = 3\n', encoding="utf-8"
    )
    desk = make_desk(replace(settings, presets_dir=presets))
    told = Opening(desk.sheet, desk.on).open({}, language)
    assert "stpes" in told[desk.on.presets]["info"]
    assert "styles.json" in told[desk.on.form.controls["styles"]]["info"]
    assert "ink-fault" in told[desk.on.form.controls["styles"]]["elem_classes"]
