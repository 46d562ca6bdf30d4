"""Polishing trains a decoder and leaves every latent as it was; a deeper one begins as the one it grew from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.storybook import decoder, networks, polish
from studio.storybook.recipe import Recipe
from studio.storybook.score import MODEL_DIR
from studio.storybook.team import Team

SMALL = Recipe(vae_channels=(8, 8, 16, 16), vae_layers=1)


def autoencoder(folder: Path):
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(folder, dtype=torch.float32)


@pytest.mark.long
def test_the_decoder_learns_and_latents_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks.build_vae(SMALL).half().save_pretrained(tmp_path / "vae")
    (tmp_path / "tokenizer").symlink_to(MODEL_DIR / "tokenizer")
    told = ["--smoke", "--processes", "1", "--model", str(tmp_path), "--work", str(tmp_path / "work")]
    assert polish.main([*told, "--layers", "2", "--out", str(tmp_path / "polished")]) == 0
    assert "PSNR flat" in capsys.readouterr().err
    before, after = autoencoder(tmp_path / "vae"), autoencoder(tmp_path / "polished")
    assert after.config["layers_per_block"] == 2
    old, new = before.state_dict(), after.state_dict()
    changed = {name.split(".")[0] for name in old if not old[name].equal(new[name])}
    assert "decoder" in changed
    assert changed <= {"decoder", "post_quant_conv"}  # which two small steps in half precision need not move
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert after.encode(x).latent_dist.parameters.equal(before.encode(x).latent_dist.parameters)


def test_a_deeper_decoder_begins_as_the_one_it_grew_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shallow = networks.build_vae(SMALL)
    shallow.save_pretrained(tmp_path)
    deep = decoder.Trainer(replace(SMALL, vae_layers=2), Team("cpu"), tmp_path).vae
    x = torch.rand(2, 3, 32, 40) * 2 - 1
    with torch.no_grad():
        for one, other in zip(shallow(x, return_dict=False), deep(x, return_dict=False), strict=True):
            assert torch.allclose(one, other, atol=1e-5)  # the same numbers, laid out differently in memory
    with pytest.raises(ValueError, match="begin with: encoder"):
        deep.save_pretrained(tmp_path / "deep")
        decoder.Trainer(SMALL, Team("cpu"), tmp_path / "deep")


@pytest.mark.parametrize("told", [["--model", "nowhere"], ["--layers", "0"]])
def test_what_cannot_be_is_said(told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        polish.main(told)
    assert told[1] in capsys.readouterr().err
