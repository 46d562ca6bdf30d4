"""From pictures to a queued run: choosing, checking, mending, starting."""

import dataclasses
import warnings
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from studio.ui.train_check import SUPPOSED
from tests.ui.conftest import drawn
from tests.ui.train import draw_bench, ended, paint, public, until


@pytest.fixture
def bench(settings, engine, tmp_path):
    settings = dataclasses.replace(settings, loras_dir=tmp_path / "loras")
    bench = drawn(lambda: draw_bench(settings, engine))
    with ended(bench.runs):
        yield bench


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    return paint(tmp_path_factory.mktemp("ink"))


def card(told, bench):
    return told[bench.on.starting.card]["value"]


def check(bench, **values):
    return bench.on.starting.check(bench.data(**values))


def test_a_newcomer_finds_the_style_preset_filled_in(bench):
    told = bench.on.starting.open({}, "en")
    form = bench.form.controls
    preset = bench.workshop.sheet.studio.presets.train_preset("storybook-style")
    assert told[form["learning_rate"]]["value"] == preset.values["learning_rate"]
    assert told[bench.on.starting.preset]["value"] == "storybook-style"
    assert "Choose pictures" in card(told, bench)
    assert told[bench.on.starting.start]["interactive"] is False


def test_what_the_browser_kept_is_checked_at_once_in_its_language(bench, pictures):
    told = bench.on.starting.open({"dataset_path": pictures, "max_steps": 12}, "zh")
    assert "将学习 6 张图片" in card(told, bench)
    assert told[bench.on.starting.start]["interactive"] is True


def test_the_card_tells_pictures_steps_time_and_memory(bench, pictures):
    told = card(check(bench, dataset_path=pictures, max_steps=12), bench)
    for words in (
        "6 pictures will be learnt from",
        "each picture 2 times",
        "about",
        "first guess",
        "GB on CPU",
    ):
        assert words in told
    assert told.count("<img") == 6


def test_unused_pictures_are_named_with_the_reason(bench, tmp_path):
    Image.new("RGB", (80, 80)).save(tmp_path / "good.png")
    (tmp_path / "torn<b>.png").write_text("no picture")
    told = card(check(bench, dataset_path=str(tmp_path)), bench)
    assert "Not used: 1. Reason: it can&#x27;t be opened as a picture. " in told
    assert "torn&lt;b&gt;.png" in told
    assert "no caption" in told


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"dataset_path": "/nowhere"}, "dataset_path", "There is no folder /nowhere"),
        ({"lora_rank": 0}, "lora_rank", "Rank is 0"),
        ({"lora_alpha": 0}, "lora_alpha", "Alpha is 0"),
        ({"model": "kolors"}, "model", "not on this disk yet"),
        ({"name": "a/b"}, "name", "can't be a LoRA's name"),
    ],
)
def test_what_keeps_a_run_from_starting_is_told_at_its_control_and_on_the_card(
    bench, pictures, values, field, words
):
    told = check(bench, **{"dataset_path": pictures, **values})
    assert words in told[bench.form.controls[field]]["info"]
    assert "ink-fault" in told[bench.form.controls[field]]["elem_classes"]
    assert "ink-check-fault" in card(told, bench)
    assert told[bench.on.starting.start]["interactive"] is False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a toast, where there is a page
        view, _ = bench.on.starting.begin(bench.data(**{"dataset_path": pictures, **values}))
    assert view is None
    assert bench.runs.list() == []


def test_a_hint_goes_when_its_reason_goes(bench, pictures):
    told = check(bench, dataset_path=pictures, lora_rank=0)
    data = {**bench.data(dataset_path=pictures), bench.on.starting.hinted: told[bench.on.starting.hinted]}
    calm = bench.on.starting.check(data)
    rank = calm[bench.form.controls["lora_rank"]]
    assert rank["elem_classes"] == []
    assert "Room for what is learnt" in rank["info"]
    assert calm[bench.on.starting.hinted] == []


def test_what_does_not_fit_is_refused_and_one_press_makes_it_fit(bench, pictures):
    data = bench.data(dataset_path=pictures, batch_size=1024, width=2048, height=2048)
    told = bench.on.starting.check(data)
    assert "GB for it" in card(told, bench)
    assert told[bench.on.starting.fix]["visible"] is True
    assert told[bench.on.starting.fix]["value"].startswith("Apply:")
    fixed = bench.on.starting.take_fix(data)
    held = {made: props["value"] for made, props in fixed.items() if "value" in props}
    again = bench.on.starting.check({**data, **held})
    assert again[bench.on.starting.start]["interactive"] is True
    assert again[bench.on.starting.fix]["visible"] is False


