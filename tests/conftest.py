"""What tests share: one tiny random Kolors for the whole session, and a chain that has it open."""

import os
import shutil
from pathlib import Path

import pytest

from studio.engine.device import settle_imports
from studio.engine.host import QUIET_THREADS

os.environ.update(QUIET_THREADS)
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: more threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; these come out of diffusers' own imports, and nothing of ours can avoid them."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import are there now, and stay."""
    settle_imports()


@pytest.fixture(scope="session")
def tiny_kolors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Kolors folder with random weights. Shared: copy it before changing it."""
    from tests.tiny import build_kolors

    built = build_kolors(tmp_path_factory.mktemp("models") / "tiny")
    settle_imports()  # diffusers and transformers are there now
    return built


@pytest.fixture(scope="session")
def tiny_lora(tmp_path_factory: pytest.TempPathFactory, tiny_kolors: Path) -> Path:
    """A LoRA for `tiny_kolors`."""
    from tests.tiny import build_lora

    return build_lora(tmp_path_factory.mktemp("loras") / "ink.safetensors", tiny_kolors)


@pytest.fixture
def own_kolors(tmp_path: Path, tiny_kolors: Path) -> Path:
    """A copy of `tiny_kolors` that a test may break."""
    return Path(shutil.copytree(tiny_kolors, tmp_path / "own"))
