"""Every format gives every request back: plain ones, and ones made of what breaks parsers."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from studio.exchange.a1111 import FORMAT as A1111
from studio.exchange.inkstone import FORMAT as INKSTONE
from studio.exchange.picture import formats
from studio.requests import GenerateRequest, LoraUse

TRAPS = (
    "红色的小船", "🐈‍⬛", '"', "\\", "'", "\n", "\r\n", "\t", " ", "\0", "\ud800", "\u2028", ",", ":", "<", ">",
    "\nNegative prompt: ", "Negative prompt:", "\nSteps: 1, Sampler: x, Seed: 2", "Inkstone: ", "<lora:ink:0.8>",
    "<lora:a:1> ", "{prompt}", "(a:1.2)", "{a|b}", "|", "\\|", "__colour__", '"}', "，", "\x85",
)  # fmt: skip

words = st.lists(st.sampled_from(TRAPS) | st.text(max_size=12), max_size=6).map("".join)
loras = st.builds(LoraUse, words, st.floats(-4, 4), st.booleans())
requests = st.builds(
    GenerateRequest,
    prompt=words,
    negative_prompt=words,
    model=words,
    sampler=st.sampled_from(("euler", "dpmpp_2m", "new one")) | words,
    schedule=st.sampled_from(("auto", "karras")) | words,
    steps=st.integers(1, 150),
    guidance=st.floats(1, 30),
    width=st.integers(64, 4096),
    height=st.integers(64, 4096),
    seed=st.none() | st.integers(0, 2**32 - 1),
    count=st.integers(1, 16),
    loras=st.lists(loras, max_size=4).map(tuple),
    styles=st.lists(words, max_size=3).map(tuple),
    precision=st.sampled_from(("auto", "fp16")) | words,
    start=st.sampled_from(("", "0a" * 32)),
    mask=st.sampled_from(("", "1b" * 32)),
    strength=st.floats(0.05, 1),
    upscale=st.just(1.0) | st.floats(1, 4),
    upscale_strength=st.floats(0.05, 1),
)


@pytest.mark.parametrize("entry", [f for f in formats() if f.write], ids=lambda entry: entry.name)
@settings(max_examples=300, deadline=None)
@given(request=requests, seed=st.integers(0, 2**32 - 1), woven=st.none() | words)
@example(GenerateRequest(prompt="a cat\nSteps: 1, Sampler: x, Seed: 2"), 1, None)
@example(GenerateRequest(prompt=" a\nNegative prompt: b ", negative_prompt="c\nNegative prompt: d"), 1, None)
@example(
    GenerateRequest(prompt="<lora:x:100>", loras=(LoraUse("a:b>", 0.1), LoraUse("off", 1, False))), 1, "woven"
)
def test_what_is_written_reads_back_equal(entry, request, seed, woven):
    facts = {"seed": seed} | ({} if woven is None else {"prompt": woven, "negative_prompt": woven})
    texts = entry.write(request, facts)
    for text in texts.values():
        text.encode()
    reading = entry.read(texts)
    assert reading is not None
    assert GenerateRequest.from_dict(reading.values) == request


def test_exact_format_is_read_first():
    assert formats()[0] is INKSTONE


@pytest.mark.parametrize("entry", formats(), ids=lambda entry: entry.name)
def test_no_format_takes_what_is_not_its_own(entry):
    for text in (
        "",
        "{",
        "[]",
        "null",
        "a cat on the grass",
        '{"version": 1}',
        "[" * 100_000,
        "a:" * 100_000,
    ):
        assert entry.read(dict.fromkeys(("parameters", "inkstone", "prompt"), text)) is None


def test_a1111_text_is_what_other_programs_expect():
    request = GenerateRequest(
        prompt="a red boat on the sea", negative_prompt="night", steps=20, guidance=4.5, seed=7,
        sampler="dpmpp_2m", schedule="karras", loras=(LoraUse("ink", 0.8),),
    )  # fmt: skip
    lines = A1111.write(request, {})["parameters"].split("\n")
    assert lines[:2] == ["a red boat on the sea <lora:ink:0.8>", "Negative prompt: night"]
    assert lines[2].startswith(
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 7, Size: 256x256, Model: storybook"
    )
    assert "Inkstone: " not in lines[2]


def test_a1111_text_of_other_programs_is_read():
    text = (
        "masterpiece, <lora:ink wash:0.7> a cat\nsecond line\nNegative prompt: blurry,\nbad\n"
        "Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 45dee52b, "
        'Model: anything, Lora hashes: "ink wash: 1234567890ab", Hires steps: 2, Version: v1.10.1'
    )
    reading = A1111.read({"parameters": text})
    assert reading is not None
    assert reading.values == {
        "prompt": "masterpiece, a cat\nsecond line", "negative_prompt": "blurry,\nbad", "steps": 30, "guidance": 7.0,
        "sampler": "dpmpp_2m", "schedule": "karras", "seed": 965400086, "width": 512, "height": 768,
        "model": "anything", "loras": [{"name": "ink wash", "weight": 0.7, "on": True}],
    }  # fmt: skip
    assert reading.left_out == ("Hires steps",)
