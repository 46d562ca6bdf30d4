"""Model cards: the shipped ones are good, and what keeps a model from being used is said by name."""

import json
import re
import shutil

import pytest

from studio.errors import ModelMissing, ModelNotHere, PickleRefused, WeightsBroken, WeightsMissing
from studio.families import families
from studio.requests import GenerateRequest
from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from studio.shelf.models import read_model_card
from tests.test_headers import written

PARTS = {
    "_class_name": "KolorsPipeline",
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "tokenizer": ["transformers", "ChatGLMTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "image_encoder": [None, None],
}


@pytest.fixture
def settings(tmp_path):
    """An installation whose one model, `toy`, is complete."""
    cards = tmp_path / "models" / "cards"
    shutil.copytree(ROOT / "models" / "cards", cards)
    card = (cards / "kolors.toml").read_text(encoding="utf-8")
    (cards / "toy.toml").write_text(card.replace("weights/Kolors-diffusers", "weights/toy"), encoding="utf-8")
    folder = tmp_path / "models" / "weights" / "toy"
    for file in (
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
        "unet/config.json",
        "vae/config.json",
    ):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(PARTS))
    written(folder / "vae" / "diffusion_pytorch_model.safetensors", {"w": ("F32", (2,), bytes(8))})
    shards = {f"w{n}": f"diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        json.dumps({"weight_map": shards})
    )
    for name, file in shards.items():
        written(folder / "unet" / file, {name: ("F32", (2,), bytes(8))})
    return Settings.from_environment(root=tmp_path)


def toy(settings):
    return settings.models_dir / "weights" / "toy"


def test_every_shipped_card_is_good():
    shelf = Shelf(Settings.from_environment(root=ROOT))
    assert shelf.broken_cards() == []
    names = [card.name for card in shelf.models()]
    assert names[0] == "storybook"
    assert "kolors" in names
    for card in shelf.models():
        assert card.family in families()
        request = GenerateRequest.from_dict(card.defaults)
        assert request.model == card.name
        assert (request.width, request.height) in card.sizes
        for width, height in card.sizes:
            assert (
                width % families()[card.family].size_multiple
                == height % families()[card.family].size_multiple
                == 0
            )
        assert all(text.en and text.zh for text in (card.title, card.about, *card.prompt_examples))


def test_storybook_is_offered_at_the_sizes_it_was_trained_at():
    from studio.storybook.scene import SIZES

    shelf = Shelf(Settings.from_environment(root=ROOT))
    assert next(card for card in shelf.models() if card.name == "storybook").sizes == SIZES


def test_a_complete_model_is_handed_out(settings):
    card = Shelf(settings).model("toy")
    assert card.is_present
    assert card.folder == toy(settings)


def test_an_unknown_model_is_refused_with_the_known_names(settings):
    with pytest.raises(ModelMissing) as caught:
        Shelf(settings).model("../../etc")
    assert "toy" in caught.value.say("en")


def test_a_model_not_downloaded_says_where_to_get_it(settings):
    with pytest.raises(ModelNotHere) as caught:
        Shelf(settings).model("kolors")
    assert "https://huggingface.co/Kwai-Kolors/Kolors-diffusers" in caught.value.say("zh")


@pytest.mark.parametrize(
    "file",
    ["model_index.json", "scheduler/scheduler_config.json", "tokenizer/tokenizer_config.json", "vae/config.json",
     "unet/diffusion_pytorch_model-00002-of-00002.safetensors"],
)  # fmt: skip
def test_a_missing_file_is_named(settings, file):
    (toy(settings) / file).unlink()
    with pytest.raises(WeightsMissing) as caught:
        Shelf(settings).model("toy")
    assert file in caught.value.say("en")


def test_another_complete_set_of_weights_makes_up_for_a_missing_shard(settings):
    (toy(settings) / "unet" / "diffusion_pytorch_model-00002-of-00002.safetensors").unlink()
    written(
        toy(settings) / "unet" / "diffusion_pytorch_model.fp16.safetensors", {"w": ("F16", (2,), bytes(4))}
    )
    assert Shelf(settings).model("toy").is_present


def test_a_truncated_file_is_named(settings):
    file = toy(settings) / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(WeightsBroken) as caught:
        Shelf(settings).model("toy")
    assert "vae/diffusion_pytorch_model.safetensors" in caught.value.say("en")
    assert "文件不完整" in caught.value.say("zh")


