"""A site on 127.0.0.1 that answers as a test says, and a set to import into."""

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from PIL import Image

from studio.dataset_requests import ImportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.found import Skipped
from studio.datasets.intake import Taken
from studio.settings import Settings
from studio.sources.importing import import_from
from studio.sources.source import Place


@dataclass
class Asked:
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    method: str = "GET"


@dataclass
class Reply:
    """An answer. With `cut`, only so many bytes of the body are sent before the line goes dead."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    held: threading.Event | None = None
    """Until it is set the body comes a byte in a few seconds: slowly, but the line is not dead."""


Answering = Callable[[Asked], Reply]


class Site:
    """Answers by a function, remembers what it was asked."""

    def __init__(self, answering: Answering) -> None:
        self.asked: list[Asked] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = Asked(
                    parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()), self.command
                )
                site.asked.append(asked)
                self._send(answering(asked))

            do_HEAD = do_GET

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    sent = 0
                    while reply.held and sent < len(reply.body) - 1 and not reply.held.wait(3):
                        self.wfile.write(reply.body[sent : sent + 1])
                        sent += 1
                    self.wfile.write(reply.body[sent : reply.cut])
                if reply.cut is not None:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        """The origin."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def paths(self, start: str = "") -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked if asked.path.startswith(start)]


@contextmanager
def served(answering: Answering) -> Iterator[Site]:
    """A site that answers until the block ends."""
    site = Site(answering)
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()
        thread.join()


def as_json(value: Any, **others: Any) -> Reply:
    """An answer in JSON."""
    return Reply(json.dumps(value).encode(), headers={"Content-Type": "application/json"}, **others)


def as_picture(content: bytes, **headers: str) -> Reply:
    """An answer that is a picture."""
    return Reply(content, headers={"Content-Type": "image/png", **headers})


MISSING = Reply(b"{}", 404)


def png(seed: int, width: int = 80, height: int = 72) -> bytes:
    """A picture that no other seed has."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(stream, "PNG")
    return stream.getvalue()


class House:
    """A set in a folder, and imports into it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = environment
        self.settings = Settings.from_environment(output_dir=folder, host="local", language="en")
        self.catalogue = Catalogue.create(folder / "set", Need())

    def place(self, **others: Any) -> Place:
        """What a source is given."""
        told = {"environment": self.environment, **others}
        return Place(self.settings, self.folder / "work", **told)

    def bring(self, source: str, place: Place | None = None, **asked: Any) -> "Brought":
        """Run an import to its end."""
        request = ImportRequest(source=source, **asked)
        return Brought(list(import_from(self.catalogue, request, place or self.place())))

    def captions(self) -> dict[str, str]:
        """Names and captions of the set."""
        return {entry.name: entry.caption for entry in self.catalogue.entries()}

    def check_whole(self) -> None:
        """See that every picture's file is there with the bytes that the catalogue says, and nothing half-written."""
        import hashlib

        for entry in self.catalogue.entries():
            content = entry.path(self.catalogue.root).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry.sha256
        assert not list((self.catalogue.root / "pictures").rglob("*.part"))


@dataclass
class Brought:
    """What an import told."""

    told: list[Any]

    @property
    def taken(self) -> list[str]:
        """Names of the pictures that came in."""
        return [one.name for one in self.told if isinstance(one, Taken)]

    @property
    def skipped(self) -> dict[str, str]:
        """Names and reasons of those that didn't."""
        return {one.name: one.reason.say("en") for one in self.told if isinstance(one, Skipped)}
