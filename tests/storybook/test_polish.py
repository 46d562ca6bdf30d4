"""Polishing trains a decoder and leaves every latent as it was."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from studio.storybook import polish
from studio.storybook.score import MODEL_DIR


def test_only_the_decoder_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--smoke", "--processes", "1", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "vae")]
    assert polish.main(told) == 0
    before, after = (
        load_file(folder / "diffusion_pytorch_model.safetensors")
        for folder in (MODEL_DIR / "vae", tmp_path / "vae")
    )
    assert before.keys() == after.keys()
    changed = {name.split(".")[0] for name in before if not before[name].equal(after[name])}
    assert changed == {"decoder", "post_quant_conv"}
    assert "PSNR flat" in capsys.readouterr().err


def test_a_folder_without_a_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        polish.main(["--model", str(tmp_path)])
    assert str(tmp_path) in capsys.readouterr().err
