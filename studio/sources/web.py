"""Fetching from sites as a polite visitor who trusts nobody: one request at a time under our name, waiting when told to,
no more bytes or seconds than a picture is worth."""

import hashlib
import json
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO, NoReturn

import httpx

from studio.datasets.errors import SourceFailed, SourceRefused
from studio.datasets.found import Step
from studio.datasets.intake import MOST_BYTES, NotDelivered
from studio.disk import storage_error
from studio.sources.addresses import AddressRefused, origin_of, trusted_origins
from studio.sources.source import Place
from studio.sources.transfer import (
    Cap,
    Failed,
    Patience,
    Wire,
    body,
    check_status,
    forget,
    resumed,
    user_agent,
    write_body,
)
from studio.words import Said, Text

_MOST_FAILURES = 5
_JSON = Cap(16 * 2**20, 60.0)
_PICTURE = Cap(MOST_BYTES, 120.0)
_FILE_S = 6 * 3600.0
_OPT_OUTS = ("noai", "noimageai", "noml")
_PICTURE_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")

WAITING = Text("The site asks us to wait {seconds} s", "网站要求等待 {seconds} 秒")
NO_JSON = Text("its answer can't be read", "无法读取返回的内容")
NO_PICTURE = Text("it is {kind}, not a picture", "返回的是 {kind}，不是图片")
OPTED_OUT = Text("its site says that it is not for training ({header})", "网站声明不可用于训练（{header}）")


@dataclass
class Web:
    """The network for one import of the source `name`. `endpoints` are addresses that whoever runs the studio has set:
    they are reached as they are, with the `secret` headers; all other addresses only if they are public and encrypted.
    `pause_s` lies between two questions to an endpoint."""

    name: Text
    place: Place
    endpoints: tuple[str, ...] = ()
    pause_s: float = 0.0
    honours_opt_outs: bool = True
    secret: Mapping[str, str] = field(default_factory=dict)
    _asked_at: float = float("-inf")
    _failures: int = 0

    def __post_init__(self) -> None:
        environment = self.place.environment
        try:
            endpoints = frozenset(map(origin_of, self.endpoints))
            trusted = trusted_origins(environment) | endpoints
        except AddressRefused as refused:
            raise SourceRefused(None, source=self.name, reason=refused.reason) from None
        self._wire = Wire(environment, trusted, endpoints, self.secret)
        self._agent = {"User-Agent": user_agent(environment)}

    def json(
        self, url: str, values: Mapping[str, str | int], is_optional: bool = False
    ) -> Generator[Step, None, Any]:
        """An endpoint's answer, telling of it while it wants to be waited for; None for an optional one that isn't
        there. Raises SourceFailed when the endpoint refuses, stays busy, or answers what is no JSON."""
        sleep(min(max(0.0, self._asked_at + self.pause_s - monotonic()), self.pause_s))
        patience = Patience()
        while True:
            try:
                content = self._content(str(httpx.URL(url, params=values)) if values else url)
                return json.loads(content)
            except Failed as failed:
                if is_optional and failed.status == 404:
                    return None
                yield from _waiting(self._or_down(patience, failed))
            except (ValueError, RecursionError):
                self.fail(Said(NO_JSON, {}))
            finally:
                self._asked_at = monotonic()

    def picture(self, url: str) -> BinaryIO:
        """A picture's bytes from anywhere; what has arrived of one that breaks off is kept for the next time. Raises
        NotDelivered, and SourceFailed when nothing can be reached any more."""
        part = self.place.work_dir / f"{hashlib.sha256(url.encode('utf-8', 'replace')).hexdigest()[:32]}.part"
        try:
            self._load(url, part, _PICTURE, is_picture=True)
        except Failed as failed:
            if not failed.may_retry:
                forget(part)
            self._failures += failed.may_retry and failed.status == 0
            if self._failures >= _MOST_FAILURES:
                self.fail(failed.reason)
            raise NotDelivered(failed.reason) from None
        self._failures = 0
        content = part.read_bytes()
        forget(part)
        return BytesIO(content)

    def file(self, url: str, file: Path, most_bytes: int) -> None:
        """A file of an endpoint, whole, at `file`; one that broke off goes on. Raises SourceFailed, DiskFull or
        NotWritable."""
        part = file.with_name(f"{file.name}.part")
        try:
            self._load(url, part, Cap(most_bytes, _FILE_S), is_picture=False)
            part.replace(file)
        except Failed as failed:
            self.fail(failed.reason)
        except OSError as error:
            raise storage_error(error, file.parent) from None
        forget(part)

    def patience(self) -> Callable[[Failed], Iterator[Step]]:
        """How to wait for an endpoint that says "later" in words of its own: call it with each failure; it raises
        SourceFailed when that has been often enough."""
        patience = Patience()
        return lambda failed: _waiting(self._or_down(patience, failed))

    def fail(self, reason: Said) -> NoReturn:
        """Raise that the source does not deliver."""
        raise SourceFailed("source", source=self.name, reason=reason) from None

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def _content(self, url: str) -> bytes:
        with self._answer(url, {"Accept": "application/json"}) as answer:
            check_status(answer)
            return b"".join(body(answer, _JSON))

    def _load(self, url: str, part: Path, cap: Cap, is_picture: bool) -> None:
        patience = Patience()
        while True:
            try:
                with self._answer(url, resumed(part)) as answer:
                    if answer.status_code == 416:  # what we have is longer than what there is
                        forget(part)
                    check_status(answer)
                    if is_picture:
                        self._look(answer)
                    write_body(answer, part, cap)
                return
            except Failed as failed:
                if failed.status == 416:
                    failed.may_retry = True
                sleep(patience.after(failed))

    def _look(self, answer: httpx.Response) -> None:
        """Refuse what its site doesn't want learnt from, and what isn't a picture."""
        if self.honours_opt_outs and (header := _opt_out(answer.headers)):
            raise Failed(Said(OPTED_OUT, {"header": header}))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith(_PICTURE_TYPES):
            raise Failed(Said(NO_PICTURE, {"kind": kind[:60]}))

    def _or_down(self, patience: Patience, failed: Failed) -> float:
        try:
            return patience.after(failed)
        except Failed as last:
            self.fail(last.reason)

    @contextmanager
    def _answer(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        with self._wire.answer(url, {**self._agent, **headers}) as answer:
            yield answer


def _waiting(wait_s: float) -> Iterator[Step]:
    """Wait a second at a time, so that whoever listens can give up."""
    left = wait_s
    while left > 0:
        yield Step(0, 0, Said(WAITING, {"seconds": math.ceil(left)}))
        sleep(min(1.0, left))
        left -= 1.0


def _opt_out(headers: httpx.Headers) -> str:
    """The header by which a site reserves its pictures, if it does."""
    robots = ",".join(headers.get_list("x-robots-tag")).lower()
    words = {word.strip() for part in robots.split(",") for word in part.split(":")}
    found = next((word for word in _OPT_OUTS if word in words), "")
    if found:
        return f"X-Robots-Tag: {found}"
    return "tdm-reservation: 1" if headers.get("tdm-reservation", "").strip() == "1" else ""