def test_a_name_that_is_taken_comes_with_one_that_is_free(bench, pictures):
    bench.start(name="ink", dataset_path=pictures, trigger_word="slow")
    told = check(bench, name="INK", dataset_path=pictures)
    assert "already" in card(told, bench)
    fixed = bench.on.starting.take_fix(bench.data(name="ink", dataset_path=pictures))
    assert fixed[bench.form.controls["name"]]["value"] == "ink-2"


def test_start_leaves_a_run_on_the_disk_before_it_returns(bench, pictures):
    view = bench.start(name="ink", dataset_path=pictures)
    assert (view.folder.path / "run.json").is_file()
    assert bench.runs.get(view.id).request.dataset_path == pictures
    assert until(bench, view.id, "finished").record.step == 6


def test_a_preset_fills_the_settings_and_leaves_the_words(bench):
    data = {
        **bench.data(name="mine", trigger_word="x", lora_rank=3),
        bench.on.starting.preset: "storybook-style",
    }
    told = bench.on.starting.take_preset(data)
    form = bench.form.controls
    assert (told[form["name"]]["value"], told[form["trigger_word"]]["value"]) == ("mine", "x")
    assert told[form["lora_rank"]]["value"] == 16
    with pytest.warns(UserWarning, match="nothing"):
        missing = bench.on.starting.take_preset({**data, bench.on.starting.preset: "nothing"})
    assert list(missing) == [bench.on.starting.preset]


def test_a_run_again_fills_the_form_with_its_request(bench, pictures):
    view = bench.start(name="ink", dataset_path=pictures, lora_rank=5)
    told = bench.on.starting.take_run(view)
    assert told[bench.form.controls["lora_rank"]]["value"] == 5
    assert told[bench.form.controls["name"]]["value"] == "ink-2"


def test_dropped_pictures_become_a_set_with_their_captions(bench, tmp_path):
    sets = bench.on.starting.sets
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as packed:
        packed.write(tmp_path / "a.png", "b.png")
        packed.writestr("b.txt", "own words")
    told = sets.store([str(tmp_path / "a.png"), str(tmp_path / "more.zip")], "all", "my set", "en")
    path = told[bench.form.controls["dataset_path"]]["value"]
    assert Path(path).name == "my set"
    assert told[sets.stored] == path
    sets.recaption("later", path, "en")
    folder = bench.workshop.checks.pictures(Path(path))
    assert {item.file.name: item.caption for item in folder.items} == {"a.png": "later", "b.png": "own words"}
    again = sets.store([str(tmp_path / "a.png")], "", "my set", "en")
    assert Path(again[bench.form.controls["dataset_path"]]["value"]).name == "my set-2"


def test_what_holds_no_pictures_is_refused_in_words_at_the_drop_zone(bench, tmp_path):
    (tmp_path / "a.txt").write_text("words")
    sets = bench.on.starting.sets
    told = sets.store([str(tmp_path / "a.txt")], "", "", "zh")
    assert told[sets.note]["visible"] is True
    assert "没有图片" in told[sets.note]["value"]


def test_the_example_set_is_painted_once(bench):
    sets = bench.on.starting.sets
    told = sets.paint()
    path = Path(told[bench.form.controls["dataset_path"]]["value"])
    first = {file: file.stat().st_mtime_ns for file in path.rglob("*.png")}
    assert len(first) == 24
    assert sets.paint()[bench.form.controls["dataset_path"]]["value"] == str(path)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*.png")} == first
    assert (str(path), str(path)) in bench.workshop.choices.sets()


def test_a_page_that_others_reach_looks_at_no_folder_and_takes_no_pictures(
    settings, engine, pictures, tmp_path
):
    bench = drawn(lambda: draw_bench(public(settings), engine))
    told = check(bench, dataset_path=pictures)
    assert f"What {SUPPOSED} pictures would take" in card(told, bench)
    assert "<img" not in card(told, bench)
    assert told[bench.on.starting.start]["interactive"] is False
    view, _ = bench.on.starting.begin(bench.data(dataset_path=pictures))
    assert view is None
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    sets = bench.on.starting.sets
    assert sets.store([str(tmp_path / "a.png")], "", "", "en") == {sets.stored: ""}
    assert sets.paint() == {sets.stored: ""}
    assert not bench.workshop.choices.sets_dir.exists()


def test_turning_to_the_drop_zone_hides_the_folder_box(bench):
    assert bench.on.starting.sets.turn("drop") == (gr.update(visible=False), gr.update(visible=True))
