"""The history: searching, paging, choosing, deleting, and who sees what."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.requests import GenerateRequest
from studio.ui.looking import Looking
from studio.ui.past import PAGE
from studio.ui.pictures import served


def add(desk, prompt, seed=1):
    return desk.sheet.studio.history.add(
        bytes(16 * 16 * 3), 16, 16, GenerateRequest(prompt=prompt), {"seed": seed}
    )


def test_search_finds_words_and_says_when_there_are_none(desk):
    wanted = add(desk, "a red boat")
    add(desk, "蓝色的房子")
    past = desk.on.past
    assert past.updates("boat", [], [], "en")[past.ids] == [wanted.id]
    nothing = past.updates("elephant", [], [], "zh")
    assert nothing[past.ids] == []
    assert "没有" in nothing[past.note]["value"]


def test_paging_goes_back_and_forth(desk):
    made = [add(desk, f"picture {n}", n).id for n in range(PAGE + 3)][::-1]
    past = desk.on.past
    first = past.updates("", [], [], "en")
    assert first[past.ids] == made[:PAGE]
    assert first[past.older]["interactive"]
    assert not first[past.newer]["interactive"]
    second = past.updates("", [first[past.ids][-1]], [], "en")
    assert second[past.ids] == made[PAGE:]
    assert not second[past.older]["interactive"]
    assert second[past.newer]["interactive"]


def test_deleting_removes_the_file_and_the_copy_that_was_served(desk):
    entry = add(desk, "x")
    copy = Path(served(entry.file))
    assert desk.on.past.delete(entry.id, [entry.id]) == []
    assert not entry.file.exists()
    assert not copy.exists()


def test_visitors_of_a_public_studio_see_only_their_own_and_delete_nothing(make_desk, settings):
    from dataclasses import replace

    desk = make_desk(replace(settings, public=True))
    mine, other = add(desk, "mine"), add(desk, "other")
    past = desk.on.past
    assert past.updates("", [], [mine.id], "en")[past.ids] == [mine.id]
    assert past.updates("", [], [], "en")[past.ids] == []
    past.delete(other.id, [])
    assert other.file.exists()
    assert not desk.on.hand.delete.visible


def test_a_picture_removed_by_hand_empties_the_hand(desk):
    entry = add(desk, "x")
    entry.file.unlink()
    assert desk.on.past.entry(entry.id) is None
    assert desk.on.hand.updates(None, "en")[desk.on.hand.box]["visible"] is False


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_facts_escape_every_word(desk, language):
    entry = add(desk, "<script>alert(1)</script> & 白猫")
    table = desk.on.hand.table(entry, language)
    assert "<script" not in table
    assert "&lt;script&gt;" in table
    assert "白猫" in table


def test_a_click_in_the_history_shows_that_picture(desk):
    first, second = add(desk, "first"), add(desk, "second")
    looking = Looking(desk.sheet, desk.on)
    told = looking.recall([second.id, first.id], "en", SimpleNamespace(index=1))
    assert told[desk.on.shown] == [first.id]
    assert told[desk.on.hand.holds] == first.id
    assert "From the history" in told[desk.on.easel]


@pytest.mark.parametrize("place", [-1, 2, 10**9, None, "0", [0, 1]])
def test_a_place_that_is_not_in_the_list_shows_nothing(desk, place):
    entry = add(desk, "x")
    looking = Looking(desk.sheet, desk.on)
    for handler in (looking.recall, looking.choose):
        assert handler([entry.id], "en", SimpleNamespace(index=place))[desk.on.hand.holds] is None
