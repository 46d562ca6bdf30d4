"""LoRA files that contradict themselves are refused by name."""

import json
import os
import sys

import pytest

from studio.errors import LoraBroken
from studio.lora.read import read
from studio.settings import Settings
from studio.shelf import Shelf
from tests.lora.test_lora import diffusers_file, layers


def rewritten(tmp_path, change):
    """A good file whose header is changed as text."""
    file = diffusers_file(tmp_path / "a.safetensors", layers(), {"made": "here"})
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = change(raw[8 : 8 + length].decode()).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + raw[8 + length :])
    return file


def overlapping(text):
    entries = json.loads(text)
    entries["again"] = next(entry for name, entry in entries.items() if name != "__metadata__")
    return json.dumps(entries)


@pytest.mark.parametrize(
    "change",
    [
        overlapping,
        lambda text: text.replace('"here"', "5"),
        lambda text: text.replace("{", '{"__metadata__":{},', 1),
        lambda text: text.replace("unet.", "\\ud800.", 1),
    ],
    ids=["overlapping", "number in metadata", "metadata twice", "half a character"],
)
def test_a_file_that_contradicts_itself_is_refused_by_name(tmp_path, change):
    with pytest.raises(LoraBroken, match=r"a\.safetensors"):
        read(rewritten(tmp_path, change))


def test_layer_numbers_without_end_belong_to_no_layer(tmp_path):
    settings = Settings.from_environment(root=tmp_path)
    settings.loras_dir.mkdir(parents=True)
    for stem in (
        "unet.transformer_blocks.N.attn.to_q",
        "blocks.N.proj_in",
        "lora_unet_input_blocks_N_1_proj_in",
    ):
        (settings.loras_dir / f"{stem[:6]}.safetensors").write_bytes(
            rewritten(
                tmp_path,
                lambda text, stem=stem: text.replace(
                    "unet.mid_block.attentions.0.proj_in", stem.replace("N", "9" * 5000)
                ),
            ).read_bytes()
        )
    assert [card.broken for card in Shelf(settings).loras()] == [None] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_a_name_that_is_no_text_spoils_no_list(tmp_path):
    settings = Settings.from_environment(root=tmp_path)
    settings.loras_dir.mkdir(parents=True)
    diffusers_file(tmp_path / "a.safetensors", layers()).rename(
        settings.loras_dir / os.fsdecode(b"\xff.safetensors")
    )
    (card,) = Shelf(settings).loras()
    assert (card.name, card.title) == ("?", "?")
    assert "rename it" in card.broken.say("en")
