"""Every family of captioners, with tiny random weights of its real classes, in this process."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.captioning.captioner import Captioner, Described
from studio.captioning.captioners import captioners, wd_tagger
from studio.captioning.weights import chosen, folder_of, installed
from studio.dataset_requests import CaptionRequest
from studio.datasets.errors import (
    CaptionerBroken,
    CaptionerMissing,
    InstructionUnknown,
    LanguageNotWritten,
    PackageNeeded,
    PathRefused,
)
from studio.engine.device import pick_device
from studio.errors import PickleRefused, UnknownChoice, WeightsBroken, WeightsIncomplete
from tests.captioning.models import build_tagger

FOLDERS = {"blip": "blip-tiny", "florence2": "florence-tiny", "qwen_vl": "qwen-tiny"}
FAMILIES = pytest.mark.parametrize("name", FOLDERS)
EVERY = pytest.mark.parametrize("captioner", captioners().values(), ids=captioners())


def pictures() -> list[Image.Image]:
    noise = np.random.default_rng(0)
    shown = []
    for size, colour in (((64, 90), "red"), ((120, 90), "black"), ((90, 150), "white")):
        spots = noise.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        shown.append(Image.blend(Image.fromarray(spots), Image.new("RGB", size, colour), 0.7))
    return shown


def asked(name: str, **more) -> CaptionRequest:
    return CaptionRequest(captioner=name, **{"most_tokens": 12, **more})


def copied(settings, name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(settings.weights_dir / FOLDERS[name], tmp_path / "own"))


@FAMILIES
def test_a_batch_says_what_each_picture_alone_says(settings, name):
    describe = captioners()[name].load(settings.weights_dir / FOLDERS[name], pick_device())
    seen = pictures()
    together = describe(seen, asked(name))
    assert together == [describe([picture], asked(name))[0] for picture in seen]
    assert len({told.caption for told in together}) > 1
    assert all(told.caption and "<" not in told.caption[:1] for told in together)
    assert "torchvision" not in sys.modules


@FAMILIES
def test_a_caption_is_no_longer_than_asked(settings, name):
    describe = captioners()[name].load(settings.weights_dir / FOLDERS[name], pick_device())
    short, long = (describe(pictures()[:1], asked(name, most_tokens=most))[0].caption for most in (8, 40))
    assert len(short) < len(long)


def test_blip_goes_on_from_the_beginning_it_is_given(settings):
    describe = captioners()["blip"].load(settings.weights_dir / "blip-tiny", pick_device())
    told = describe(pictures(), asked("blip", prompt="a boat on the sea"))
    assert all(words.caption.startswith("a boat on the sea") for words in told)


def test_qwen_is_told_in_the_language_that_is_asked_for(settings):
    describe = captioners()["qwen_vl"].load(settings.weights_dir / "qwen-tiny", pick_device())
    said = {
        describe(pictures()[:1], asked("qwen_vl", **more))[0].caption
        for more in ({}, {"caption_language": "zh"}, {"prompt": "说说看"}, {"prompt": "<|image_pad|>说说看"})
    }
    assert len(said) == 3


def test_qwen_takes_pictures_of_any_shape_and_size(settings):
    describe = captioners()["qwen_vl"].load(settings.weights_dir / "qwen-tiny", pick_device())
    seen = [Image.new("RGB", size, "red") for size in ((1, 900), (900, 2), (3000, 2000))]
    assert len(describe(seen, asked("qwen_vl"))) == 3


@EVERY
def test_every_captioner_says_what_it_is(captioner: Captioner):
    assert captioner.title.en
    assert captioner.about.en != captioner.about.zh
    assert captioner.hub_ids
    assert "en" in captioner.instructions
    assert not captioner.recognises(Path("nowhere"))


def test_weights_are_found_by_what_they_are(settings):
    found = {name: [folder.name for folder in folders] for name, folders in installed(settings).items()}
    assert found == {
        "qwen_vl": ["qwen-tiny"],
        "florence2": ["florence-tiny"],
        "blip": ["blip-tiny"],
        "wd_tagger": [],
    }
    assert folder_of(asked("blip"), settings).name == "blip-tiny"
    assert folder_of(asked("blip", weights="blip-tiny"), settings).name == "blip-tiny"
    assert folder_of(asked("blip", weights=str(settings.weights_dir / "blip-tiny")), settings).is_dir()


def test_missing_weights_are_told_with_folder_and_hub_id(settings, tmp_path):
    with pytest.raises(CaptionerMissing) as missing:
        folder_of(asked("blip", weights="qwen-tiny"), settings)
    assert "models/weights/qwen-tiny" in str(missing.value)
    empty = type(settings).from_environment(models_dir=tmp_path)
    with pytest.raises(CaptionerMissing) as missing:
        folder_of(asked("qwen_vl", caption_language="zh"), empty)
    assert str(tmp_path / "weights" / "Qwen3-VL-2B-Instruct") in missing.value.say("zh")
    assert "Qwen/Qwen3-VL-2B-Instruct" in missing.value.say("zh")


def test_a_path_is_not_named_on_a_public_page(settings):
    public = type(settings).from_environment(models_dir=settings.models_dir, host="space")
    with pytest.raises(PathRefused):
        folder_of(asked("blip", weights=str(settings.weights_dir / "blip-tiny")), public)
    assert folder_of(asked("blip", weights="blip-tiny"), public).is_dir()


def test_what_a_captioner_cannot_do_is_said_before_it_is_opened():
    with pytest.raises(LanguageNotWritten, match="BLIP writes no Chinese. Choose Qwen-VL"):
        chosen(asked("blip", caption_language="zh"))
    with pytest.raises(InstructionUnknown, match="<DETAILED_CAPTION>"):
        chosen(asked("florence2", prompt="be poetic"))
    with pytest.raises(UnknownChoice, match="florence2"):
        chosen(asked("clip"))


def test_missing_tensors_are_not_made_up(settings, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copied(settings, "blip", tmp_path)
    held = load_file(folder / "model.safetensors")
    lost = next(key for key in held if "crossattention" in key)
    save_file(
        {key: tensor for key, tensor in held.items() if key != lost}, folder / "model.safetensors",
        metadata={"format": "pt"},
    )  # fmt: skip
    with pytest.raises(WeightsIncomplete, match="lacks 1 of"):
        captioners()["blip"].load(folder, pick_device())


def test_pickles_cut_files_and_folders_with_code_are_refused(settings, tmp_path):
    folder = copied(settings, "florence2", tmp_path)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsBroken):
        folder_of(asked("florence2", weights=str(folder)), settings)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(PickleRefused):
        folder_of(asked("florence2", weights=str(folder)), settings)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_florence2.Florence2ForConditionalGeneration"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CaptionerMissing, match="florence-community"):
        folder_of(asked("florence2", weights=str(folder)), settings)


@FAMILIES
def test_a_folder_without_its_vocabulary_is_a_sentence(settings, tmp_path, name):
    folder = copied(settings, name, tmp_path)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CaptionerBroken, match=r"'own' can't be opened \(tokenizer.json"):
        captioners()[name].load(folder, pick_device())


def test_a_chat_template_that_knows_no_pictures_is_a_sentence(settings, tmp_path):
    folder = copied(settings, "qwen_vl", tmp_path)
    (folder / "chat_template.json").write_text(
        '{"chat_template": "{{ messages[0].role }}"}', encoding="utf-8"
    )
    with pytest.raises(CaptionerBroken, match="chat_template"):
        captioners()["qwen_vl"].load(folder, pick_device())


def test_the_tagger_reads_its_limits_and_names():
    assert wd_tagger.least("general=0.35 character=0.85") == {"0": 0.35, "4": 0.85}
    assert wd_tagger.least("character = 0.5") == {"0": 0.35, "4": 0.5}
    for words in ("general=2", "be kind", "general=0.3 and more"):
        with pytest.raises(InstructionUnknown):
            wd_tagger.least(words)
    assert [wd_tagger.plain(name) for name in ("long_hair", ">_<", "o_o")] == ["long hair", ">_<", "o_o"]


def test_the_tagger_sees_blue_first_on_a_white_square():
    seen = wd_tagger.as_seen(Image.new("RGB", (30, 10), "red"), 6)
    assert seen.shape == (1, 6, 6, 3)
    assert seen.dtype == np.float32
    blue, green, red = seen[0, 2:4, 3].mean(0)
    assert (red, blue, green) == (255, blue, blue)
    assert blue < 20
    assert seen[0, 0, 0].tolist() == [255, 255, 255]


def test_the_tagger_says_which_package_it_lacks(tmp_path):
    if wd_tagger.find_spec("onnxruntime") is not None:
        pytest.skip("onnxruntime is installed")
    build_tagger(tmp_path / "tagger")
    with pytest.raises(PackageNeeded, match="pip install onnxruntime"):
        folder_of(asked("wd_tagger", weights=str(tmp_path / "tagger")), None)


def test_the_tagger_names_what_is_likely_enough(tmp_path):
    pytest.importorskip("onnxruntime")
    describe = captioners()["wd_tagger"].load(build_tagger(tmp_path / "tagger"), pick_device())
    seen = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "black", "white")]
    red, green, black, white = describe(seen, asked("wd_tagger"))
    assert red == Described("red queen, very red", ("red queen", "very red"))
    assert green.tags == ("very green",)
    assert black == Described("")
    assert white.tags == ("red queen", "very red", "very green", "^_^")
    strict = describe(seen[:1], asked("wd_tagger", prompt="character=0.99"))[0]
    assert strict.tags == ("very red",)
    assert len(describe(seen[3:], asked("wd_tagger", most_tokens=8))[0].tags) == 4


def test_a_damaged_network_is_a_sentence(tmp_path):
    pytest.importorskip("onnxruntime")
    folder = build_tagger(tmp_path / "tagger")
    (folder / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(CaptionerBroken, match="tagger"):
        captioners()["wd_tagger"].load(folder, pick_device())
