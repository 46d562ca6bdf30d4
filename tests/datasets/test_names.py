"""Names and words from strangers: Chinese stays, what misleads goes."""

import unicodedata
from pathlib import PurePosixPath

import pytest

from studio.datasets.names import (
    MOST_NAME_BYTES,
    clean_caption,
    clean_line,
    clean_name,
    clean_path,
    clean_paths,
    clean_together,
    unique_name,
)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("猫咪.jpg", "猫咪.jpg"),
        ("ねこ 写真.png", "ねこ 写真.png"),
        ("a/b\\c.png", "c.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.png", "x.png"),
        ("..", "picture"),
        ("", "picture"),
        (".hidden.png", "hidden.png"),
        ("CON.png", "_CON.png"),
        ("lpt1", "_lpt1"),
        ("com¹.tar.gz", "_com¹.tar.gz"),
        ("nul .txt", "_nul.txt"),
        ("a:b*c?.png", "a_b_c_.png"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b\nc\x7f.png", "abc.png"),
        ("half\ud800.png", "half.png"),
        ("name. . .", "name"),
        ("👩\u200d🎨.png", "👩\u200d🎨.png"),
    ],
)
def test_names_are_made_fit(given, clean):
    assert clean_name(given) == clean


def test_composed_and_decomposed_names_are_the_same():
    assert clean_name(unicodedata.normalize("NFD", "café.png")) == clean_name("café.png")


def test_long_names_are_cut_between_characters_and_keep_their_ending():
    name = clean_name("猫" * 300 + ".jpeg")
    assert len(name.encode()) <= MOST_NAME_BYTES
    assert name.endswith("猫.jpeg")


def test_paths_keep_their_folders_and_lead_nowhere_else():
    assert clean_path("10_猫/../train/./a.png") == "10_猫/train/a.png"
    assert clean_path("/etc/passwd") == "etc/passwd"
    assert clean_path("../..") == "picture"
    assert clean_path("/".join("x" * 50)) == "x/x/x/x/x/x/x/x"


def test_names_that_meet_get_a_number():
    taken: set[str] = set()
    given = ["a.png", "A.PNG", "a.png", "b/a.png", unicodedata.normalize("NFD", "é.png"), "é.png"]
    assert [unique_name(name, taken) for name in given][1:4] == ["A-2.PNG", "a-3.png", "b/a.png"]
    assert len(taken) == len(given)
    long = "x" * (MOST_NAME_BYTES - 4) + ".png"
    assert [len(unique_name(long, taken).encode()) for _ in range(2)] == [MOST_NAME_BYTES] * 2


def test_captions_keep_their_lines_and_lose_what_hides_in_them():
    assert clean_caption("a cat\t\x1b[31m\u202e\r\n\n 一只猫 \ud800") == "a cat [31m\n一只猫"
    assert clean_line("a\nb\u2028c") == "a b c"
    assert len(clean_line("x" * 10**6)) == 500
    assert len(clean_caption("x" * 10**6)) == 20_000


def test_a_picture_and_its_caption_keep_one_stem_however_they_come():
    first, second = ("山水" * 40 + end for end in "一二")
    came = [f"{first}.png", f"{second}.png", f"{second}.txt", f"{first}.txt"]
    clean = clean_together(came)
    assert len(set(clean.values())) == 4
    assert all(len(name.encode()) <= MOST_NAME_BYTES for name in clean.values())
    for stem in (first, second):
        assert PurePosixPath(clean[f"{stem}.png"]).stem == PurePosixPath(clean[f"{stem}.txt"]).stem


@pytest.mark.parametrize(
    "came",
    [["cat.png", "CAT.png", "CAT.txt", "cat.txt"], ["a?.png", "a:.png", "a:.txt", "a?.txt"],
     ["x/a  b.png", "x/a b.png", "x/a b.txt", "x/a  b.txt"], ["x./a.png", "x/a.png", "x/a.txt", "x./a.txt"]],
)  # fmt: skip
def test_names_that_come_out_alike_stay_apart_and_are_found_again(came):
    clean = clean_together(came)
    assert len({name.casefold() for name in clean.values()}) == 4
    for picture, caption in ((came[0], came[3]), (came[1], came[2])):
        assert clean[picture].removesuffix(".png") == clean[caption].removesuffix(".txt")
    assert all(clean[name] in clean_paths(name) for name in came)


def test_a_name_like_no_other_stays_as_it_is():
    came = ["train/1.png", "train/1.txt", "train/2.JPG", "metadata.csv", "10_猫/é.webp", ".x.caption"]
    assert [*clean_together(came).values()] == [*came[:5], "x.caption"]


def test_letters_newer_than_this_python_stay():
    words = "face \U0001fae9 and \U00031350 and \U0002ebf0 end"
    assert clean_caption(words) == words
    assert clean_name("\U0001fae9.png") == "\U0001fae9.png"
    assert clean_caption("a\ufffeb\U0001ffffc\U000e01f0d\ufdd0") == "abcd"
