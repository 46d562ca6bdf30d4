"""A set to import into, and time that doesn't pass."""

from pathlib import Path

import pytest

from tests.sources.site import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for sites, which pass at once."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        if seconds > 0:
            waited.append(seconds)

    monkeypatch.setattr("studio.sources.web.sleep", wait)
    return waited
