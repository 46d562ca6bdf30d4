"""Where the parts of a model are taken from."""

import json
import shutil

import pytest
import torch

from studio.engine.load import open_part
from studio.errors import ModelMissing, PickleRefused, WeightsMissing
from studio.train_errors import NotTrainable, PathMissing
from studio.training.sources import Sources


def test_the_card_says_where_everything_is(settings, ask):
    sources = Sources.of(ask(), settings)
    assert sources.card.name == "storybook"
    assert sources.parts == {name: sources.card.folder / name for name in sources.parts}
    assert sources.bytes_of("unet") > sources.bytes_of("scheduler") == 0


def test_paths_of_the_seeds_command_are_taken(settings, ask, tmp_path, tiny_kolors):
    """A weight file of the UNet, a folder of the text encoder, and a VAE in a folder of its own; nothing on the shelf."""
    own = shutil.copytree(tiny_kolors, tmp_path / "kolors")
    vae = tmp_path / "sdxl-vae-fp16-fix"
    shutil.move(own / "vae", vae)
    unet = own / "unet" / "diffusion_pytorch_model.safetensors"
    request = ask(
        model="kolors",
        pretrained_unet_path=str(unet),
        pretrained_text_encoder_path=str(own / "text_encoder"),
        pretrained_fp16_vae_path=str(vae / "diffusion_pytorch_model.safetensors"),
    )
    sources = Sources.of(request, settings)
    assert sources.parts["unet"] == unet
    assert sources.parts["tokenizer"] == own / "tokenizer"
    assert sources.parts["scheduler"] == own / "scheduler"
    for name in ("unet", "vae"):
        part = open_part(
            sources.family.part(name), sources.card.folder, "cpu", torch.float32, sources.parts[name]
        )
        theirs = open_part(sources.family.part(name), tiny_kolors, "cpu", torch.float32)
        assert all(
            torch.equal(a, b)
            for a, b in zip(part.state_dict().values(), theirs.state_dict().values(), strict=True)
        )


def test_run_of_the_seeds_paths_learns(settings, ask, train, tiny_kolors):
    request = ask(
        pretrained_unet_path=str(tiny_kolors / "unet" / "diffusion_pytorch_model.safetensors"),
        pretrained_text_encoder_path=str(tiny_kolors / "text_encoder"),
        pretrained_fp16_vae_path=str(tiny_kolors / "vae"),
        max_steps=1,
    )
    assert train(request).record().state == "finished"


def test_path_that_leads_nowhere_is_named(settings, ask):
    with pytest.raises(PathMissing, match="nowhere.safetensors"):
        Sources.of(ask(pretrained_unet_path="nowhere.safetensors"), settings)


def test_model_without_card_or_family_is_refused(settings, ask):
    with pytest.raises(ModelMissing, match="storybook"):
        Sources.of(ask(model="none"), settings)
    card = settings.models_dir / "cards" / "strange.toml"
    text = (settings.models_dir / "cards" / "storybook.toml").read_text(encoding="utf-8")
    card.write_text(text.replace('family = "kolors"', 'family = "pixart"'), encoding="utf-8")
    try:
        with pytest.raises(NotTrainable, match="storybook"):
            Sources.of(ask(model="strange"), settings)
    finally:
        card.unlink()


def test_pickled_and_missing_weights_are_refused(settings, ask, tmp_path, tiny_kolors):
    own = shutil.copytree(tiny_kolors / "text_encoder", tmp_path / "text_encoder")
    (own / "model.safetensors").rename(own / "pytorch_model.bin")
    for path, error in ((own, PickleRefused), (tmp_path, WeightsMissing)):
        sources = Sources.of(ask(pretrained_text_encoder_path=str(path)), settings)
        with pytest.raises(error):
            open_part(
                sources.family.part("text_encoder"), sources.card.folder, "cpu", torch.float32,
                sources.parts["text_encoder"],
            )  # fmt: skip


def test_fingerprint_goes_by_content(settings, ask, tmp_path, tiny_kolors):
    own = shutil.copytree(tiny_kolors / "unet", tmp_path / "unet")
    mine, theirs = (Sources.of(ask(pretrained_unet_path=path), settings) for path in (str(own), ""))
    assert mine.fingerprint("unet") == theirs.fingerprint("unet")
    config = json.loads((own / "config.json").read_text(encoding="utf-8"))
    (own / "config.json").write_text(json.dumps({**config, "sample_size": 9}), encoding="utf-8")
    assert mine.fingerprint("unet") != theirs.fingerprint("unet")
