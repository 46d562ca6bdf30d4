"""One hub, as it is talked to while a model is fetched: the network of the dataset sources, with more patience."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from studio import __version__
from studio.sources.addresses import AddressRefused, origin_of, trusted_origins
from studio.sources.transfer import Cap, Failed, Wire, body, check_status
from studio.words import Said, Text

NO_JSON = Text("its answer can't be read", "无法读取返回的内容")
_JSON = Cap(32 * 2**20, 60.0)
_AGENT = {"User-Agent": f"InkstoneStudio/{__version__} (model download)"}


@dataclass
class Connection:
    """An endpoint and the token for it, which no other address gets to see. Other addresses that the endpoint sends us to
    must be public and encrypted. Raises Failed for an endpoint that is no address."""

    endpoint: str
    environment: Mapping[str, str]
    token: str = ""
    secret: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            origin = origin_of(self.endpoint)
        except AddressRefused as refused:
            raise Failed(refused.reason) from None
        trusted = trusted_origins(self.environment) | {origin}
        self._wire = Wire(self.environment, trusted, frozenset({origin}), self.secret)

    def json(self, url: str) -> Any:
        """What an address answers, read as JSON. Raises Failed."""
        with self._wire.answer(url, {"Accept": "application/json", **_AGENT}) as answer:
            check_status(answer)
            content = b"".join(body(answer, _JSON))
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise Failed(Said(NO_JSON, {}), answer.status_code) from None

    @contextmanager
    def rest(self, url: str, start: int) -> Iterator[httpx.Response]:
        """A file from byte `start` on; the answer's status says whether it is the rest (206) or all (200). Raises
        Failed."""
        asked = {"Range": f"bytes={start}-"} if start else {}
        with self._wire.answer(url, {**asked, **_AGENT}) as answer:
            check_status(answer)
            yield answer

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()
