"""The score counts what the judge sees, and the shipped judge sees what the painter painted."""

import json

import pytest
import torch

from studio.storybook import judge, score
from studio.storybook.judge import Reading, Seen
from studio.storybook.scene import STYLES, Scene, Thing


@pytest.fixture(scope="module")
def shipped() -> judge.Judge:
    return judge.load(score.MODEL_DIR / "judge" / "judge.safetensors")


def scene(*things: Thing, arrangement: str = "left") -> Scene:
    return Scene(things, arrangement, "grass", "day", 0.6, (256, 256), 1)  # type: ignore[arg-type]


CAT, DOG = Thing("cat", "green", 0.3, 0.8, 0.3), Thing("dog", "red", 0.7, 0.8, 0.3)


def test_a_missing_thing_is_a_wrong_object_colour_and_relation() -> None:
    told = score.answers(
        scene(CAT, DOG), Reading((Seen("dog", "red", 0.7, 0.7, 0.9),), "grass", "night", "flat")
    )
    assert told["object"] == [False, True]
    assert told["colour"] == [False, True]
    assert told["relation"] == [False]
    assert told["held_out"] == [False]
    assert told["ground"] == [True]
    assert told["time"] == [False]


def test_left_and_right_are_told_apart() -> None:
    swapped = Reading(
        (Seen("dog", "red", 0.2, 0.7, 0.9), Seen("cat", "green", 0.8, 0.7, 0.9)), "grass", "day", "flat"
    )
    assert score.answers(scene(CAT, DOG), swapped)["relation"] == [False]
    assert score.answers(scene(DOG, CAT), swapped)["relation"] == [True]


def test_one_seen_thing_answers_one_asked_thing() -> None:
    twins = scene(CAT, CAT, arrangement="group")
    told = score.answers(twins, Reading((Seen("cat", "green", 0.3, 0.7, 0.9),), "grass", "day", "flat"))
    assert told["object"] == [True, False]
    assert told["count"] == [False]


def test_colours_are_matched_before_kinds() -> None:
    red_cat = Thing("cat", "red", 0.7, 0.8, 0.3)
    seen = (Seen("cat", "red", 0.3, 0.7, 0.99), Seen("cat", "green", 0.7, 0.7, 0.5))
    told = score.answers(scene(CAT, red_cat), Reading(seen, "grass", "day", "flat"))
    assert told["colour"] == [True, True]


def test_prompts_cover_both_languages_and_a_quarter_held_out() -> None:
    asked = list(score.ask(400))
    assert sum(language == "zh" for _, _, language in asked) == 200
    held = [s for s, _, _ in asked if (s.things[0].kind, s.things[0].colour) in score.HELD_OUT]
    assert 90 <= len(held) <= 120
    assert {s.arrangement for s, _, _ in asked} == {"single", "left", "above", "group", "row"}


@pytest.mark.long
def test_judge_is_right_about_true_scenes(shipped: judge.Judge) -> None:
    exam = score.examine(shipped, 48)
    assert exam["clean"] >= 0.98
    assert exam["blurred"] >= 0.97
    assert exam["recoloured"] >= 0.97
    assert min(exam[style] for style in STYLES if style != "flat") >= 0.9


def test_judge_sees_nothing_in_an_empty_picture(shipped: judge.Judge) -> None:
    assert judge.read(shipped, torch.full((1, 3, 256, 256), 0.6))[0].things == ()


@pytest.mark.long
def test_json_has_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert score.main(["--count", "8", "--steps", "2", "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {
        "object", "colour", "ground", "time", "relation", "count", "style", "held_out", "english", "chinese",
        "judge", "psnr", "psnr_styles",
    }  # fmt: skip
    assert all(0 <= told[key] <= 1 for key in told if not key.startswith("psnr"))
    assert told["psnr"] > 30
