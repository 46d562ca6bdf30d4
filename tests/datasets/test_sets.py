"""The studio's sets: made, listed, opened and removed by name, and none that breaks out of its folder."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from studio.dataset_requests import ImportRequest, Need
from studio.datasets.entry import New
from studio.datasets.errors import SetMissing, SetNameRefused, SetTaken
from studio.datasets.imports import begin
from studio.datasets.sets import Sets
from studio.settings import Settings

NEW = New(file="a.png", name="a.png", sha256="0")


@pytest.fixture
def sets(tmp_path):
    return Sets(Settings.from_environment(output_dir=tmp_path))


def test_a_set_is_made_listed_opened_and_removed(sets):
    with sets.create("猫 cats", Need(goal="character")) as made:
        made.add([NEW])
    assert [card.name for card in sets.list()] == ["猫 cats"]
    with sets.open("猫 cats") as again:
        assert again.need.goal == "character"
        assert again.count() == 1
    sets.remove("猫 cats")
    assert sets.list() == []
    assert list(sets.folder.iterdir()) == []
    with pytest.raises(SetMissing):
        sets.open("猫 cats")


def test_the_set_changed_last_comes_first(sets):
    for name in ("one", "two"):
        sets.create(name, Need()).close()
    with sets.open("one") as one:
        one.set_note("seen", True)
        assert [card.name for card in sets.list()] == ["one", "two"]


def test_a_name_is_given_once_whatever_its_case(sets):
    sets.create("Ink", Need()).close()
    with pytest.raises(SetTaken, match="'ink'"):
        sets.create("ink", Need())


def test_a_set_that_a_failed_import_made_goes_again_when_it_is_empty(sets):
    def fails(*news):
        with pytest.raises(SetTaken), sets.for_import("ink", Need()) as made:
            made.add(news)
            raise SetTaken("name", name="x")

    fails()
    assert sets.list() == []
    fails(NEW)
    assert [card.name for card in sets.list()] == ["ink"]
    sets.remove("ink")
    sets.create("ink", Need()).close()
    fails()
    assert [card.name for card in sets.list()] == ["ink"]


def test_a_set_that_somebody_else_brings_pictures_into_stays(sets):
    with (
        pytest.raises(SetTaken),
        sets.for_import("ink", Need()) as made,
        sets.for_import("ink", Need()) as other,
    ):
        begin(made, ImportRequest(where="a"))
        begin(other, ImportRequest(where="b"))
        raise SetTaken("name", name="x")
    assert [card.name for card in sets.list()] == ["ink"]


def test_those_who_ask_at_once_get_one_set(sets):
    def bring(number):
        with sets.for_import("ink", Need()) as made:
            made.add([replace(NEW, sha256=str(number))])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, range(8)))
    with sets.open("ink") as made:
        assert made.count() == 8
    with pytest.raises(SetTaken), sets.for_import("INK", Need()):
        pass


@pytest.mark.parametrize(
    "name", ["", " ", "..", ".hidden", "a/b", "a\\b", "../up", "con", "x" * 81, "a\nb", "a:b", "猫" * 70]
)
def test_names_that_are_no_folder_are_refused(sets, name):
    for ask in (sets.open, sets.remove, lambda name: sets.create(name, Need())):
        with pytest.raises(SetNameRefused):
            ask(name)
