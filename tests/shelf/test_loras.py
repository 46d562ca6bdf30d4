"""LoRA cards: what a file says of itself, and what can't be used."""

import json
import os
import pickle
import struct
import subprocess
import sys

import pytest

from studio.errors import LoraBroken, LoraHoldsCode, LoraMissing
from studio.settings import Settings
from studio.shelf import Shelf
from studio.shelf.loras import read_lora_card
from tests.test_headers import written

LAYER = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"


def kohya(file, metadata=None, rank=4):
    """A LoRA of two layers as kohya's scripts write it."""
    tensors = {}
    for layer in (LAYER, LAYER.replace("to_q", "to_k")):
        tensors[f"{layer}.lora_down.weight"] = ("F16", (rank, 8), bytes(rank * 16))
        tensors[f"{layer}.lora_up.weight"] = ("F16", (8, rank), bytes(rank * 16))
        tensors[f"{layer}.alpha"] = ("F32", (), struct.pack("<f", 2.0))
    return written(file, tensors, metadata)


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment(root=tmp_path)


@pytest.fixture
def shelf(settings):
    return Shelf(settings)


def test_no_folder_means_no_loras(shelf):
    assert shelf.loras() == []


def test_a_card_is_read_from_header_sidecar_and_thumbnail(settings, shelf):
    file = kohya(settings.loras_dir / "styles" / "ink.safetensors", {
        "modelspec.title": "Ink wash", "ss_base_model_version": "sdxl_base_v1-0", "modelspec.trigger_phrase": "shui mo",
    })  # fmt: skip
    file.with_suffix(".json").write_text(
        json.dumps({"activation text": "inkwash, 水墨", "description": "soft"}), "utf-8"
    )
    file.with_suffix(".png").write_bytes(b"")
    (card,) = shelf.loras()
    assert (card.name, card.title, card.family, card.made_for) == (
        "styles/ink",
        "Ink wash",
        "sdxl",
        "sdxl_base_v1-0",
    )
    assert (card.rank, card.alpha, card.layers) == (4, 2.0, 2)
    assert card.trigger_words == ("inkwash", "水墨")
    assert (card.about, card.thumbnail, card.broken) == ("soft", file.with_suffix(".png"), None)


@pytest.mark.parametrize(
    "keys",
    [
        ("unet.down.attn.to_q.lora_A.weight", "unet.down.attn.to_q.lora_B.weight"),
        ("unet.down.attn.processor.to_q_lora.down.weight", "unet.down.attn.processor.to_q_lora.up.weight"),
        ("unet.down.attn.to_q.lora.down.weight", "unet.down.attn.to_q.lora.up.weight"),
        ("base_model.model.to_q.lora_A.default.weight", "base_model.model.to_q.lora_B.default.weight"),
    ],
)
def test_layers_and_rank_are_seen_in_every_layout(settings, shelf, keys):
    down, up = keys
    written(
        settings.loras_dir / "a.safetensors",
        {down: ("F32", (3, 8), bytes(96)), up: ("F32", (8, 3), bytes(96))},
    )
    (card,) = shelf.loras()
    assert (card.rank, card.layers, card.broken) == (3, 1, None)


@pytest.mark.parametrize(
    ("stem", "size", "fits"),
    [
        ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", (320, 768), {"sd15"}),
        ("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", (640, 640), {"sdxl", "kolors"}),
        ("encoder_hid_proj", (2048, 4096), {"kolors"}),
        ("diffusion_model.single_blocks.3.linear1", (21504, 3072), {"flux"}),
        ("diffusion_model.single_blocks.3.linear1", (27648, 3072), {"flux2"}),
        ("lora_unet_joint_blocks_3_x_block_attn_qkv", (4608, 1536), {"sd3"}),
        ("transformer_blocks.59.attn.to_q", (3072, 3072), {"qwen_image"}),
        ("diffusion_model.layers.3.attention.qkv", (11520, 3840), {"z_image"}),
        ("transformer_blocks.3.attn.to_q", (3072, 3072), {"flux", "flux2", "qwen_image"}),
    ],
)
def test_families_are_told_by_names_and_sizes(settings, shelf, stem, size, fits):
    outputs, inputs = size
    tensors = {f"{stem}.lora_A.weight": ("F16", (1, inputs), bytes(2 * inputs)),
               f"{stem}.lora_B.weight": ("F16", (outputs, 1), bytes(2 * outputs))}  # fmt: skip
    written(settings.loras_dir / "a.safetensors", tensors)
    (card,) = shelf.loras()
    assert card.broken is None
    assert card.fits == fits
    assert card.family == (next(iter(fits)) if len(fits) == 1 else None)


