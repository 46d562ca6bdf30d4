"""LoRAs of pictures from elsewhere become the shelf's own, or are named."""

from pathlib import Path

import pytest

from studio.exchange.on_shelf import on_shelf, only_here
from studio.exchange.picture import read_settings
from studio.requests import GenerateRequest, LoraUse
from studio.settings import Settings
from studio.shelf import LoraCard, Shelf
from tests.exchange.test_picture import small
from tests.shelf.test_loras import kohya

HASH = "0123456789abcdef" * 4


def card(name, hash=None):
    return LoraCard(name, Path(f"{name}.safetensors"), name, hash=hash)


def matched(recalled, cards):
    return only_here(on_shelf(recalled, [], cards), cards)


CARDS = [card("styles/ink"), card("renamed", HASH), card("a/twin"), card("b/twin")]


def recalled(name, hash=None):
    hashes = f', Lora hashes: "{name}: {hash}"' if hash else ""
    return read_settings(small(parameters=f"a <lora:{name}:0.5>\nSteps: 2, Sampler: Euler, Seed: 1{hashes}"))


@pytest.mark.parametrize(
    ("name", "hash", "ours"),
    [
        ("styles/ink", None, "styles/ink"),
        ("Ink", None, "styles/ink"),
        (r"other\ink", None, "styles/ink"),
        ("unknown", HASH[:12], "renamed"),
        ("unknown", HASH[:10].upper(), "renamed"),
        ("unknown", f"0x{HASH}", "renamed"),
        ("twin", None, None),
        ("unknown", None, None),
        ("unknown", HASH[:8], None),
        ("unknown", "not hex at all", None),
        ("../../etc/passwd", None, None),
    ],
)
def test_a_name_or_a_hash_finds_the_lora(name, hash, ours):
    found = matched(recalled(name, hash), CARDS)
    assert found.request.loras == ((LoraUse(ours, 0.5),) if ours else ())
    assert len(found.mapped) == (ours not in (None, name))
    said = " ".join(notice.say("en") for notice in found.notices)
    assert (name in said) is (ours is None)


def test_hashes_of_the_wrong_sort_are_passed_over():
    odd = read_settings(
        small(inkstone='{"version":1,"request":{"loras":["ink:1"]},"facts":{"lora_hashes":[1]}}')
    )
    assert matched(odd, CARDS).request == GenerateRequest(loras=(LoraUse("styles/ink", 1.0),))


def test_the_shelf_tells_the_hash_in_the_header(tmp_path):
    settings = Settings.from_environment(root=tmp_path)
    kohya(settings.loras_dir / "renamed.safetensors", {"sshs_model_hash": HASH.upper()})
    kohya(settings.loras_dir / "none.safetensors", {"sshs_model_hash": "nothing"})
    cards = Shelf(settings).loras()
    assert {card.name: card.hash for card in cards} == {"renamed": HASH, "none": None}
    (use,) = matched(recalled("theirs", HASH[:12]), cards).request.loras
    assert use.name == "renamed"
