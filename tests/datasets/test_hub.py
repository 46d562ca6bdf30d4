"""Pushing to a hub: a server on this machine answers as the Hub's documented addresses do."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from studio.dataset_requests import ExportRequest
from studio.datasets.errors import PushFailed
from studio.datasets.formats import recognise
from studio.datasets.hub import push
from tests.datasets.formats.made import CAPTIONS, a_set
from tests.house import free_port

TOKEN = "hf_of_nobody"


class Hub(ThreadingHTTPServer):
    """What was sent to it: repositories made, files committed, objects stored."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.made: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.pointers: dict[str, str] = {}
        self.asked: list[str] = []
        self.refused = ""


class Answers(BaseHTTPRequestHandler):
    """The Hub's answers: whoami, create, validate-yaml, preupload, LFS batch and upload, commit."""

    server: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._body())

    def do_PUT(self) -> None:
        content = self._body()
        self.server.objects[hashlib.sha256(content).hexdigest()] = content
        self._say({})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(self, body: bytes) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        hub.asked.append(f"{self.command} {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" or (hub.refused and hub.refused in path):
            self._say({"error": "no"}, 401 if not hub.refused else 403)
        elif path.endswith("/whoami-v2"):
            self._say({"type": "user", "name": "ana", "auth": {"accessToken": {"role": "write"}}})
        elif path == "/api/datasets/ana/boats" and not hub.made:
            self._say({"error": "Repository not found"}, 404)
        elif path == "/api/repos/create":
            hub.made.append(json.loads(body))
            self._say({"url": f"{hub.url}/datasets/ana/boats", "name": "ana/boats", "id": "1"})
        elif path == "/api/validate-yaml":
            assert json.loads(body)["content"].startswith("---\n")
            self._say({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            self._say({"files": [self._mode(file) for file in json.loads(body)["files"]]})
        elif path.endswith("/info/lfs/objects/batch"):
            self._say(
                {"transfer": "basic", "objects": [self._place(one) for one in json.loads(body)["objects"]]}
            )
        elif "/commit/" in path:
            self._commit(body)
        else:
            self._say({"sha": "0" * 40, "id": "ana/boats", "siblings": []})

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        is_large = file["path"].endswith(".png")
        return {"path": file["path"], "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}

    def _place(self, one: dict[str, Any]) -> dict[str, Any]:
        return {
            **one,
            "actions": {"upload": {"href": f"{self.server.url}/objects/{one['oid']}", "header": {}}},
        }

    def _commit(self, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.pointers[value["path"]] = value["oid"]
        self._say({"commitUrl": f"{self.server.url}/datasets/ana/boats/commit/1", "commitOid": "1" * 40})

    def _say(self, what: dict[str, Any], status: int = 200) -> None:
        content = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine says of being offline: these servers are on it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


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
