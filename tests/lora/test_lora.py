"""Reading, matching, attaching and writing, on a small network that has a denoiser's kinds of layers."""

import json

import pytest

from studio.errors import LoraBroken, LoraFitsNothing, LoraForAnotherFamily, LoraHoldsCode
from studio.lora.format import formats
from studio.lora.match import match, shapes_of
from studio.lora.read import Layer, read
from studio.lora.write import write

MODULES = ["down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.attentions.0.proj_in"]
SHAPES = {MODULES[0]: (16, 12), MODULES[1]: (20, 16)}


def layers(rank=4, alpha=2.0, shapes=SHAPES, seed=0):
    import torch

    dice = torch.Generator().manual_seed(seed)
    return {
        name: Layer(
            torch.randn(rank, shape[1], generator=dice), torch.randn(shape[0], rank, generator=dice), alpha
        )
        for name, shape in shapes.items()
    }


def delta(layer):
    return layer.up @ layer.down * (layer.alpha / layer.rank)


def save(file, tensors, metadata=None):
    from safetensors.torch import save_file

    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, str(file), metadata)
    return file


def diffusers_file(file, given, metadata=None, old=False):
    ends = (".lora.down.weight", ".lora.up.weight") if old else (".lora_A.weight", ".lora_B.weight")
    tensors = {}
    for name, layer in given.items():
        tensors[f"unet.{name}{ends[0]}"], tensors[f"unet.{name}{ends[1]}"] = layer.down, layer.up
    return save(file, tensors, metadata)


STEMS = {
    "kohya": "lora_unet_mid_block_attentions_0_proj_in",
    "kohya_ldm": "lora_unet_middle_block_1_proj_in",
    "kohya_dit": "lora_unet_double_blocks_0_img_attn_qkv",
    "peft_names": "unet.mid_block.attentions.0.proj_in",
    "attn_procs": "mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora",
    "comfy": "diffusion_model.middle_block.1.proj_in",
    "raw_peft": "base_model.model.mid_block.attentions.0.proj_in",
    "bare": "mid_block.attentions.0.proj_in",
    "diffsynth": "blocks.21.transformer_blocks.0.attn1.to_out",
    "xflux": "double_blocks.0.processor.qkv_lora1",
    "lightning": "pipe.unet.mid_block.attentions.0.proj_in",
}


def test_every_name_is_told_by_one_layout():
    assert STEMS.keys() == formats().keys()
    for own, stem in STEMS.items():
        assert [name for name, layout in formats().items() if layout.tell(stem)] == [own]
    for nobodys in (
        "vae.decoder.conv_in",
        "text_encoder.encoder.layers.0.self_attn.q_proj",
        "first_stage_model.conv",
    ):
        assert [name for name, layout in formats().items() if layout.tell(nobodys)] == []


def test_written_file_gives_the_same_change_back(tmp_path):
    import torch

    given = layers(alpha=2.0)
    write(tmp_path / "a.safetensors", given, "kolors", {"inkstone.note": "水墨"})
    back = read(tmp_path / "a.safetensors")
    fitted = match(back, SHAPES, "kolors", "Storybook", "a")
    assert back.layout == "kohya"
    assert back.alpha_source == "file"
    assert back.metadata["inkstone.family"] == "kolors"
    assert back.metadata["inkstone.note"] == "水墨"
    assert fitted.family == "kolors"
    assert all(layer.alpha == layer.rank == 4 for layer in fitted.layers.values())
    assert all(torch.allclose(delta(fitted.layers[name]), delta(given[name])) for name in given)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("is_old", [False, True])
def test_diffusers_layout_without_alpha_says_that_it_is_assumed(tmp_path, is_old):
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(), old=is_old))
    assert lora.alpha_source == "assumed"
    assert set(lora.layers) == {f"unet.{name}" for name in MODULES}
    assert {layer.alpha for layer in lora.layers.values()} == {4.0}


def test_diffusers_layout_takes_alpha_from_the_header(tmp_path):
    config = {"unet.r": 4, "unet.lora_alpha": 2, "unet.alpha_pattern": {MODULES[1]: 8}}
    metadata = {"lora_adapter_metadata": json.dumps(config)}
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(), metadata))
    assert lora.alpha_source == "header"
    assert [lora.layers[f"unet.{name}"].alpha for name in MODULES] == [2.0, 8.0]


@pytest.mark.parametrize(
    "told", ['{"unet.lora_alpha": [1]}', "{", "[]", '{"unet.lora_alpha": 1, "unet.alpha_pattern": 3}']
)
def test_nonsense_in_the_header_is_no_failure(tmp_path, told):
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(), {"lora_adapter_metadata": told}))
    assert lora.alpha_source in ("assumed", "header")


