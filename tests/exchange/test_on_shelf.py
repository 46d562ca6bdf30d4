"""A recipe's own names become the shelf's where exactly one fits."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from studio.exchange.files import read_text
from studio.exchange.on_shelf import on_shelf
from studio.shelf import LoraCard, ModelCard
from studio.words import Text
from tests.exchange.comfy.samples import SAMPLES
from tests.exchange.comfy.workflows import basic, ksampler, n


def model(name, source="", title=""):
    return ModelCard(
        name, "x", Text(title or name, ""), Text("", ""), Path(f"weights/{name}"), (), {}, (), "", source
    )


MODELS = [
    model("storybook"),
    model("kolors", "https://huggingface.co/Kwai-Kolors/Kolors-diffusers"),
    model(
        "sd15", "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5"
    ),
    model("sdxl", "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0"),
    model("flux-dev", "https://huggingface.co/black-forest-labs/FLUX.1-dev"),
]


def lora(name, rank=None, alpha=None):
    return LoraCard(name, Path(f"{name}.safetensors"), name, rank=rank, alpha=alpha)


def shelved(value, loras=(), models=MODELS):
    return on_shelf(read_text(json.dumps(value)), models, loras)


def words(said):
    return " ".join(item.say("en") for item in said)


@pytest.mark.parametrize(
    ("file", "name"),
    [("Kwai-Kolors/Kolors", "kolors"), ("kolors_unet_fp16.safetensors", "kolors"), ("v1-5-pruned-emaonly.safetensors", "sd15"),
     ("SD1.5\\v1-5-pruned-emaonly-fp16.safetensors", "sd15"), ("sd_xl_base_1.0.safetensors", "sdxl"),
     ("stable-diffusion-xl-base-1.0.safetensors", "sdxl"), ("flux1-dev-fp8.safetensors", "flux-dev"), ("sdxl.safetensors", "sdxl"),
     ("juggernautXL_v9.safetensors", "juggernautXL_v9"), ("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.fp16"),
     ("kolors_inpainting.safetensors", "kolors_inpainting"), (".safetensors", "")],
)  # fmt: skip
def test_a_model_is_found_by_what_it_is_called_and_by_nothing_less(file, name):
    recalled = shelved(basic(_4=n("CheckpointLoaderSimple", ckpt_name=file)))
    assert recalled.request.model == name


def test_two_models_that_are_called_alike_are_left_to_the_reader():
    twins = [model("a", "https://x/sd_xl_base_1.0"), model("b", "https://y/sdxl-base-1.0")]
    assert (
        shelved(
            basic(_4=n("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.ckpt")), models=twins
        ).request.model
        == "sd_xl_base_1.0"
    )


def test_of_models_that_are_called_alike_the_one_that_is_here_is_taken(tmp_path):
    first = replace(model("kolors-first", "https://huggingface.co/Kwai-Kolors/Kolors"), folder=tmp_path)
    (tmp_path / "unet.safetensors").touch()
    for layouts, name in (((), "kolors"), ((("unet.safetensors",),), "kolors-first")):
        models = [*MODELS, replace(first, layouts=layouts)]
        assert shelved(SAMPLES["kolors_example"].value, models=models).request.model == name


def test_a_match_is_told():
    recalled = shelved(SAMPLES["kolors_example"].value)
    assert "Model Kolors is kolors here." in words(recalled.mapped)


def test_the_alpha_of_the_seeds_lora_becomes_a_weight_by_the_files_rank():
    files = [
        lora("version_0/epoch=9-step=5000", 8),
        lora("lightning_logs/version_1/checkpoints/epoch=9-step=5000", 4),
    ]
    recalled = shelved(SAMPLES["kolors_with_lora_example"].value, files)
    [use] = recalled.request.loras
    assert (use.name, use.weight) == ("lightning_logs/version_1/checkpoints/epoch=9-step=5000", 0.5)
    assert "lora_alpha 2 divided by the file's 4 comes to weight 0.5" in words(recalled.mapped)
    assert "assumed" not in words(recalled.approximated)


def test_a_file_with_an_alpha_of_its_own_counts_from_that():
    files = [lora("version_1/epoch=9-step=5000", rank=16, alpha=4.0)]
    assert shelved(SAMPLES["kolors_with_lora_example"].value, files).request.loras[0].weight == 0.5


@pytest.mark.parametrize(("ending", "weight"), [(".ckpt", 0.5), (".safetensors", 0.125)])
def test_the_seeds_alpha_is_that_of_its_ckpt_and_not_of_a_file_it_was_folded_into(ending, weight):
    """The .ckpt holds B·A as trained; written anew by `lora convert` at alpha 4, 4/16 is in the matrices already."""
    text = json.dumps(SAMPLES["kolors_with_lora_example"].value).replace(".ckpt", ending)
    folded = replace(lora("version_1/epoch=9-step=5000", 16, 16.0), trained_alpha=4.0)
    assert shelved(json.loads(text), [folded]).request.loras[0].weight == weight


@pytest.mark.parametrize(
    "files", [[], [lora("epoch=9-step=5000", 4)], [lora("version_2/epoch=9-step=5000", 4)]]
)
def test_a_checkpoint_of_another_run_does_not_stand_in(files):
    recalled = shelved(SAMPLES["kolors_with_lora_example"].value, files)
    assert recalled.request.loras[0].weight == 0.125
    assert "assumed rank of 16" in words(recalled.approximated)


def test_a_lora_in_a_folder_is_found_and_several_are_named():
    value = basic(
        _3=ksampler(model=("10", 0)),
        _10=n("LoraLoaderModelOnly", model=("4", 0), lora_name="x/Ink.safetensors", strength_model=0.7),
    )
    assert shelved(value, [lora("styles/ink"), lora("other")]).request.loras[0].name == "styles/ink"
    recalled = shelved(value, [lora("styles/ink"), lora("old/ink")])
    assert recalled.request.loras[0].name == "Ink"
    assert "styles/ink, old/ink" in words(recalled.notices)
    assert shelved(value, [lora("Ink"), lora("old/ink")]).request.loras[0].name == "Ink"


@pytest.mark.parametrize("facts", ["x", [], {"ink": "x"}, {"ink": None}, {"ink": True}, {"ink": 10**400}, 1])
def test_facts_from_anywhere_do_no_harm(facts):
    told = {"lora_alphas": facts, "lora_checkpoints": facts}
    text = json.dumps({"version": 1, "request": {"loras": ["ink:0.5"]}, "facts": told})
    recalled = on_shelf(read_text(text), MODELS, [lora("ink", 4)])
    assert recalled.request.loras[0].weight == 0.5