def test_a_card_of_a_torch_file_is_read_without_torch(settings, shelf):
    import torch

    stem = "blocks.7.transformer_blocks.0.attn2.to_k"
    state = {
        f"{stem}.lora_A.default.weight": torch.zeros(4, 2048),
        f"{stem}.lora_B.default.weight": torch.zeros(640, 4),
    }
    settings.loras_dir.mkdir(parents=True)
    for name, whole in {"flat": state, "lightning": {"state_dict": state, "epoch": 1}}.items():
        torch.save(whole, settings.loras_dir / f"{name}.ckpt")
        torch.save(whole, settings.loras_dir / f"{name}-old.ckpt", _use_new_zipfile_serialization=False)
    code = (
        "import sys; from pathlib import Path; from studio.shelf.loras import read_lora_card\n"
        f"cards = [read_lora_card(f.stem, f) for f in Path({str(settings.loras_dir)!r}).iterdir()]\n"
        "assert 'torch' not in sys.modules\n"
        "print({(c.layout, c.rank, c.layers, c.alpha, c.fits, c.broken) for c in cards})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert told.stdout.startswith("{('diffsynth-1', 4, 1, None, frozenset({"), told.stderr


def test_trigger_words_fall_back_to_the_commonest_tags(settings, shelf):
    kohya(settings.loras_dir / "odd.safetensors", {"ss_tag_frequency": '{"a": {"b": Infinity}}'})
    frequencies = json.dumps({"10_ink": {"ink wash": 20, "boat": 7, "a very long caption " * 5: 30}})
    kohya(settings.loras_dir / "a.safetensors", {"ss_tag_frequency": frequencies})
    assert [card.trigger_words for card in shelf.loras()] == [("ink wash", "boat"), ()]


def test_a_file_replaced_under_its_name_is_read_again(settings, shelf):
    file = kohya(settings.loras_dir / "a.safetensors")
    assert shelf.lora("a").rank == 4
    kohya(file, rank=8)
    os.utime(file, ns=(1, 1))
    assert shelf.lora("a").rank == 8


class Trap:
    """What runs when a pickle is opened by someone careless."""

    def __reduce__(self):
        return (os.mkdir, ("ran",))


def test_pickles_with_code_and_damaged_files_are_listed_but_refused(settings, shelf):
    (kohya(settings.loras_dir / "cut.safetensors")).write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (settings.loras_dir / "old.ckpt").write_bytes(pickle.dumps({"a": Trap()}))
    (settings.loras_dir / "disguised.safetensors").write_bytes(pickle.dumps(Trap(), 2))
    written(settings.loras_dir / "model.safetensors", {"conv.weight": ("F32", (2,), bytes(8))})
    assert {card.name: card.broken is not None for card in shelf.loras()} == dict.fromkeys(
        ("cut", "disguised", "model", "old"), True
    )
    for name, error in {
        "cut": LoraBroken,
        "model": LoraBroken,
        "old": LoraHoldsCode,
        "disguised": LoraHoldsCode,
    }.items():
        with pytest.raises(error) as caught:
            shelf.lora(name)
        assert caught.value.field == "loras"
        assert name in caught.value.say("zh")


def test_names_are_looked_up_and_never_made_into_paths(settings, shelf, tmp_path):
    outside = kohya(tmp_path / "outside.safetensors")
    for name in (str(outside), "../../outside", "outside"):
        with pytest.raises(LoraMissing):
            shelf.lora(name)
    for name in ("x" * 5000, "\0"):
        with pytest.raises(LoraMissing):
            shelf.lora(name, allow_path=True)
    assert shelf.lora(str(outside), allow_path=True).file == outside


def test_a_hostile_sidecar_is_passed_over(settings, shelf):
    file = kohya(
        settings.loras_dir / "a.safetensors", {"ss_tag_frequency": "[" * 10_000, "ss_network_alpha": "x"}
    )
    for told in ("[" * 100_000, "[]", '{"title": {}, "trigger_words": [{"a": 1}], "description": 3}', "\0"):
        file.with_suffix(".json").write_text(told)
        os.utime(file.with_suffix(".json"), (len(told), len(told)))
        assert shelf.loras()[0].broken is None


def test_a_file_of_our_own_names_its_family_by_its_own_key(tmp_path):
    entries = {
        "__metadata__": {"inkstone.family": "kolors"},
        "unet.a.lora_A.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
    }
    head = json.dumps(entries).encode()
    file = tmp_path / "own.safetensors"
    file.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    assert read_lora_card("own", file).family == "kolors"
