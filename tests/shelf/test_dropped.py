"""What is put into models/weights appears by itself, or is listed with the reason why not."""

import json
import shutil

import pytest

from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from tests.test_headers import written

INDEX = {
    "_class_name": "KolorsPipeline",
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": ["x", "Checker"],
}


@pytest.fixture
def settings(tmp_path):
    shutil.copytree(ROOT / "models" / "cards", tmp_path / "models" / "cards")
    return Settings.from_environment(root=tmp_path, models_dir=tmp_path / "models")


def put(settings, name, index=INDEX):
    folder = settings.weights_dir / name
    (folder / "vae").mkdir(parents=True)
    (folder / "model_index.json").write_text(index if isinstance(index, str) else json.dumps(index))
    (folder / "vae" / "config.json").write_text("{}")
    written(folder / "vae" / "model.safetensors", {"w": ("F32", (2,), bytes(8))})
    return folder


def test_a_folder_of_a_known_family_is_a_model_like_the_familys_own(settings):
    folder = put(settings, "my {odd} 可图")
    shelf = Shelf(settings)
    card = shelf.model("my {odd} 可图")
    like = next(other for other in shelf.models() if other.name == "kolors")
    assert card.folder == folder
    assert card.family == "kolors"
    assert (card.title.say("zh"), card.sizes) == ("my {odd} 可图", like.sizes)
    assert card.defaults == {**like.defaults, "model": card.name}
    assert shelf.unknown_models() == []


def test_a_dropped_model_that_is_not_whole_says_what_it_lacks(settings):
    folder = put(settings, "cut")
    (folder / "vae" / "model.safetensors").unlink()
    (card,) = [card for card in Shelf(settings).models() if card.name == "cut"]
    assert card.missing == ["vae/*.safetensors"]


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({**INDEX, "_class_name": "WonderPipeline"}, "WonderPipeline"),
        ({"vae": ["diffusers", "AutoencoderKL"]}, "?"),
        ("[]", "model_index.json"),
        ("{not json", "model_index.json"),
    ],
)
def test_what_is_no_known_model_is_listed_with_the_reason(settings, index, said):
    put(settings, "odd", index)
    shelf = Shelf(settings)
    assert "odd" not in [card.name for card in shelf.models()]
    (error,) = shelf.unknown_models()
    assert "weights/odd" in error.say("en")
    assert said in error.say("zh")


def test_single_files_and_pickles_are_listed_with_the_reason(settings):
    settings.weights_dir.mkdir()
    written(settings.weights_dir / "xl.safetensors", {"w": ("F32", (2,), bytes(8))})
    (settings.weights_dir / "old.ckpt").write_bytes(b"PK\x03\x04")
    (settings.weights_dir / "notes.txt").write_text("mine")
    told = [error.say("en") for error in Shelf(settings).unknown_models()]
    assert len(told) == 2
    assert "old.ckpt" in told[0]
    assert "pickle" in told[0]
    assert "xl.safetensors" in told[1]
    assert "no whole model" in told[1]


LDM = ("model.diffusion_model.a", "first_stage_model.a")
ONE, TWO = (
    "cond_stage_model.transformer.a",
    ("conditioner.embedders.0.transformer.a", "conditioner.embedders.1.model.a"),
)


@pytest.mark.parametrize(("names", "family"), [((*LDM, ONE), "sd15"), ((*LDM, *TWO), "sdxl")])
def test_a_file_that_holds_a_whole_model_is_one(settings, names, family):
    settings.weights_dir.mkdir()
    written(settings.weights_dir / "my mix.v2.safetensors", {name: ("F32", (2,), bytes(8)) for name in names})
    shelf = Shelf(settings)
    card = shelf.model("my mix.v2")
    assert (card.family, card.title.en, card.is_present) == (family, "my mix.v2", True)
    assert card.defaults["model"] == "my mix.v2"
    assert shelf.unknown_models() == []


def test_a_file_that_lost_a_network_is_none(settings):
    settings.weights_dir.mkdir()
    written(settings.weights_dir / "unet.safetensors", {LDM[0]: ("F32", (2,), bytes(8))})
    assert "no whole model" in Shelf(settings).unknown_models()[0].say("en")


def test_other_folders_hidden_ones_and_folders_of_cards_are_no_dropped_models(settings):
    carded = [card.name for card in Shelf(settings).models()]
    (settings.weights_dir / "captioner").mkdir(parents=True)
    put(settings, ".removed-1")
    put(settings, "Kolors-diffusers")
    shelf = Shelf(settings)
    assert [card.name for card in shelf.models()] == carded
    assert shelf.unknown_models() == []


def test_a_name_that_a_card_has_is_not_given_twice(settings):
    carded = [card.name for card in Shelf(settings).models()]
    put(settings, "kolors")
    shelf = Shelf(settings)
    assert [card.name for card in shelf.models()] == carded
    assert "rename" in shelf.unknown_models()[0].say("en")
