"""The form of the Train tab: controls from field lines, values to a request and back."""

import gradio as gr
import pytest

from studio.errors import OutOfRange, StudioError
from studio.train_errors import NameRefused
from studio.train_request import TrainRequest
from studio.ui.controls import Choice, Figure, Knob
from studio.ui.train_form import BASIC, MORE
from tests.ui.conftest import drawn
from tests.ui.train import draw_bench, public


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def test_every_field_has_one_control(bench):
    named = [*BASIC, "model", "dataset_path", *(name for names in MORE.values() for name in names)]
    assert sorted(named) == sorted(TrainRequest.settings())
    assert set(bench.form.controls) == set(named)
    kinds = {name: type(made) for name, made in bench.form.controls.items()}
    assert kinds["optimizer"] is Choice
    assert kinds["random_flip"] is gr.Checkbox
    assert kinds["learning_rate"] is Figure
    assert kinds["caption_dropout"] is Knob
    assert kinds["sample_prompts"] is gr.Textbox


def test_a_request_comes_back_from_its_values(bench):
    request = TrainRequest(name="ink", trigger_word="墨", sample_prompts=("a boat", "一只船"), prior_prompts=("a cat", "a dog"), learning_rate=5e-4,
                           random_flip=True, lora_rank=4, ema_decay=0.99, optimizer="prodigy")  # fmt: skip
    values = bench.form.spread(request)
    assert values["sample_prompts"] == "a boat\n一只船"
    assert bench.form.request(values) == request


def test_empty_boxes_mean_their_defaults_and_blank_lines_no_prompts(bench):
    values = bench.form.kept({}) | {
        "seed": None,
        "name": None,
        "sample_prompts": "\n a cat \n\n",
        "trigger_word": " x ",
    }
    request = bench.form.request(values)
    assert (request.seed, request.name, request.trigger_word) == (42, "", "x")
    assert request.sample_prompts == ("a cat",)


@pytest.mark.parametrize(
    ("wrong", "error"), [({"lora_rank": 0}, OutOfRange), ({"lora_alpha": 0.0}, OutOfRange), ({"name": "a/b"}, NameRefused),
                         ({"lora_rank": "<b>"}, StudioError), ({"optimizer": "sgd"}, StudioError)],
)  # fmt: skip
def test_a_bad_value_names_its_field(bench, wrong, error):
    with pytest.raises(error) as told:
        bench.form.request(bench.form.kept({}) | wrong)
    assert told.value.field == next(iter(wrong))


def test_what_a_browser_kept_is_taken_only_where_it_is_of_the_right_sort(bench):
    told = bench.form.kept(
        {"name": "mine", "max_steps": "many", "random_flip": 3, "lora_rank": 8, "strange": 1}
    )
    assert (told["name"], told["lora_rank"]) == ("mine", 8)
    assert (told["max_steps"], told["random_flip"]) == (0, False)
    assert "strange" not in told
    assert bench.form.kept("nonsense") == bench.form.spread(TrainRequest())


def test_a_page_that_others_reach_offers_no_paths(settings, engine):
    bench = drawn(lambda: draw_bench(public(settings), engine))
    assert not set(MORE["paths"]) & set(bench.form.controls)
    assert bench.workshop.choices.sets() == []


def test_presets_and_models_are_offered_with_what_is_missing(bench):
    presets = {name: label for label, name in bench.workshop.choices.presets("en")}
    assert "not downloaded" not in presets["storybook-style"]
    assert "not downloaded" in presets["kolors-style"]
    assert bench.workshop.choices.models("zh")[0] == ("图画书", "storybook")