@pytest.mark.parametrize(
    "file",
    [
        "unet/config.json",
        "vae/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
    ],
)
@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff\xfe", b"[" * 100_000])
def test_damaged_settings_are_named(settings, file, content):
    (toy(settings) / file).write_bytes(content)
    with pytest.raises(WeightsBroken) as caught:
        Shelf(settings).model("toy")
    assert file in caught.value.say("en")
    assert "无法读取" in caught.value.say("zh")


def test_settings_of_a_part_that_nothing_opens_may_be_damaged(settings):
    (toy(settings) / "safety_checker").mkdir()
    (toy(settings) / "safety_checker" / "config.json").write_text("{")
    assert Shelf(settings).model("toy").is_whole


def test_pickled_weights_are_refused(settings):
    (toy(settings) / "vae" / "diffusion_pytorch_model.safetensors").rename(
        toy(settings) / "vae" / "diffusion_pytorch_model.bin"
    )
    with pytest.raises(PickleRefused):
        Shelf(settings).model("toy")


@pytest.mark.parametrize(
    "spoil",
    ["not toml [", 'family = "kolors"', "steps", "denoiser", "sizes", f"a = {'[' * 5000}{']' * 5000}"],
    ids=[
        "no toml",
        "without the rest",
        "unknown setting",
        "unknown number",
        "endless size",
        "lists in lists",
    ],
)
def test_a_broken_card_is_told_and_left_out(settings, spoil):
    file = settings.models_dir / "cards" / "toy.toml"
    card = file.read_text(encoding="utf-8")
    told = card.replace(f"{spoil} = ", f"{spoil}s = ") if spoil in ("steps", "denoiser") else spoil
    told = re.sub(r"^sizes = \[", "sizes = [[inf, 256], ", told, flags=re.M) if spoil == "sizes" else told
    file.write_text(told, encoding="utf-8")
    shelf = Shelf(settings)
    assert "toy" not in [card.name for card in shelf.models()]
    (error,) = shelf.broken_cards()
    assert "models/cards/toy.toml" in error.say("zh")


def test_what_is_to_be_downloaded_is_named_on_both_hubs_with_sizes():
    by_hand = []  # what the hubs hold partly as pickles, which are never fetched
    for card in Shelf(Settings.from_environment(root=ROOT)).models():
        if card.source_url and not card.huggingface:
            by_hand.append(card.name)
        elif card.source_url:
            assert card.source_url == f"https://huggingface.co/{card.huggingface}"
            assert card.modelscope.count("/") == 1
            assert card.files_gb > 0
            assert card.numbers is not None
    assert by_hand == ["kolors-first"]


def test_checkpoint_of_one_file_is_a_model(settings):
    folder = settings.models_dir / "weights" / "stable-diffusion-xl-base-1.0"
    folder.mkdir()
    with pytest.raises(WeightsMissing, match=r"model_index\.json"):
        Shelf(settings).model("sdxl")
    written(folder / "sd_xl_base_1.0.safetensors", {"w": ("F32", (2,), bytes(8))})
    assert Shelf(settings).model("sdxl").is_present
    file = folder / "sd_xl_base_1.0.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(WeightsBroken, match=r"sd_xl_base_1\.0"):
        Shelf(settings).model("sdxl")


def test_card_may_name_a_checkpoint_itself(settings):
    card = settings.models_dir / "cards" / "sdxl.toml"
    text = card.read_text(encoding="utf-8")
    card.write_text(
        text.replace("weights/stable-diffusion-xl-base-1.0", "weights/own.safetensors"), encoding="utf-8"
    )
    with pytest.raises(ModelNotHere):
        Shelf(settings).model("sdxl")
    written(settings.models_dir / "weights" / "own.safetensors", {"w": ("F32", (2,), bytes(8))})
    assert Shelf(settings).model("sdxl").folder.name == "own.safetensors"


def test_kolors_as_first_published_lacks_what_is_not_there(settings):
    unet = settings.models_dir / "kolors" / "Kolors" / "unet"
    unet.mkdir(parents=True)
    written(unet / "diffusion_pytorch_model.safetensors", {"w": ("F32", (2,), bytes(8))})
    missing = Shelf(settings)
    card = next(card for card in missing.models() if card.name == "kolors-first")
    assert card.missing == ["Kolors/text_encoder/*model*", "../sdxl-vae-fp16-fix/*.safetensors"]
    for folder, file in (("kolors/Kolors/text_encoder", "pytorch_model-00001-of-00007.bin"),
                         ("sdxl-vae-fp16-fix", "diffusion_pytorch_model.safetensors")):  # fmt: skip
        place = settings.models_dir / folder
        place.mkdir()
        written(place / file, {"w": ("F32", (2,), bytes(8))})
    assert Shelf(settings).model("kolors-first").is_present


def test_a_card_is_read_once_and_anew_when_it_has_changed(settings, monkeypatch):
    shelf, read = Shelf(settings), []
    monkeypatch.setattr(
        "studio.shelf.read_model_card",
        lambda file, folder: read.append(file.stem) or read_model_card(file, folder),
    )
    first = {card.name: card for card in shelf.models()}
    assert {card.name: card for card in shelf.models()} == first
    assert sorted(read) == sorted(first)
    file = settings.models_dir / "cards" / "toy.toml"
    file.write_text(file.read_text("utf-8").replace("weights/toy", "weights/other"), encoding="utf-8")
    assert next(card for card in shelf.models() if card.name == "toy").folder.name == "other"
