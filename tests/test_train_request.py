"""A training request refuses what it can't hold, and says of every field what it is."""

import json

import pytest

from studio import train_errors
from studio.errors import OutOfRange, StudioError, UnknownChoice, UnknownField, WrongType
from studio.train_errors import NameRefused, NoTargets
from studio.train_request import TrainRequest

SEED = {
    "pretrained_unet_path": "unet.safetensors", "pretrained_text_encoder_path": "text_encoder",
    "pretrained_fp16_vae_path": "vae.safetensors", "lora_rank": 16, "lora_alpha": 4.0, "dataset_path": "data",
    "output_path": "out", "max_epochs": 1, "steps_per_epoch": 500, "height": 1024, "width": 1024,
    "center_crop": True, "random_flip": True, "batch_size": 1, "dataloader_num_workers": 0,
    "use_gradient_checkpointing": True, "precision": "16-mixed", "learning_rate": 1e-4,
    "accumulate_grad_batches": 1, "training_strategy": "deepspeed_stage_2", "lora_target_modules": "to_q,to_k,to_v,to_out",
}  # fmt: skip


def test_it_holds_every_parameter_of_the_seeds_table():
    request = TrainRequest.from_dict(SEED)
    assert TrainRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert request.targets == ("to_q", "to_k", "to_v", "to_out.0")


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"lora_rank": 0}, OutOfRange, "lora_rank"),
        ({"lora_alpha": 0}, OutOfRange, "lora_alpha"),
        ({"learning_rate": float("nan")}, OutOfRange, "learning_rate"),
        ({"learning_rate": 0}, OutOfRange, "learning_rate"),
        ({"batch_size": 0}, OutOfRange, "batch_size"),
        ({"width": 32}, OutOfRange, "width"),
        ({"height": 5000}, OutOfRange, "height"),
        ({"caption_dropout": 1.5}, OutOfRange, "caption_dropout"),
        ({"precision": "fp8"}, UnknownChoice, "precision"),
        ({"adapter": "loha"}, UnknownChoice, "adapter"),
        ({"optimizer": "sgd"}, UnknownChoice, "optimizer"),
        ({"center_crop": "yes"}, WrongType, "center_crop"),
        ({"sample_prompts": [3]}, WrongType, "sample_prompts"),
        ({"lora_target_modules": " , "}, NoTargets, "lora_target_modules"),
        ({"rank": 4}, UnknownField, "rank"),
        *(({"name": name}, NameRefused, "name") for name in
          ("a/b", "..", "-x", "a\\b", "con", "NUL.x", "x" * 81, " a", "a.", "a\nb", 'a"b', "{x}", "50%")),
    ],
)  # fmt: skip
def test_what_it_cannot_hold_is_refused_by_name(values, error, field):
    with pytest.raises(error) as caught:
        TrainRequest.from_dict(values)
    assert caught.value.field == field
    assert caught.value.say("zh") != caught.value.say("en")


@pytest.mark.parametrize("name", ["", "ink", "水墨 2", "my.style_v1-b"])
def test_names_of_any_language_are_fine(name):
    assert TrainRequest(name=name).name == name


def test_a_bare_32_is_a_precision():
    assert TrainRequest.from_dict({"precision": 32}).precision == "32"


def test_every_field_says_what_it_is_in_both_languages():
    for name, told in TrainRequest.settings().items():
        assert told.label.en, name
        assert told.label.zh, name
        assert told.help.en != told.help.zh, name
        if told.choices:
            assert getattr(TrainRequest(), name) in told.choices


def test_every_error_holds_the_same_facts_in_both_languages():
    from string import Formatter

    def facts(words):
        return {name for _, name, _, _ in Formatter().parse(words) if name}

    kinds = [
        kind
        for kind in vars(train_errors).values()
        if isinstance(kind, type) and issubclass(kind, StudioError)
    ]
    for kind in kinds:
        if "text" in vars(kind):
            assert facts(kind.text.en) == facts(kind.text.zh), kind
