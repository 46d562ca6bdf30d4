"""The grammar of weights."""

import pytest

from studio.weighting import MOST_WEIGHT, looks_weighted, sections, weighted

MORE, LESS = pytest.approx(1.1), pytest.approx(1 / 1.1)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a red cat", [("a red cat", 1)]),
        ("", [("", 1)]),
        ("()", [("", 1)]),
        ("a (red) cat", [("a ", 1), ("red", MORE), (" cat", 1)]),
        ("a ((red)) cat", [("a ", 1), ("red", pytest.approx(1.21)), (" cat", 1)]),
        ("a [red] cat", [("a ", 1), ("red", LESS), (" cat", 1)]),
        ("(red:1.3) cat", [("red", 1.3), (" cat", 1)]),
        ("(red: .5 )", [("red", 0.5)]),
        ("(red:-1)", [("red", -1)]),
        ("(a (red:2) cat:1.5)", [("a ", 1.5), ("red", 3), (" cat", 1.5)]),
        ("((red:1.2), cat)", [("red", pytest.approx(1.32)), (", cat", MORE)]),
        ("[(red:1.1)]", [("red", pytest.approx(1))]),
        (r"a \(red\) \[cat\] \\", [("a (red) [cat] \\", 1)]),
        (r"a\b \n", [(r"a\b \n", 1)]),
        ("a (red", [("a ", 1), ("red", MORE)]),
        ("a [red (cat", [("a ", 1), ("red ", LESS), ("cat", pytest.approx(1))]),
        ("a) red] cat:1.2)", [("a) red] cat:1.2)", 1)]),
        ("at 10:30, 16:9", [("at 10:30, 16:9", 1)]),
        ("(red:1.2.3)", [("red:1.2.3", MORE)]),
        ("(red:abc)", [("red:abc", MORE)]),
        ("[day:night:0.5]", [("day:night:0.5", LESS)]),
        ("a cat BREAK a dog\nBREAK\nBREAKFAST", [("a cat a dog BREAKFAST", 1)]),
        ("一只（红色的）猫,(雪地:1.2)", [("一只（红色的）猫,", 1), ("雪地", 1.2)]),
        ("(a)(b)", [("ab", MORE)]),
        ("a\n(b)\n🐈", [("a\n", 1), ("b", MORE), ("\n🐈", 1)]),
    ],
)
def test_pieces(text, pieces):
    assert weighted(text) == pieces


def test_break_parts_sections_and_weights_reach_over_it():
    assert sections("a (red BREAK cat:1.3) x") == [[("a ", 1), ("red", 1.3)], [("cat", 1.3), (" x", 1)]]
    assert sections("a BREAK\nBREAK b BREAK") == [[("a", 1)], [("", 1)], [("b", 1)], [("", 1)]]
    assert sections("BREAKFAST \0 a") == [weighted("BREAKFAST   a")]
    assert sections("") == [weighted("")]


def test_no_weight_grows_beyond_what_an_encoder_bears():
    assert weighted("(a:999)") == [("a", MOST_WEIGHT)]
    assert weighted("(((a:-99):99):99)") == [("a", -MOST_WEIGHT)]


def test_brackets_beyond_a_depth_are_characters():
    ((words, weight),) = weighted("(" * 22 + "a")
    assert words == "(" * 6 + "a"
    assert weight == pytest.approx(1.1**16)


@pytest.mark.parametrize("text", ["(a" * 5_000, "[" * 10_000, "(a:" * 5_000, ":1" * 5_000, "\\" * 10_001, "(" + " " * 9_999])  # fmt: skip
def test_hostile_texts_are_read(text):
    pieces = weighted(text)
    assert sum(len(words) for words, _ in pieces) <= len(text)
    assert not looks_weighted(text)


@pytest.mark.parametrize(
    "text", ["a (red:1.2) cat", "((red))", "[[red]]", "(红色:1.3)", "(a, b: 0.8 )", "x (a (b:1.1))"]
)
def test_what_is_surely_meant_as_weight(text):
    assert looks_weighted(text)


@pytest.mark.parametrize(
    "text", ["a cat (red)", "[sic]", "wide (16:9)", r"\((red\))", "一只（红色:1.2）猫", "f(x)", "at 10:30"]
)
def test_what_may_be_punctuation(text):
    assert not looks_weighted(text)
