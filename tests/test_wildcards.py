"""Choices, word lists and prompts parted by bars."""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from studio.errors import PresetBroken, UnknownChoice
from studio.settings import ROOT
from studio.wildcards import MOST_LIST_BYTES, TooManyDrawn, WordLists, expand, literal, split

SHIPPED = WordLists(ROOT / "presets" / "wildcards")


@pytest.fixture
def lists(tmp_path):
    told = {
        "colour": "# colours\nred\n\n  blue  \n", "动物": "猫\n狗\n", "hair-cut_2": "short", "one": "__two__ !",
        "two": "{a|a} __hair-cut_2__", "loop": "round __back__", "back": "and __loop__", "self": "__self__",
        "empty": "# nothing\n\n", **{f"d{n}": f"__d{n + 1}__" for n in range(12)}, "many": "__wide__" * 200,
        "wide": "__flat__" * 200, "flat": "x", "bad name": "x", "_x": "x",
    }  # fmt: skip
    for name, text in told.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    (tmp_path / "large.txt").write_bytes(b"x\n" * MOST_LIST_BYTES)
    (tmp_path.parent / "secret.txt").write_text("secret", encoding="utf-8")
    return WordLists(tmp_path)


def drawn(text, lists, seeds=range(300)):
    return Counter(expand(text, seed, lists) for seed in seeds)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a {red|blue} cat", {"a red cat", "a blue cat"}),
        ("{a|{b|c} d}", {"a", "b d", "c d"}),
        ("{a|}b", {"ab", "b"}),
        ("__colour__ __动物__", {"red 猫", "red 狗", "blue 猫", "blue 狗"}),
        ("一只__动物__在雪地", {"一只猫在雪地", "一只狗在雪地"}),
        ("{__colour__|green}", {"red", "blue", "green"}),
        ("__one__", {"a short !"}),
        ("{0::a|b}", {"b"}),
        ("{ 0::a |0.0::b|__colour__}", {"red", "blue"}),
    ],
)
def test_what_can_be_drawn(text, wanted, lists):
    assert drawn(text, lists).keys() == wanted


@pytest.mark.parametrize(
    "text",
    ["a red cat", "", "{a}", '{"scene": {"time": "night"}}', "} {", "a__b", "____", "__ __", "__a b__", "a_b_", "\\", r"a\b",
     r"\(red\)", "__../secret__", "__/etc/passwd__", "__.__"],
)  # fmt: skip
def test_what_has_no_marks_is_read_as_it_stands(text, lists):
    assert expand(text, 1, lists) == text
    assert split(text) == [text]
    assert literal(text) == text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"\{a|b\}", None), (r"\{a\|b\}", "{a|b}"), (r"a \| b", "a | b"), (r"\__colour__", "__colour__"),
        (r"a\\\| b", r"a\| b"), (r"{a\|b|a\|b}", "a|b"), (r"{\}|\}}", "}"),
    ],
)  # fmt: skip
def test_marks_behind_a_backslash_are_characters(text, read, lists):
    if read is None:
        assert split(text) == [r"\{a", r"b\}"]
    else:
        assert split(text) == [text]
        assert drawn(text, lists).keys() == {read}


def test_the_same_seed_draws_the_same_words(lists):
    text = "{a|b|c|d|e|f|g|h} {1|2|3|4|5|6|7|8} __colour__"
    assert [expand(text, seed, lists) for seed in range(4)] == ["g 7 red", "b 7 blue", "h 8 red", "b 5 red"]


def test_weights_say_how_often(lists):
    counts = drawn("{3::a|b}", lists, range(2000))
    assert 1400 < counts["a"] < 1600
    assert 850 < drawn("{a|b}", lists, range(2000))["a"] < 1150


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a cat | a dog|a bird", ["a cat", "a dog", "a bird"]),
        ("{red|blue} cat | a dog", ["{red|blue} cat", "a dog"]),
        ("{a|{b|c}} {x} | d", ["{a|{b|c}} {x}", "d"]),
        ("{a|b", ["{a", "b"]),
        ("{a|{b|c}", ["{a", "{b|c}"]),
        ("a|b}", ["a", "b}"]),
        (" | a ||", ["a"]),
        ("|", [""]),
        (" a ", [" a "]),
        (r"a \| b | c", [r"a \| b", "c"]),
        (r"a \\| b", ["a \\\\", "b"]),
        ("一只猫|一只狗", ["一只猫", "一只狗"]),
    ],
)
def test_bars_part_prompts(prompt, prompts):
    assert split(prompt) == prompts


MARKS = st.lists(
    st.sampled_from(
        ("{", "}", "|", "\\", "__", "__colour__", "__动物__", "2::", "a", "猫", "🐈", " ", "\n", "_")
    ),
    max_size=14,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(text=MARKS | st.text(max_size=20), seed=st.integers(0, 2**32 - 1))
@example("\\|", 0)
@example("___a__", 0)
def test_a_literal_text_is_read_as_it_was(text, seed):
    typed = literal(text)
    assert split(typed) == [typed]
    assert expand(typed, seed, SHIPPED) == text


@pytest.mark.parametrize("text", ["{" * 5_000, "}" * 5_000, "{" * 2_000 + "}" * 2_000, "{a|" * 2_000 + "}" * 2_000,
                                  "\\" * 5_001, "__a" * 2_000 + "_", "|" * 2_000])  # fmt: skip
def test_hostile_texts_are_read(text, lists):
    split(text)
    literal(text)
    if "__" not in text:
        assert len(expand(text, 1, lists)) <= len(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("__loop__", "loop → back → loop"),
        ("__self__", "self → self"),
        ("__d0__", "d0 → d1 → d2 → d3 → d4 → d5 → d6 → d7 → d8"),
        ("__empty__", "no words"),
        ("__latin__", "UTF-8"),
        ("__large__", "1 MB"),
    ],
)
def test_a_list_that_can_not_be_used_says_so(text, words, lists):
    with pytest.raises(PresetBroken) as caught:
        expand(text, 1, lists)
    assert words in caught.value.say("en")
    assert caught.value.field == "prompt"


@pytest.mark.parametrize(
    ("text", "trail"),
    [("__colour__ " * 1001, "colour"), ("__one__ " * 600, "one"), ("__many__", "many → wide")],
)
def test_a_prompt_that_draws_without_end_says_so_and_blames_no_list(text, trail, lists):
    with pytest.raises(TooManyDrawn) as caught:
        expand(text, 1, lists)
    assert trail in caught.value.say("en")
    assert "1000" in caught.value.say("zh")
    assert caught.value.field == "prompt"


def test_a_prompt_may_draw_a_thousand_times(lists):
    assert len(expand("__colour__ " * 1000, 1, lists).split()) == 1000


@pytest.mark.parametrize("name", ["nope", "secret", "颜色"])
def test_a_list_that_is_not_there_says_which_are(name, lists):
    with pytest.raises(UnknownChoice) as caught:
        expand(f"__{name}__", 1, lists)
    assert f"'{name}'" in caught.value.say("en")
    assert "动物" in caught.value.say("zh")
    assert "bad name" not in caught.value.say("en")


def test_the_lists_that_come_along_can_be_used():
    assert {"colour", "颜色", "thing", "东西"} <= set(SHIPPED.names())
    for name in SHIPPED.names():
        for seed in range(100):
            assert "__" not in expand(f"__{name}__", seed, SHIPPED)
