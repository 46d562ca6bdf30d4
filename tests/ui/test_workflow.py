"""ComfyUI workflows go into the form and out of it."""

import json
from pathlib import Path

import pytest

from studio.exchange.files import read_file
from studio.requests import LoraUse
from studio.ui.filling import Filling
from studio.ui.safe import plain
from tests.exchange.comfy.samples import FOLDER
from tests.exchange.comfy.workflows import basic, ksampler


def dropped(desk, file, language="en"):
    return Filling(desk.sheet, desk.on).read({**desk.data(language), desk.on.drop: str(file)})


def made(desk, nodes="", language="en", **values):
    on = desk.on
    return on.workflow.made({**desk.data(language, **values), on.workflow.nodes: nodes})


@pytest.mark.parametrize(("language", "words"), [("en", ("Left out", "Only near", "Where each value came from")),
                                                 ("zh", ("未采用", "近似", "各参数的来源"))])  # fmt: skip
def test_a_dropped_workflow_fills_the_form_and_says_what_became_of_it(desk, language, words):
    told = dropped(desk, FOLDER / "kolors_with_lora_example.json", language)
    shown = {
        name: told[control]["value"]
        for name, control in desk.on.form.controls.items()
        if "value" in told.get(control, {})
    }
    assert (shown["prompt"], shown["model"], shown["width"], shown["seed"]) == (
        "二次元，长发，少女，白色背景",
        "kolors",
        1024,
        0,
    )
    assert not shown["lora_1"]  # it isn't here
    note = told[desk.on.drop_note]
    assert plain("version_1/epoch=9-step=5000") in note["value"]
    assert note["elem_classes"] == ["ink-notice"]
    assert all(f"**{word}**" in note["value"] for word in words)
    assert told[desk.on.drop] is None


def test_a_bad_workflow_is_told_and_changes_nothing(desk, tmp_path):
    file = tmp_path / "loop.json"
    file.write_text(json.dumps(basic(_3=ksampler(latent_image=("3", 0)))))
    told = dropped(desk, file)
    assert set(told) == {desk.on.drop_note, desk.on.drop}
    assert told[desk.on.drop_note]["elem_classes"] == ["ink-fault"]


def test_what_a_workflow_says_is_not_markup(desk, tmp_path):
    value = basic(_6={"class_type": "<img src=x onerror=alert(1)>", "inputs": {}})
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(value))
    assert "<img" not in dropped(desk, file)[desk.on.drop_note]["value"]


@pytest.mark.parametrize("nodes", ["", "kijai", "mz"])
def test_the_form_comes_out_as_two_files(desk, nodes):
    told = made(
        desk,
        nodes,
        prompt="白猫",
        seed=5,
        seed_mode="fixed",
        lora_1="ink",
        lora_1_weight=0.5,
        width=1024,
        height=768,
    )
    on = desk.on.workflow
    assert told[on.files]["visible"]
    for part, name in ((on.page, "inkstone-workflow.json"), (on.server, "inkstone-workflow-api.json")):
        file = Path(told[part]["value"])
        assert file.name == name
        request = read_file(file).request
        assert (request.prompt, request.seed, request.width) == ("白猫", 5, 1024)
        assert [use.name for use in request.loras] == ["ink"]
        if nodes == "mz":
            assert request.loras == (LoraUse("ink", 0.5),)
    assert "LoRA" in told[on.note]["value"] or nodes == "mz"


def test_styles_are_woven_into_the_prompt(desk):
    told = made(desk, "mz", prompt="a boat", styles=[next(iter(desk.sheet.studio.presets.styles()))])
    assert len(read_file(Path(told[desk.on.workflow.page]["value"])).request.prompt) > len("a boat")


def test_what_keeps_it_from_being_made_is_told(desk):
    told = made(desk, "core")
    on = desk.on.workflow
    assert told[on.note]["elem_classes"] == ["ink-fault"]
    assert not told[on.files]["visible"]
    assert made(desk, steps=9999)[on.note]["elem_classes"] == ["ink-fault"]
