"""Pushing to a hub: a server on this machine answers as the Hub's documented addresses do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset_requests import ExportRequest
from studio.datasets.errors import PushFailed
from studio.datasets.formats import recognise
from studio.datasets.hub import push
from tests.datasets.formats.made import CAPTIONS, a_set
from tests.datasets.hub_site import TOKEN, Hub, running
from tests.house import free_port


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine says of being offline: these servers are on it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running(monkeypatch) as server:
        yield server


PUSH = """
import sys
from pathlib import Path
from studio.dataset_requests import ExportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.hub import push
from studio.errors import StudioError
try:
    for step in push(Catalogue.open(Path(sys.argv[1])), ExportRequest(format="imagefolder"), "ana/boats"):
        print(step.done, step.total, step.doing.say() if step.doing else "")
except StudioError as error:
    print(type(error).__name__, error)
"""


def pushed(folder: Path, home: Path, **environment: str) -> str:
    """What the push of a set says, in a process with this environment: the library reads it once, when it starts."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    home.mkdir(exist_ok=True)
    told = {
        **clean,
        "HF_HOME": str(home / "hf"),
        "TMPDIR": str(home),
        "HF_HUB_DISABLE_XET": "1",
        **environment,
    }
    words = [sys.executable, "-c", PUSH, str(folder)]
    answer = subprocess.run(words, capture_output=True, text=True, env=told, timeout=90)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert not list(home.glob("inkstone-push-*"))
    return answer.stdout


def test_a_set_arrives_whole(tmp_path, hub):
    a_set(tmp_path / "set").close()
    said = pushed(tmp_path / "set", tmp_path / "home", HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN)
    assert said.splitlines()[-1] == f"8 8 8 pictures are at {hub.url}/datasets/ana/boats"
    (made,) = hub.made
    assert (made["name"], made["type"]) == ("boats", "dataset")
    assert made.get("private") or made.get("visibility") == "private"
    arrived = tmp_path / "arrived"
    for path, content in (hub.files | {path: hub.objects[oid] for path, oid in hub.pointers.items()}).items():
        (arrived / path).parent.mkdir(parents=True, exist_ok=True)
        (arrived / path).write_bytes(content)
    assert [one.caption for one in recognise(arrived).read(arrived)] == list(CAPTIONS)
    assert (arrived / "README.md").is_file()


def test_without_a_token_it_says_how_to_get_one(tmp_path, hub):
    a_set(tmp_path / "set").close()
    said = pushed(tmp_path / "set", tmp_path / "home", HF_ENDPOINT=hub.url)
    assert said.startswith("PushFailed")
    assert "hf auth login" in said
    assert hub.asked == []


@pytest.mark.parametrize("token", [TOKEN, "hf_wrong"])
def test_a_refusal_is_told(tmp_path, hub, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    hub.refused = "create" if token == TOKEN else ""
    with a_set(tmp_path / "set") as catalogue, pytest.raises(PushFailed, match="may not write there") as told:
        list(push(catalogue, ExportRequest(), "ana/boats"))
    assert hub.url in told.value.say("zh")
    assert hub.files == {}


def test_a_hub_that_is_not_there_is_told_before_anything_is_baked(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with a_set(tmp_path / "set") as catalogue, pytest.raises(PushFailed, match="could not be pushed") as told:
        next(push(catalogue, ExportRequest(), "ana/boats"))
    assert "offline" not in str(told.value)


@pytest.mark.parametrize("name", ["boats", "a/b/c", "/boats", "ana/"])
def test_a_name_without_owner_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with (
        a_set(tmp_path / "set", ["a boat"], validation=0) as catalogue,
        pytest.raises(PushFailed, match="owner/name"),
    ):
        next(push(catalogue, ExportRequest(), name))
