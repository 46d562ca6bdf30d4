"""The source guide: complete, in both languages, and honest about what may be trained on."""

import pytest

from studio.dataset_requests import ImportRequest
from studio.sources.guide import ANSWERS, guide
from studio.sources.importing import sources
from studio.sources.repository import named
from studio.words import Text

PLACES = ("ModelScope", "ImageNet", "Open Images", "Flickr30k", "Flickr8k", "CelebA", "LSUN", "Unsplash", "Pexels",
          "PD12M", "CommonCatalog", "Openverse", "Wikimedia Commons", "The Met")  # fmt: skip


def test_every_place_that_people_ask_for_is_there():
    assert set(PLACES) <= {entry.name for entry in guide()}


@pytest.mark.parametrize("entry", guide(), ids=lambda entry: entry.name)
def test_an_entry_is_whole(entry):
    assert entry.link.startswith("https://")
    assert entry.training in ANSWERS
    for text in (entry.what, entry.terms):
        assert text.en.endswith(".")
        assert any("\u4e00" <= c <= "\u9fff" for c in text.zh)
    if entry.source:
        assert sources()[entry.source].is_network
        ImportRequest(source=entry.source, where=entry.where)
    if entry.where:
        assert named(entry.where, Text("x", "x"))[0] == entry.where


@pytest.mark.parametrize("name", ["Unsplash", "Pexels"])
def test_places_that_forbid_training_have_no_button_and_point_elsewhere(name):
    (entry,) = [entry for entry in guide() if entry.name == name]
    assert (entry.training, entry.source, entry.instead) == ("no", "", "openverse")
    assert "forbid" in entry.terms.en
    assert "禁止" in entry.terms.zh
    assert "Openverse" in entry.terms.en
    assert name.lower() not in sources()


@pytest.mark.parametrize(
    ("words", "found"),
    [("celeba", {"CelebA"}), ("人脸", {"CelebA"}), ("Flickr30k", {"Flickr30k"}), ("must not", {"Unsplash", "Pexels"}),
     ("qwxyz", set()), ("FACES biometric", {"CelebA"})],
)  # fmt: skip
def test_the_guide_is_searched_in_both_languages(words, found):
    assert {entry.name for entry in guide(words)} == found
