"""Removing frees the disk, and touches nothing but what lies in models/weights."""

import shutil
from contextlib import closing
from dataclasses import replace

import pytest

from studio.fetch.errors import BeingFetched, NotRemovable
from studio.fetch.fetching import fetch
from studio.fetch.removing import remove
from studio.fetch.standing import standing_of
from tests.fetch.mirror import NEEDED, UNET


def test_a_model_goes_with_all_that_was_fetched_of_it(house):
    house.get()
    (house.folder / f"{UNET}.0123456789ab.part").write_bytes(b"1234")
    assert standing_of(house.card).presence == "here"
    assert remove(house.card, house.settings) == sum(map(len, NEEDED.values())) + 4
    assert not house.folder.exists()
    assert standing_of(house.card).presence == "missing"
    assert house.record is None
    assert not list(house.settings.weights_dir.glob(".removed*"))


def test_what_comes_with_the_studio_or_lies_elsewhere_stays(house):
    for folder, source, said in (
        (house.settings.models_dir / "storybook", "", "comes with the studio"),
        (house.settings.root / "elsewhere", "https://x.example", "outside"),
        (house.settings.weights_dir / ".." / "loras", "https://x.example", "outside"),
        (house.settings.weights_dir, "https://x.example", "outside"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        card = replace(house.card, folder=folder, source_url=source)
        with pytest.raises(NotRemovable, match=said):
            remove(card, house.settings)
        assert folder.is_dir()


def test_a_link_is_left_alone(house):
    elsewhere = house.settings.root / "elsewhere"
    house.get()
    shutil.move(house.folder, elsewhere)
    house.folder.symlink_to(elsewhere)
    with pytest.raises(NotRemovable, match="link"):
        remove(house.card, house.settings)
    assert (elsewhere / UNET).is_file()


def test_a_model_that_is_being_fetched_stays(house):
    with closing(fetch(house.card, "modelscope", house.settings, house.environment)) as steps:
        next(step for step in steps if step.file == UNET)
        with pytest.raises(BeingFetched):
            remove(house.card, house.settings)


def test_half_a_model_is_told_with_what_it_lacks(house):
    house.get()
    (house.folder / UNET).unlink()
    row = standing_of(house.card)
    assert row.presence == "partly"
    assert "unet" in row.fault.say("en")
    assert row.needs == {}
