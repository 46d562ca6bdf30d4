"""What other programs write is read as they meant it; what has no place here is named, and nothing is run."""

import copy
import io
import json
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.exchange.picture import formats, read_settings
from studio.picture_errors import PictureError
from studio.wildcards import split
from tests.exchange.foreign_samples import SAMPLES
from tests.exchange.test_picture import small

EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def reading(texts):
    """The first format that takes the texts, and what it read."""
    return next((entry.name, found) for entry in formats() if (found := entry.read(texts)))


@EVERY
def test_what_others_write_is_read(sample):
    name, found = reading(sample.texts)
    assert name == sample.format
    assert {key: found.values.get(key) for key in sample.values} == sample.values
    assert set(found.left_out) == set(sample.left_out)
    assert len(found.approximated) == sample.near
    assert found.facts == sample.facts


@EVERY
def test_it_comes_out_of_a_file_as_a_request(sample):
    recalled = read_settings(small(**sample.texts))
    assert recalled.format == sample.format
    assert recalled.fields >= sample.values.keys()
    assert len(split(recalled.request.prompt)) == 1
    said = [notice.say(language) for notice in recalled.notices for language in ("en", "zh")]
    assert all(any(name in words for words in said) for name in sample.left_out[:8])
    for near in recalled.approximated:
        assert near.say("en") != near.say("zh")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    "code", [b"UNICODE\0", b"ASCII\0\0\0", bytes(8), b""], ids=["utf-16", "ascii", "none", "bare"]
)
@pytest.mark.parametrize(
    "sample", [s for s in SAMPLES if s.name in ("plain", "fooocus", "swarm")], ids=lambda s: s.name
)
def test_the_user_comment_of_jpeg_and_webp_is_read(sample, kind, code):
    told = sample.texts["parameters"].encode("utf-16-be" if code == b"UNICODE\0" else "utf-8")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = code + told + b"\0\0"
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind, exif=exif)
    recalled = read_settings(stream.getvalue())
    assert recalled.format == sample.format
    assert recalled.request.prompt == sample.values["prompt"]


STRANGE = (None, True, -1, 0, 10**40, 1e308, float("nan"), float("inf"), "", "x" * 5000, "-1", "1e5", [], [[]], [{}], {}, {"a": {}},
           [None, 1, "x"], "../../etc/passwd", "__import__('os')", "\0\ud800", "(1, 2")  # fmt: skip


def broken(value, dice):
    """The value with some of what it holds replaced by what doesn't belong there."""
    if dice.random() < 0.2:
        return copy.deepcopy(dice.choice(STRANGE))
    if isinstance(value, dict):
        return {key: broken(inner, dice) for key, inner in value.items() if dice.random() < 0.95}
    return [broken(inner, dice) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "sample", [s for s in SAMPLES if s.format != "A1111"], ids=lambda sample: sample.name
)
def test_objects_with_strange_values_are_read_or_passed_over(sample):
    dice = random.Random(sample.name)
    for _ in range(60):
        texts = {}
        for key, text in sample.texts.items():
            told = broken(json.loads(text), dice) if text.startswith("{") else text
            texts[key] = json.dumps(told) if isinstance(told, dict) else text
        with suppress(PictureError):
            read_settings(small(**texts))


@settings(max_examples=150, deadline=None)
@given(sample=st.sampled_from(SAMPLES), data=st.data())
def test_texts_that_were_cut_or_changed_are_read_or_passed_over(sample, data):
    texts = {}
    for key, text in sample.texts.items():
        at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 6))
        changed = (
            text[:at]
            + data.draw(st.sampled_from(("", '"', "}", ",", ": ", "\n", "<lora:", "[", "🐈")))
            + text[at + length :]
        )
        texts[key] = changed[: data.draw(st.integers(0, 2 * len(changed)))]
    with suppress(PictureError):
        read_settings(small(**texts))


@pytest.mark.parametrize(
    "text",
    ['{"prompt":' * 5_000, '{"sui_image_params":' + "[" * 50_000, "Hashes: " + '{"a":' * 20_000 + "\nSteps: 1, Seed: 1, Size: 1x1",
     'Steps: 1, Seed: 1, Size: 1x1, Hashes: {"a": ' * 5_000, '{"invokeai_metadata": ' + "9" * 10_000 + "}",
     "Steps: 1, Seed: 1, Lora hashes: \"" + ",".join(f"l{n}: 1234567890" for n in range(50_000)) + "\"",
     "<lora:a:1:2>" * 20_000 + "\nSteps: 1, Sampler: x, Seed: 1", "<lora:" + "a:" * 5_000 + ">\nSteps: 1, Sampler: x, Seed: 1"],
)  # fmt: skip
def test_hostile_texts_are_read_or_passed_over(text):
    with suppress(PictureError):
        read_settings(small(parameters=text, invokeai_metadata=text, Comment=text, **{"sd-metadata": text}))
