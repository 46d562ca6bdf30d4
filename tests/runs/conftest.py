"""What tests of runs share: an installation with the real model cards, pictures to learn from, and an end to every
process that a test leaves behind."""

import os
import shutil
import time

import pytest
from PIL import Image

from studio.runs import Runs
from studio.settings import ROOT, Settings
from studio.train_request import TrainRequest
from tests.worker import COMMAND


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """An installation of its own; its Storybook is the shipped one."""
    monkeypatch.delenv("INKSTONE_RUNS", raising=False)
    models = tmp_path / "models"
    shutil.copytree(ROOT / "models" / "cards", models / "cards")
    os.symlink(ROOT / "models" / "storybook", models / "storybook")
    return Settings.from_environment(
        models_dir=models, output_dir=tmp_path / "outputs", host="local", language="en"
    )


@pytest.fixture
def dataset(tmp_path):
    """Two captioned pictures."""
    folder = tmp_path / "ink pictures"
    folder.mkdir()
    for name in ("boat", "cat"):
        Image.new("RGB", (64, 64), "red").save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"a {name}")
    return folder


@pytest.fixture
def ask(dataset):
    """A request for a run of so many steps."""

    def request(name="ink", steps=5, **others):
        return TrainRequest(name=name, max_steps=steps, dataset_path=str(dataset), **others)

    return request


@pytest.fixture
def runs(settings):
    """The runs of the installation, with a worker that learns nothing; none outlives the test."""
    runs = Runs(settings, worker=COMMAND)
    yield runs
    end_all(runs)


def end_all(runs):
    """Leave no worker behind; one that ends starts the next, so look more than once."""
    while alive := [view for view in runs.list() if view.state == "queued" or view.is_active]:
        for view in alive:
            if view.state == "queued":
                runs.stop(view.id)
            elif view.record.process:
                view.record.process.kill()


def until(true, seconds=120.0):
    """Wait for something to become true; answers how long that took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "it never came to be"
        time.sleep(0.02)
    return time.monotonic() - started
