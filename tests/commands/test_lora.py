"""`python -m studio lora`: what a file is, and the same LoRA in another layout, layer for layer."""

import json

import pytest

from studio.__main__ import main
from studio.lora.match import match
from studio.lora.read import read
from studio.shelf.loras import read_lora_card
from tests.lora import layouts as lay
from tests.lora.layouts import deltas, diffusers_names, first_names, layers, save, tensors_of
from tests.lora.networks import shapes
from tests.lora.test_kinds import LINEAR, random
from tests.lora.test_matrix import assert_equal, changes

CASES = [
    ("sd15", "first", lay.KOHYA), ("sdxl", "first", lay.KOHYA), ("kolors", "diffsynth", lay.DIFFSYNTH),
    ("sdxl", "diffusers", lay.KOHYA), ("flux", "first", lay.COMFY), ("flux2", "first", lay.COMFY),
    ("sd3", "first", lay.KOHYA), ("qwen_image", "diffusers", lay.BARE), ("z_image", "first", lay.COMFY),
]  # fmt: skip


@pytest.fixture
def run(tmp_path, capsys):
    def called(*words, code=0):
        assert main(["lora", *map(str, words), "--output", str(tmp_path / "out"), "--language", "en"]) == code
        told = capsys.readouterr()
        return told.err if code else told.out

    return called


def some(family, names):
    known = shapes(family)
    groups = {"first": lambda: first_names(known, family), "diffusers": lambda: diffusers_names(known),
              "diffsynth": lambda: lay.diffsynth_names(known)}[names]()  # fmt: skip
    return [group for n, group in enumerate(groups) if n % 3 == 0 or len(group[1]) > 1]


@pytest.mark.parametrize("target", ["kohya", "diffusers"])
@pytest.mark.parametrize(("family", "names", "spelling"), CASES)
def test_a_converted_file_changes_every_layer_as_before(run, tmp_path, family, names, spelling, target):
    known = shapes(family)
    written = layers(known, some(family, names), rank=3, alpha=0.7)
    file = save(tmp_path, tensors_of(written, spelling), spelling.ending)
    new = tmp_path / "new.safetensors"
    run("convert", file, new, "--to", target, *([] if spelling.has_alpha else ["--alpha", "0.7"]))
    lora = read(new)
    assert lora.layout == target
    matched = match(lora, known, family, "tiny", "new")
    assert matched.unmatched == ()
    assert matched.scale == 1.0
    assert_equal(changes(matched, known), deltas(known, written))


def test_a_file_that_diffusers_wrote_is_read_by_diffusers_again(run, tmp_path):
    import torch
    from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin

    written = layers(shapes("sdxl"), some("sdxl", "first"), rank=2, alpha=1.0)
    new = tmp_path / "new.safetensors"
    run("convert", save(tmp_path, tensors_of(written, lay.KOHYA)), new, "--to", "diffusers")
    state, _, told = StableDiffusionXLLoraLoaderMixin.lora_state_dict(str(new), return_lora_metadata=True)
    assert told["unet.lora_alpha"] == told["unet.r"] == 2
    for module, delta in deltas(shapes("sdxl"), written).items():
        down, up = (state[f"unet.{module}.lora_{half}.weight"].flatten(1) for half in "AB")
        assert torch.allclose((up @ down).reshape(delta.shape), delta, atol=1e-5)


def test_words_of_the_header_and_text_encoders_go_along(run, tmp_path):
    tensors = {f"{LINEAR_KOHYA}.lora_down.weight": random(2, 16), f"{LINEAR_KOHYA}.lora_up.weight": random(16, 2),
               f"{TEXT}.lora_down.weight": random(2, 16), f"{TEXT}.lora_up.weight": random(16, 2)}  # fmt: skip
    told = {"modelspec.title": "水墨", "ss_network_alpha": "1", "ss_base_model_version": "sdxl_base_v1-0"}
    file = save(tmp_path, tensors, metadata=told)
    for target in ("kohya", "diffusers"):
        new = tmp_path / f"{target}.safetensors"
        run("convert", file, new, "--to", target)
        lora = read(new)
        assert lora.metadata["modelspec.title"] == "水墨"
        (text,) = lora.texts["text_encoder_2"].values()
        (layer,) = lora.layers.values()
        for change, key in ((text, TEXT), (layer, LINEAR_KOHYA)):
            wanted = tensors[f"{key}.lora_up.weight"] @ tensors[f"{key}.lora_down.weight"] / 2
            assert (change.up @ change.down * change.scale - wanted).abs().max() < 1e-5


