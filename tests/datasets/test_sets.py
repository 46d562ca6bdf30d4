"""The studio's sets: made, listed, opened and removed by name, and none that breaks out of its folder."""

import pytest

from studio.dataset_requests import Need
from studio.datasets.entry import New
from studio.datasets.errors import SetMissing, SetNameRefused, SetTaken
from studio.datasets.sets import Sets
from studio.settings import Settings


@pytest.fixture
def sets(tmp_path):
    return Sets(Settings.from_environment(output_dir=tmp_path))


def test_a_set_is_made_listed_opened_and_removed(sets):
    with sets.create("猫 cats", Need(goal="character")) as made:
        made.add([New(file="a.png", name="a.png", sha256="0")])
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


@pytest.mark.parametrize(
    "name", ["", " ", "..", ".hidden", "a/b", "a\\b", "../up", "con", "x" * 81, "a\nb", "a:b", "猫" * 70]
)
def test_names_that_are_no_folder_are_refused(sets, name):
    for ask in (sets.open, sets.remove, lambda name: sets.create(name, Need())):
        with pytest.raises(SetNameRefused):
            ask(name)
