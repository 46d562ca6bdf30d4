"""Models that don't come in diffusers' layout: Kolors as it was first published, and checkpoints of one file."""

import json
import shutil

import pytest

from studio.engine.load import open_part
from studio.engine.places import places_of
from studio.errors import PickleRefused, TokenizerMissing, WeightsIncomplete, WeightsMissing
from studio.families import families
from tests.families.ldm_names import to_ldm


def open_all(family, folder):
    import torch

    places = places_of(families()[family], folder)
    return {
        part.name: open_part(part, folder, "cpu", torch.float32, places[part.name])
        for part in families()[family].parts
    }


def same_weights(ours, theirs):
    import torch

    wanted = theirs.state_dict()
    found = ours.state_dict()
    return found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)


@pytest.fixture
def first_kolors(tiny, tmp_path):
    """models/kolors/Kolors/unet and text_encoder (pickled shards), models/sdxl-vae-fp16-fix; no scheduler."""
    import torch
    from safetensors.torch import load_file

    made, root = tiny("kolors"), tmp_path / "kolors"
    shutil.copytree(made / "unet", root / "Kolors" / "unet")
    shutil.copytree(made / "vae", tmp_path / "sdxl-vae-fp16-fix")
    encoder = root / "Kolors" / "text_encoder"
    encoder.mkdir()
    shutil.copy(made / "text_encoder" / "config.json", encoder)
    shutil.copy(made / "tokenizer" / "tokenizer.model", encoder)
    weights = load_file(str(made / "text_encoder" / "model.safetensors"))
    names, where = sorted(weights), {}
    for n in (1, 2):
        shard = f"pytorch_model-0000{n}-of-00002.bin"
        mine = {f"transformer.{name}": weights[name] for name in names[n - 1 :: 2]}
        torch.save(mine, encoder / shard)
        where |= dict.fromkeys(mine, shard)
    (encoder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    return root


def test_kolors_is_read_as_it_was_first_published(first_kolors, tiny):
    ours, theirs = open_all("kolors", first_kolors), open_all("kolors", tiny("kolors"))
    assert all(same_weights(ours[name], theirs[name]) for name in ("unet", "vae", "text_encoder"))
    assert ours["scheduler"]["num_train_timesteps"] == 1100
    text = "夜晚,草地上有一座红色的房子"
    assert ours["tokenizer"](text).input_ids == theirs["tokenizer"](text).input_ids


def test_kolors_without_a_tokenizer_says_what_is_wanted(first_kolors):
    (first_kolors / "Kolors" / "text_encoder" / "tokenizer.model").unlink()
    with pytest.raises(TokenizerMissing) as refused:
        open_all("kolors", first_kolors)
    assert refused.value.say("en") == (
        "Model 'kolors' lacks its tokenizer. Copy tokenizer.model (1,018,370 bytes) from "
        "https://huggingface.co/Kwai-Kolors/Kolors-diffusers to tokenizer/tokenizer.model in the model's folder."
    )


def test_missing_shard_of_pickles_is_named(first_kolors):
    (first_kolors / "Kolors" / "text_encoder" / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(WeightsMissing, match="pytorch_model-00002-of-00002"):
        open_all("kolors", first_kolors)


def test_pickled_weights_are_only_numbers(first_kolors):
    """A shard that would run code is refused, and its code does not run."""
    import torch

    class Boom:
        def __reduce__(self):
            return print, ("it ran",)

    torch.save(
        {"transformer.x": Boom()},
        first_kolors / "Kolors" / "text_encoder" / "pytorch_model-00001-of-00002.bin",
    )
    with pytest.raises(PickleRefused, match="pytorch_model-00001"):
        open_all("kolors", first_kolors)


def test_incomplete_pickles_are_counted(first_kolors):
    import torch

    file = first_kolors / "Kolors" / "text_encoder" / "pytorch_model-00001-of-00002.bin"
    weights = torch.load(file, weights_only=True)
    weights.pop(sorted(weights)[0])
    torch.save(weights, file)
    with pytest.raises(WeightsIncomplete, match="text_encoder lacks 1 of"):
        open_all("kolors", first_kolors)


@pytest.mark.parametrize(
    ("family", "name", "billions", "tensors"),
    [
        ("kolors", "unet", 2.579, 1682),
        ("kolors", "text_encoder", 6.244, 200),
        ("kolors", "vae", 0.0837, 248),
        ("sd15", "unet", 0.8595, 686),
        ("sd15", "text_encoder", 0.1231, 196),
        ("sdxl", "unet", 2.567, 1680),
        ("sdxl", "text_encoder_2", 0.6947, 517),
    ],
)
def test_constants_make_the_real_networks(tmp_path, family, name, billions, tensors):
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        network = families()[family].part(name).open(tmp_path)
    weights = dict(network.named_parameters())
    assert sum(weight.numel() for weight in weights.values()) / 1e9 == pytest.approx(billions, rel=1e-3)
    assert len(network.state_dict()) == tensors


@pytest.fixture
def checkpoint(tiny, tmp_path, monkeypatch):
    """A tiny model of a family in one file, with the family's constants as small as the model."""
    from dataclasses import replace

    def made(name):
        from safetensors.torch import save_file

        theirs = open_all(name, tiny(name))
        file = tmp_path / "own.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in to_ldm(theirs).items()}, str(file))
        family = families()[name]
        small = [
            replace(part, open=lambda _, part=part: part.open(tiny(name) / part.name))
            if part.is_network
            else part
            for part in family.parts
        ]
        monkeypatch.setitem(families(), name, replace(family, parts=tuple(small)))
        return file, theirs

    return made


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_checkpoint_of_one_file_is_the_same_model(checkpoint, name):
    file, theirs = checkpoint(name)
    ours = open_all(name, file)
    assert all(
        same_weights(ours[part], theirs[part]) for part in theirs if hasattr(theirs[part], "state_dict")
    )
    assert ours["tokenizer"]("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert ours["scheduler"]["prediction_type"] == "epsilon"


def test_checkpoint_without_its_autoencoder_is_counted(checkpoint):
    from safetensors.torch import load_file, save_file

    file, _ = checkpoint("sd15")
    pruned = {key: t for key, t in load_file(str(file)).items() if not key.startswith("first_stage_model.")}
    save_file(pruned, str(file))
    with pytest.raises(WeightsIncomplete, match="vae lacks"):
        open_all("sd15", file)


def test_padding_of_the_second_tokenizer(tmp_path):
    """SDXL's second reader is filled up with exclamation marks' own piece 0, the first with the end mark."""
    parts = {name: families()["sdxl"].part(name).open(tmp_path) for name in ("tokenizer", "tokenizer_2")}
    padded = {name: each("cat", padding="max_length").input_ids for name, each in parts.items()}
    assert [len(ids) for ids in padded.values()] == [77, 77]
    assert padded["tokenizer"][-1] == 49407
    assert padded["tokenizer_2"][-1] == 0


OLD_NAMES = {
    ("sd15", "text_encoder"): [(r"^", "text_model.")],
    ("z_image", "text_encoder"): [(r"^", "model.")],
    ("qwen_image", "text_encoder"): [
        (r"^model\.language_model\.", "model."),
        (r"^model\.visual\.", "visual."),
    ],
    ("flux2", "text_encoder"): [
        (r"^model\.language_model\.", "language_model.model."),
        (r"^lm_head\.", "language_model.lm_head."),
        (r"^model\.(vision_tower|multi_modal_projector)\.", r"\1."),
    ],
}
"""How the makers' files spell what the classes call otherwise by now."""


@pytest.mark.parametrize(("family", "name"), OLD_NAMES)
@pytest.mark.parametrize("is_old", [True, False])
def test_text_encoders_are_read_under_older_and_newer_names(tiny, tmp_path, family, name, is_old):
    import re

    import torch
    from safetensors.torch import save_file

    part = families()[family].part(name)
    theirs = open_part(part, tiny(family), "cpu", torch.float32)
    weights = {key: tensor.clone() for key, tensor in theirs.state_dict().items()}
    for pattern, to in OLD_NAMES[family, name] if is_old else ():
        weights = {re.sub(pattern, to, key, count=1): tensor for key, tensor in weights.items()}
    assert is_old == (not weights.keys() & theirs.state_dict().keys() - {"lm_head.weight"})
    folder = tmp_path / family / name
    folder.mkdir(parents=True)
    shutil.copy(tiny(family) / name / "config.json", folder)
    save_file(weights, str(folder / "model.safetensors"))
    assert same_weights(open_part(part, folder.parent, "cpu", torch.float32), theirs)


def test_layers_that_overflow_stay_in_full_precision(tiny):
    import torch

    reader = open_part(families()["sd3"].part("text_encoder_3"), tiny("sd3"), "cpu", torch.float16)
    formats = {name: weight.dtype for name, weight in reader.named_parameters()}
    assert {dtype for name, dtype in formats.items() if ".wo." in name} == {torch.float32}
    assert {dtype for name, dtype in formats.items() if ".wo." not in name} == {torch.float16}
