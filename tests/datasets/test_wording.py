"""Bulk edits of captions: what changes, what doesn't, and that a second time changes nothing more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.dataset_requests import Need, Wording
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry, New
from studio.datasets.wording import (
    filled,
    preview,
    reword,
    reword_all,
    tidied,
    with_ends,
    with_tags,
    with_trigger,
    without_repeats,
    without_tags,
    without_trigger,
)

CAPTIONS = st.text(st.sampled_from("abck sx红船猫 ,，、;.。!\n\u200b1"), max_size=40)
TRIGGERS = st.sampled_from(["sks", "砚台风", "a-b", "x1"])


def entry(caption: str, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(id=1, file="a.png", name="a.png", sha256="0" * 64, caption=caption, tags=tags)


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({"find": "cat", "replace": "dog"}, "cattle and cat", "dogtle and dog"),
        ({"find": "cat", "replace": "dog", "whole_word": True}, "cattle, cat, Cat", "cattle, dog, Cat"),
        ({"find": "cat", "replace": "dog", "whole_word": True, "ignore_case": True}, "Cat.", "dog."),
        ({"find": "红", "replace": "蓝", "whole_word": True}, "一只红色的船", "一只蓝色的船"),
        ({"find": "cat", "replace": "狗", "whole_word": True}, "一只cat在船上", "一只狗在船上"),
        ({"find": "a.c", "replace": r"\1\g<0>"}, "abc a.c", r"abc \1\g<0>"),
        ({"find": "", "replace": "x"}, "abc", "abc"),
        ({"find": ", blurry"}, "a boat, blurry, sea", "a boat, sea"),
    ],
)
def test_find_and_replace_takes_words_as_they_stand(options, before, after):
    assert reword(entry(before), Wording(**options)) == after


def test_the_trigger_word_stands_at_the_start_and_once():
    assert with_trigger("a boat", "sks") == "sks, a boat"
    assert with_trigger("sks, a boat", "sks") == "sks, a boat"
    assert with_trigger("a photo of sks", "sks") == "sks, a photo of"
    assert with_trigger("sks, a sks boat", "sks") == "sks, a boat"
    assert with_trigger("一只船", "砚台风") == "砚台风，一只船"
    assert with_trigger("", "sks") == "sks"
    assert with_trigger("a boat", "  ") == "a boat"
    assert with_trigger("sksy boat", "sks") == "sks, sksy boat"


def test_the_trigger_word_goes_with_its_comma():
    assert without_trigger("sks, a boat", "sks") == "a boat"
    assert without_trigger("a boat, sks, at sea", "sks") == "a boat, at sea"
    assert without_trigger("砚台风，一只船", "砚台风") == "一只船"
    assert without_trigger("asks", "sks") == "asks"


def test_templates_fill_and_drop_what_is_empty():
    assert filled("{trigger}, {caption}", "a boat", "sks") == "sks, a boat"
    assert filled("{trigger}, {caption}", "sks, a boat", "sks") == "sks, a boat"
    assert filled("{trigger}, {caption}", "a boat", "") == "a boat"
    assert filled("{caption}, {tags}", "a boat", "", ()) == "a boat"
    assert filled("{caption}. {tags}", "a boat", "", ("sea", "calm")) == "a boat. sea, calm"
    assert filled("{caption}", "{trigger} {x}", "sks") == "{trigger} {x}"
    assert reword(entry("船", ("海",)), Wording(template="水墨画：{caption}（{tags}）")) == "水墨画：船（海）"


def test_tags_come_and_go_whatever_their_case():
    assert with_tags("1girl, Solo", ["solo", "sea"]) == "1girl, Solo, sea"
    assert with_tags("船，海", ["猫"]) == "船，海，猫"
    assert with_tags("", ["猫", "狗"]) == "猫，狗"
    assert with_tags("a boat,", ["sea"]) == "a boat, sea"
    assert without_tags("1girl, Solo, sea", ["solo"]) == "1girl, sea"
    assert without_tags("1girl,  solo", ["boat"]) == "1girl,  solo"
    assert without_repeats("sea, boat, Sea, boat") == "sea, boat"


def test_tidying_mends_spaces_and_commas_and_nothing_else():
    assert tidied(" a  boat ,, at\nsea , ") == "a boat, at sea"
    assert tidied("船 ，， 海 。") == "船，海。"
    assert tidied("1,000 boats,cats") == "1,000 boats, cats"
    assert tidied("girl, !, :), ...") == "girl, !, :), ..."


def test_everything_at_once_in_a_fixed_order():
    wording = Wording(
        find="boat", replace="ship", add_tags="ink, ink", remove_tags="bad", prefix="painting of ",
        trigger="put", trigger_word="sks", tidy=True,
    )  # fmt: skip
    assert reword(entry("a boat ,bad, sks"), wording) == "sks, painting of a ship, ink"


def test_an_empty_wording_changes_nothing():
    for words in ("", "a  boat ,\n x", "{caption}"):
        assert reword(entry(words), Wording()) == words


@given(CAPTIONS, TRIGGERS)
def test_putting_a_trigger_twice_is_putting_it_once(caption, trigger):
    once = with_trigger(caption, trigger)
    assert with_trigger(once, trigger) == once
    assert once.startswith(trigger)
    assert without_trigger(without_trigger(once, trigger), trigger) == without_trigger(once, trigger)


@given(CAPTIONS)
def test_tidying_and_tags_settle_at_once(caption):
    assert tidied(tidied(caption)) == tidied(caption)
    assert without_repeats(without_repeats(caption)) == without_repeats(caption)
    assert with_tags(with_tags(caption, ["sea"]), ["sea"]) == with_tags(caption, ["sea"])
    assert with_ends(with_ends(caption, "x ", " y"), "x ", " y") == with_ends(caption, "x ", " y")


@given(CAPTIONS, TRIGGERS)
def test_a_template_with_the_trigger_settles_at_once(caption, trigger):
    once = filled("{trigger}, {caption}", caption, trigger)
    assert filled("{trigger}, {caption}", once, trigger) == once


def test_a_preview_shows_only_what_changes_and_applying_is_one_step(tmp_path):
    with Catalogue.create(tmp_path / "set", Need()) as catalogue:
        words = ["a cat", "a dog", "two cats", "a cat, again"]
        ids = catalogue.add(
            New(file=f"{k}.png", name=f"{k}.png", sha256=f"{k:064}", caption=said)
            for k, said in enumerate(words)
        )
        wording = Wording(find="cat", replace="猫", whole_word=True)
        shown = preview(catalogue.entries(), wording, most=2)
        assert [(change.before, change.after) for change in shown] == [
            ("a cat", "a 猫"),
            ("a cat, again", "a 猫, again"),
        ]
        assert reword_all(catalogue, ids, wording) == 2
        assert [e.caption for e in catalogue.entries()] == ["a 猫", "a dog", "two cats", "a 猫, again"]
        assert catalogue.undo() == ("reword", 2)
        assert [e.caption for e in catalogue.entries()] == words
