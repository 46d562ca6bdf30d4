"""Downloads in a process of their own: they outlive whoever asked, are stopped by anybody, and survive kill -9."""

import os
import signal
import threading
import time

import pytest

from studio.fetch.background import Background
from studio.fetch.errors import BeingFetched, FetchingRefused, NotOnHub
from studio.settings import Settings
from tests.fetch.mirror import NEEDED, UNET
from tests.sources.site import Reply


@pytest.fixture
def background(house, monkeypatch):
    for name, value in {**house.environment, "HF_HUB_OFFLINE": "0"}.items():
        monkeypatch.setenv(name, value)
    return Background(house.settings)


@pytest.fixture
def held(house):
    """The hub holds the large file back after its first half, until the event is set."""
    go, reached = threading.Event(), threading.Event()

    def before(path: str) -> None:
        if path == UNET and house.toy.troubles.get(UNET) == []:
            reached.set()
            go.wait(60)

    house.toy.before = before
    house.toy.troubles[UNET] = [Reply(NEEDED[UNET], cut=100_000)]
    yield go, reached
    go.set()


def ends(background: Background) -> str:
    """How the download of the toy ends."""
    deadline = time.monotonic() + 60
    while (now := background.records.of("toy")) is None or now.is_running:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now.state


def test_it_is_fetched_in_another_process(house, background):
    background.start(house.card, "modelscope")
    assert background.running().pid != os.getpid()
    assert ends(background) == "finished", house.record
    assert house.here() == NEEDED
    assert background.running() is None


def test_a_killed_download_is_told_and_goes_on_where_it_was(house, background, held):
    go, reached = held
    background.start(house.card, "huggingface")
    assert reached.wait(60)
    with pytest.raises(BeingFetched, match=str(background.running().pid)):
        background.start(house.card, "modelscope")
    with pytest.raises(BeingFetched):
        house.get()
    os.kill(background.running().pid, signal.SIGKILL)
    assert ends(background) == "interrupted"
    assert "kept" in house.record.message.en
    assert not house.card.is_present
    go.set()
    background.start(house.card, "huggingface")
    assert ends(background) == "finished", house.record
    assert house.ranges(UNET)[-1] == "bytes=100000-"
    assert house.here() == NEEDED


def test_what_fails_there_is_read_here(house, background):
    house.toy.troubles[""] = [Reply(status=403)]
    background.start(house.card, "modelscope")
    assert ends(background) == "failed"
    assert "MODELSCOPE_API_TOKEN" in house.record.message.zh
    log = background.records.log_file("toy").read_text("utf-8")
    assert "Traceback" not in log
    assert "secret" not in log


def test_visitors_and_cards_without_a_hub_are_refused_at_once(house, background):
    public = Settings.from_environment(root=house.settings.root, host="local", public=True)
    with pytest.raises(FetchingRefused):
        Background(public).start(house.card, "huggingface")
    file = house.settings.models_dir / "cards" / "toy.toml"
    file.write_text(file.read_text("utf-8").replace('modelscope = "ada/toy-diffusers"\n', ""), "utf-8")
    with pytest.raises(NotOnHub):
        background.start(house.card, "modelscope")
    assert house.record is None
