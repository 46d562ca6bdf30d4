"""A house to train in: a tiny random Kolors under Storybook's card, and a few small captioned pictures."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from studio.runs.folder import RunFolder
from studio.runs.record import Record
from studio.settings import ROOT, Settings
from studio.train_request import TrainRequest

CAPTIONS = ["a red house", "夜晚,草地上", "a white cat", "two yellow boats", "a purple balloon in the snow"]


def paint_set(folder: Path, sizes: list[tuple[int, int]], split: str = "train") -> Path:
    """An ImageFolder of coloured boxes, one of each size; gives the dataset's folder back."""
    place = folder / split
    place.mkdir(parents=True)
    with (place / "metadata.csv").open("w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file_name", "text"])
        for number, size in enumerate(sizes):
            picture = Image.new("RGB", size, (40 * number % 256, 90, 200))
            ImageDraw.Draw(picture).rectangle((8, 8, 8 + 5 * number, 40), fill=(250, 240, 10 * number % 256))
            picture.save(place / f"{number:02}.png")
            rows.writerow([f"{number:02}.png", CAPTIONS[number % len(CAPTIONS)]])
    return folder


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, tiny_kolors: Path) -> Path:
    """A models folder whose Storybook is tiny. Its encoded pictures are shared by all tests."""
    models = tmp_path_factory.mktemp("house") / "models"
    shutil.copytree(ROOT / "models" / "cards", models / "cards")
    shutil.copytree(tiny_kolors, models / "storybook")
    (models / "loras").mkdir()
    return models


@pytest.fixture
def settings(house: Path, tmp_path: Path) -> Settings:
    """An installation around the house, with runs and outputs of its own."""
    return Settings.from_environment(
        models_dir=house, loras_dir=tmp_path / "loras", output_dir=tmp_path / "outputs", host="local"
    )


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures: three square, one tall, one wide."""
    sizes = [(64, 64), (80, 80), (64, 64), (64, 96), (96, 64)]
    return paint_set(tmp_path_factory.mktemp("set"), sizes)


@pytest.fixture
def ask(pictures: Path) -> Callable[..., TrainRequest]:
    """A small request: 64 px, rank 4 but alpha 2."""

    def asked(**changes: Any) -> TrainRequest:
        small: dict[str, Any] = {
            "name": "ink", "dataset_path": str(pictures), "width": 64, "height": 64, "lora_rank": 4,
            "lora_alpha": 2.0, "batch_size": 2, "max_steps": 4, "learning_rate": 1e-3, "sample_steps": 2,
        }  # fmt: skip
        return TrainRequest(**{**small, **changes})

    return asked


@pytest.fixture
def new_run(settings: Settings) -> Callable[[TrainRequest], RunFolder]:
    """Lays out a run folder for a request."""

    def made(request: TrainRequest) -> RunFolder:
        settings.runs_dir.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(settings.runs_dir / f"run-{len(list(settings.runs_dir.iterdir()))}")
        folder.path.mkdir()
        folder.make(request, Record())
        return folder

    return made


@pytest.fixture
def train(settings: Settings, new_run: Callable[[TrainRequest], RunFolder]) -> Callable[..., RunFolder]:
    """Trains a request in this process, or goes on with a run's folder."""
    from studio.training.worker import main

    def trained(what: TrainRequest | RunFolder, code: int = 0) -> RunFolder:
        folder = what if isinstance(what, RunFolder) else new_run(what)
        assert main(folder.path, settings) == code, folder.record().message
        return folder

    return trained


def told(folder: RunFolder, kind: str) -> list[dict[str, Any]]:
    """The events of a kind."""
    return [event for event in folder.events()[0] if event["kind"] == kind]


class Worker:
    """A worker in a process of its own, as the queue starts it."""

    def __init__(self, folder: RunFolder, settings: Settings, **environment: str) -> None:
        self.folder = folder
        told = {
            **os.environ, "INKSTONE_MODELS": str(settings.models_dir), "INKSTONE_OUTPUT": str(settings.output_dir),
            "INKSTONE_RUNS": str(settings.runs_dir), "PYTHONPATH": str(ROOT), **environment,
        }  # fmt: skip
        with folder.log_file.open("ab") as log:
            words = [sys.executable, "-m", "studio.training.worker", str(folder.path)]
            self.process = subprocess.Popen(words, env=told, stdout=log, stderr=log, start_new_session=True)

    def wait_for(self, kind: str, count: int = 1) -> None:
        """Until it has told so many events of a kind."""
        deadline = time.monotonic() + 120
        while len(told(self.folder, kind)) < count:
            assert self.process.poll() is None, self.folder.log_tail(30)
            assert time.monotonic() < deadline, self.folder.log_tail(30)
            time.sleep(0.005)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Wait for its end; gives the exit code."""
        return self.process.wait(timeout=240)


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., Worker]]:
    """Starts workers; none outlives the test."""
    started: list[Worker] = []

    def begun(folder: RunFolder, **environment: str) -> Worker:
        started.append(Worker(folder, settings, **environment))
        return started[-1]

    yield begun
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()
