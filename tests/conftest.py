"""What tests share: one tiny random Kolors for the whole session, and a chain that has it open."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from studio.engine.device import settle_imports
from studio.engine.host import QUIET_THREADS

os.environ.update(QUIET_THREADS)
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: more threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`python -m pytest --all`: the long tests too."""
    parser.addoption("--all", action="store_true", help="run the long tests too")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; these come out of diffusers' own imports, and nothing of ours can avoid them. And where nobody
    says what to run, it is all but the long tests: those wait for `--all`, `-m long`, or a path."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning")
    told = config.option
    is_asked = told.all or told.markexpr or told.keyword
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not is_asked:
        told.markexpr = "not long"


LONGEST = ("browser", "training", "storybook", "benchmarks", "test_seed_story", "engine")
"""Folders whose files take longest, and one file. Begun last, one of them would keep all processes but one waiting for it."""


OWN_STUDIO = ("test_dataset", "test_models", "test_train")
"""Browser tests that start a studio of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, places.get(item.path.parent.name, len(places))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """File by file, but the browser tests in two processes: each file would start a Chromium of its own, and a studio
    where it doesn't have one of its own anyway."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            if not file.startswith("tests/browser/"):
                return file
            return "tests/browser, own studios" if Path(file).stem in OWN_STUDIO else "tests/browser"

    return Scheduling(config, log)


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
