"""Hubs that answer, and time that doesn't pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fetch.mirror import House, mirrored


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with mirrored(tmp_path) as house:
        yield house


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's library asks no site where this variable was set when it was imported."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for hubs, which pass at once."""
    waited: list[float] = []
    monkeypatch.setattr("studio.fetch.download.sleep", waited.append)
    return waited
