"""Tiny captioners, made once, and a set with something to look at."""

from pathlib import Path

import pytest
from PIL import Image

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New
from studio.settings import Settings
from tests.captioning import models

COLOURS = ("red", "green", "blue", "white", "black", "orange", "purple", "teal")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A house with a tiny BLIP, Florence-2 and Qwen2.5-VL in models/weights. Shared: change nothing."""
    home = tmp_path_factory.mktemp("house")
    told = Settings.from_environment(models_dir=home / "models", output_dir=home / "out", host="local")
    models.build_blip(told.weights_dir / "blip-tiny")
    models.build_florence(told.weights_dir / "florence-tiny")
    models.build_qwen(told.weights_dir / "qwen-tiny")
    return told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A set of eight pictures in as many colours and sizes, one of which has a caption."""
    root = tmp_path / "set"
    with Catalogue.create(root, Need(trigger_word="sks")) as catalogue:
        for k, colour in enumerate(COLOURS):
            picture = Image.new("RGB", (96 + 16 * k, 96), colour)
            picture.paste((10 * k, 255 - 30 * k, 128), (20, 20, 60 + 4 * k, 70))
            picture.save(root / f"{colour}.png")
            caption = "mine" if colour == "green" else ""
            catalogue.add(
                [New(file=f"{colour}.png", name=f"{colour}.png", sha256=f"{k:064}", caption=caption)]
            )
    return root