LINEAR_KOHYA = "lora_unet_" + LINEAR.replace(".", "_")
TEXT = "lora_te2_text_model_encoder_layers_0_self_attn_q_proj"


def test_half_precision_is_kept_only_where_it_loses_nothing(run, tmp_path):
    import torch

    for alpha, kept in ((1.0, torch.float16), (0.7, torch.float32)):
        tensors = {f"{LINEAR_KOHYA}.lora_down.weight": random(2, 16).half(), f"{LINEAR_KOHYA}.lora_up.weight": random(16, 2).half(),
                   f"{LINEAR_KOHYA}.alpha": torch.tensor(alpha)}  # fmt: skip
        new = tmp_path / "new.safetensors"
        run("convert", save(tmp_path, tensors), new, "--force")
        from safetensors.torch import load_file

        assert load_file(str(new))[f"{LINEAR_KOHYA}.lora_up.weight"].dtype == kept


def test_nothing_is_overwritten_or_guessed(run, tmp_path):
    file = save(
        tmp_path, tensors_of(layers(shapes("kolors"), some("kolors", "diffsynth")), lay.DIFFSYNTH), ".ckpt"
    )
    new = tmp_path / "new.safetensors"
    assert "records no alpha" in run("convert", file, new, code=2)
    assert not new.exists()
    run("convert", file, new, "--alpha", "rank")
    before = new.read_bytes()
    assert "exists; add --force" in run("convert", file, new, "--alpha", "4", code=2)
    assert new.read_bytes() == before
    run("convert", file, new, "--alpha", "4", "--force")
    assert new.read_bytes() != before
    assert "must end in .safetensors" in run("convert", file, tmp_path / "new.ckpt", code=2)
    assert "There is no LoRA" in run("show", tmp_path / "gone.safetensors", code=2)


def test_the_alpha_that_was_folded_in_is_kept_in_words(run, tmp_path):
    """A recipe may count from it: the seed's workflow names the .ckpt."""
    tensors = tensors_of(layers(shapes("kolors"), some("kolors", "diffsynth"), rank=8), lay.DIFFSYNTH)
    file, new, newer = (
        save(tmp_path, tensors, ".ckpt"),
        tmp_path / "new.safetensors",
        tmp_path / "b.safetensors",
    )
    for alpha, kept in (("4", 4.0), ("rank", None)):
        run("convert", file, new, "--alpha", alpha, "--force")
        run("convert", new, newer, "--to", "diffusers", "--force")
        for each in (new, newer):
            card = read_lora_card("new", each)
            assert (card.alpha, card.rank, card.trained_alpha) == (8.0, 8, kept)


def test_show_tells_what_a_file_is_and_what_is_odd(run, tmp_path):
    known = shapes("kolors")
    file = save(tmp_path, tensors_of(layers(known, some("kolors", "diffsynth")), lay.DIFFSYNTH), ".ckpt")
    file = file.rename(tmp_path / "seed.safetensors")
    told = json.loads(run("show", file, "--json"))
    assert (told["layout"], told["rank"], told["alpha"], told["strength"]) == ("diffsynth-1", 2, None, 1.0)
    assert told["family"] == "Kolors / SDXL"
    assert told["layers"] == len(some("kolors", "diffsynth"))
    assert [sentence.partition(".")[0] for sentence in told["odd"]] == [
        "It is a torch file, whatever its name says",
        "Its alpha is not recorded; it is taken to equal its rank",
        "Its layers fit Kolors / SDXL; the header names none",
    ]
    shown = run("show", file)
    assert "Layout: diffsynth-1" in shown
    assert "Alpha: not recorded" in shown


def test_show_of_a_broken_file_is_one_sentence(run, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    assert run("show", tmp_path / "cut.safetensors", code=2).count("\n") == 1


def test_a_strangers_header_steers_no_terminal_and_stays_exact_as_json(run, tmp_path):
    told = {"modelspec.title": "\x1b[2J\nRank: 999"}
    known = shapes("kolors")
    file = save(
        tmp_path, tensors_of(layers(known, some("kolors", "diffsynth")), lay.DIFFSYNTH), metadata=told
    )
    shown = run("show", file)
    assert r"  modelspec.title: \x1b[2J\nRank: 999" in shown.splitlines()
    assert json.loads(run("show", file, "--json"))["metadata"] == told