def test_layers_that_the_model_lacks_are_counted(tmp_path):
    import torch

    given = layers(shapes={**SHAPES, "mid_block.nowhere": (8, 8)})
    write(tmp_path / "a.safetensors", given, "kolors")
    from safetensors.torch import load_file

    tensors = load_file(str(tmp_path / "a.safetensors"))
    tensors["lora_te_layer_0.lora_down.weight"] = torch.zeros(4, 4)
    tensors["lora_te_layer_0.lora_up.weight"] = torch.zeros(4, 4)
    fitted = match(read(save(tmp_path / "b.safetensors", tensors)), SHAPES, "kolors", "Storybook", "b")
    assert (fitted.matched, fitted.total) == (2, 3)
    assert fitted.unmatched == ("lora_unet_mid_block_nowhere",)
    assert fitted.texts == {"text_encoder": 1}
    assert fitted.family is None


def test_layer_of_another_size_is_not_matched(tmp_path):
    given = layers(shapes={MODULES[0]: (16, 12), MODULES[1]: (20, 99)})
    write(tmp_path / "a.safetensors", given, "kolors")
    fitted = match(read(tmp_path / "a.safetensors"), SHAPES, "kolors", "Storybook", "a")
    assert set(fitted.layers) == {MODULES[0]}


@pytest.mark.parametrize(
    ("metadata", "made_for"),
    [
        ({"inkstone.family": "sdxl"}, "SDXL"),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "SDXL"),
        ({"ss_base_model_version": "sd_v1"}, "Stable Diffusion 1.5"),
        ({"inkstone.family": "something new"}, "something new"),
    ],
)
def test_another_family_is_refused_with_both_names(tmp_path, metadata, made_for):
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(), metadata))
    with pytest.raises(LoraForAnotherFamily) as refused:
        match(lora, SHAPES, "kolors", "Storybook", "ink")
    assert f"made for {made_for}, but Storybook is Kolors" in str(refused.value)
    assert refused.value.field == "loras"


def test_sizes_give_another_family_away_when_nothing_fits(tmp_path):
    shapes = {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k": (320, 768)}
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(shapes=shapes)))
    with pytest.raises(LoraForAnotherFamily, match="Stable Diffusion 1.5"):
        match(lora, SHAPES, "kolors", "Storybook", "ink")


def test_nothing_that_fits_is_refused(tmp_path):
    lora = read(diffusers_file(tmp_path / "a.safetensors", layers(shapes={"other.layer": (8, 8)})))
    with pytest.raises(LoraFitsNothing, match="none of the 2 layers of Storybook"):
        match(lora, SHAPES, "kolors", "Storybook", "ink")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    given = layers()
    given[MODULES[0]].up[0, 0] = value
    with pytest.raises(LoraBroken, match="NaN or infinite"):
        read(diffusers_file(tmp_path / "a.safetensors", given))


def test_damage_is_refused_with_its_reason(tmp_path):
    import torch

    whole = diffusers_file(tmp_path / "a.safetensors", layers())
    (tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:-10])
    (tmp_path / "html.safetensors").write_text("<html>not found</html>")
    half = save(tmp_path / "half.safetensors", {f"unet.{MODULES[0]}.lora_A.weight": torch.zeros(4, 12)})
    strange = save(tmp_path / "strange.safetensors", {"blah": torch.zeros(4, 12)})
    foreign = save(tmp_path / "foreign.safetensors", {"vae.conv.lora_A.weight": torch.zeros(4, 12)})
    for file, reason in [
        (tmp_path / "cut.safetensors", "cut short"),
        (tmp_path / "html.safetensors", "no safetensors"),
        (half, "half of a layer"),
        (strange, "no LoRA layers"),
        (foreign, "none of its layers"),
    ]:
        with pytest.raises(LoraBroken, match=reason) as refused:
            read(file)
        assert file.name in refused.value.say("zh")


@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.bin", "a.safetensors"])
def test_pickles_are_refused_and_not_run(tmp_path, name):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / name).write_bytes(pickle.dumps({"state_dict": Trap()}))
    with pytest.raises(LoraHoldsCode, match=f"{name} asks to run code"):
        read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_linear_layers_and_one_pixel_convolutions_are_the_same_thing(tmp_path):
    import torch

    network = torch.nn.ModuleDict({"conv": torch.nn.Conv2d(6, 8, 1), "linear": torch.nn.Linear(6, 8)})
    assert shapes_of(network) == {"conv": (8, 6, 1, 1), "linear": (8, 6)}
    given = {
        "conv": Layer(torch.ones(2, 6), torch.ones(8, 2), 2),
        "linear": Layer(torch.ones(2, 6, 1, 1), torch.ones(8, 2, 1, 1), 2),
    }
    fitted = match(
        read(diffusers_file(tmp_path / "a.safetensors", given)), shapes_of(network), "kolors", "m", "a"
    )
    assert fitted.layers["conv"].down.shape == (2, 6, 1, 1)
    assert fitted.layers["linear"].up.shape == (8, 2)
