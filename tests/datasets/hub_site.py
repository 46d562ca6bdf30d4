"""A server on this machine that answers as the Hub's documented addresses do, for tests of pushing."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

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


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that this process takes for the real one."""
    with Hub() as server:
        monkeypatch.setattr(
            "huggingface_hub.constants.HF_HUB_OFFLINE", False
        )  # these servers are on this machine
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
