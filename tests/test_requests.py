"""A request refuses what it can't hold, in both languages, and comes back from plain values."""

import json
import math

import pytest

from studio.errors import OutOfRange, RequestError, TooManyLoras, UnknownField, WrongType
from studio.requests import MOST_LETTERS, GenerateRequest, LoraUse


def test_plain_values_come_back_equal():
    request = GenerateRequest(prompt="一只猫", seed=7, loras=(LoraUse("ink", 0.8, False),), styles=("night",))
    assert GenerateRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"steps": 0}, OutOfRange, "steps"),
        ({"guidance": float("nan")}, OutOfRange, "guidance"),
        ({"guidance": 10**400}, OutOfRange, "guidance"),
        ({"width": 9999}, OutOfRange, "width"),
        ({"width": 10**400}, OutOfRange, "width"),
        ({"seed": -1}, OutOfRange, "seed"),
        ({"steps": "many"}, WrongType, "steps"),
        ({"steps": True}, WrongType, "steps"),
        ({"prompt": None}, WrongType, "prompt"),
        ({"prompt": "船" * (MOST_LETTERS + 1)}, OutOfRange, "prompt"),
        ({"negative_prompt": "x" * 10**6}, OutOfRange, "negative_prompt"),
        ({"styles": [{"name": "night"}]}, WrongType, "styles"),
        ({"loras": [{"weight": 1}]}, WrongType, "loras"),
        ({"loras": ["ink:9"]}, OutOfRange, "loras"),
        ({"loras": [{"name": "a", "weight": -(10**400)}]}, OutOfRange, "loras"),
        ({"loras": [{"name": "a", "weight": math.nan}]}, OutOfRange, "loras"),
        ({"loras": [{"name": "a", "blocks": {"up": 10**400}}]}, OutOfRange, "loras"),
        ({"loras": ["a", "b", "c", "d", "e"]}, TooManyLoras, "loras"),
        ({"loras": [{"name": "a", "strength": 1}]}, UnknownField, "loras"),
        ({"step": 3}, UnknownField, "step"),
    ],
)
def test_what_a_request_cannot_hold_is_refused_by_name(values, error, field):
    with pytest.raises(error) as caught:
        GenerateRequest.from_dict(values)
    assert caught.value.field == field
    assert "{" not in caught.value.say("en").replace("{'name'", "").replace("{'weight'", "")
    assert caught.value.say("zh") != caught.value.say("en")


def test_a_lora_may_be_written_as_name_and_weight():
    assert GenerateRequest.from_dict({"loras": ["ink:0.8", "C:plain"]}).loras == (
        LoraUse("ink", 0.8),
        LoraUse("C:plain"),
    )


BLOCKS = (("down", 0.5), ("up.0-1", 0.0))


@pytest.mark.parametrize(
    "told",
    [
        "ink:0.8:down=0.5,up.0-1=0",
        {"name": "ink", "weight": 0.8, "blocks": {"down": 0.5, "up.0-1": 0}},
        {"name": "ink", "weight": 0.8, "blocks": "down=0.5，up.0-1=0"},
    ],
)
def test_a_lora_may_have_weights_by_block(told):
    request = GenerateRequest.from_dict({"loras": [told]})
    assert request.loras == (LoraUse("ink", 0.8, blocks=BLOCKS),)
    assert GenerateRequest.from_dict(request.to_dict()) == request
    assert request.loras[0].blocks_text == "down=0.5,up.0-1=0"


def test_a_lora_without_block_weights_is_written_as_ever():
    assert GenerateRequest(loras=(LoraUse("ink"),)).to_dict()["loras"] == [
        {"name": "ink", "weight": 1.0, "on": True}
    ]
    assert GenerateRequest.from_dict({"loras": ["C:/a=b/ink"]}).loras == (LoraUse("C:/a=b/ink"),)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("ink:1:side=1", "block 'side' does not exist"),
        ("ink:1:up=much", "must be down=0.5,mid=1,up=0"),
        ("ink:1:up=9", "must be between -4 and 4"),
        ({"name": "ink", "blocks": 3}, "must be down=0.5"),
        ({"name": "ink", "blocks": {"up": "1"}}, "must be a number"),
    ],
)
def test_block_weights_that_mean_nothing_are_refused(told, words):
    with pytest.raises(RequestError, match=words) as refused:
        GenerateRequest.from_dict({"loras": [told]})
    assert refused.value.field == "loras"


def test_every_field_says_what_it_is_in_both_languages():
    for name, told in GenerateRequest.settings().items():
        for text in (told.label, told.help):
            assert text.en, name
            assert text.zh, name
