"""One request to a site: redirects judged one by one, bytes and seconds counted, a transfer that broke off taken up
where it stopped."""

import email.utils
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urljoin

import httpx

from studio import __version__
from studio.disk import storage_error
from studio.sources.addresses import AddressRefused, Route, origin_of, route_to
from studio.words import Said, Text

MOST_REDIRECTS = 5
MOST_TRIES = 4
MOST_WAIT_S = 60.0
_STALL_S = 20.0
_MOST_CLIENTS = 8
_RETRIED = (408, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)

ANSWERED = Text("it answered {status}", "返回状态 {status}")
BROKEN_OFF = Text("the connection failed ({why})", "连接失败（{why}）")
TOO_LARGE = Text("it has more than {most} MB", "超过 {most} MB")
TOO_SLOW = Text("it took more than {most} s", "用时超过 {most} 秒")
BUSY = Text(
    "it asks to be left alone for {seconds} s; try again later", "网站要求 {seconds} 秒后再访问；请稍后再试"
)
TOO_FAR = Text("it redirects more than {most} times", "重定向超过 {most} 次")


class Failed(Exception):
    """Why a request came to nothing: the answer's status (0: there was none), and if it may be tried again, after how
    many seconds when the site named them."""

    def __init__(
        self, reason: Said, status: int = 0, may_retry: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(reason.say())
        self.reason = reason
        self.status = status
        self.may_retry = may_retry
        self.wait_s = wait_s


@dataclass(frozen=True)
class Cap:
    """The most that an answer may be."""

    bytes: int
    seconds: float


@dataclass
class Wire:
    """The connections of one import. `trusted` origins are reached as they are, all others must be public; the `secret`
    headers go to `endpoints` alone; no cookies are kept, and nothing of the user's machine is told but our name."""

    environment: Mapping[str, str]
    trusted: frozenset[str]
    endpoints: frozenset[str] = frozenset()
    secret: Mapping[str, str] = field(default_factory=dict)
    _clients: dict[tuple[str, str, str], httpx.Client] = field(default_factory=dict)
    _context: ssl.SSLContext | None = None

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """What a site answers, at the end of its redirects, its body not read yet. Raises Failed."""
        for _ in range(MOST_REDIRECTS + 1):
            with self._sent(url, headers) as answer:
                if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                    yield answer
                    return
                url = urljoin(url, answer.headers["location"])
        raise Failed(Said(TOO_FAR, {"most": MOST_REDIRECTS}))

    def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @contextmanager
    def _sent(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        proxy = _proxy_for(url, self.environment)
        try:
            route = route_to(url, self.trusted, is_proxied=bool(proxy))
            told = dict(headers) | (dict(self.secret) if origin_of(url) in self.endpoints else {})
            with self._client(route, proxy).stream(**_request(route, told)) as answer:
                yield answer
        except AddressRefused as refused:
            raise Failed(refused.reason) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            may_retry = isinstance(error, httpx.TransportError)
            raise Failed(Said(BROKEN_OFF, {"why": _why(error)}), may_retry=may_retry) from None

    def _client(self, route: Route, proxy: str) -> httpx.Client:
        """A client for a host and the very address that was judged: connections are never shared between hosts."""
        key = (origin_of(route.url), route.host, route.ip)
        if key not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                self.close()
            self._clients[key] = httpx.Client(
                timeout=_STALL_S, trust_env=False, proxy=proxy or None, verify=self._encryption(route)
            )
        self._clients[key].cookies.clear()
        return self._clients[key]

    def _encryption(self, route: Route) -> ssl.SSLContext:
        """What proves that a host is who it says; reading all that vouch for others takes a while, so once."""
        if route.url.startswith("http://"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
        if self._context is None:
            self._context = httpx.create_ssl_context()
        return self._context


class Patience:
    """How often and how long one request is tried again."""

    def __init__(self) -> None:
        self._tries = 0

    def after(self, failed: Failed) -> float:
        """The seconds to wait before the next try; raises the failure when there is to be none."""
        self._tries += 1
        if not failed.may_retry or self._tries >= MOST_TRIES:
            raise failed
        wait_s = 2.0 ** (self._tries - 1) if failed.wait_s is None else failed.wait_s
        if wait_s > MOST_WAIT_S:
            raise Failed(Said(BUSY, {"seconds": round(wait_s)}), failed.status, wait_s=wait_s)
        return wait_s

    def renew(self) -> None:
        """Something has arrived: begin to count anew."""
        self._tries = 0


def check_status(answer: httpx.Response) -> None:
    """Raise Failed for what is no success, with how long the site wants to be left alone."""
    if not answer.is_success:
        raise answered(answer.status_code, answer.headers.get("retry-after", ""))


def answered(status: int, retry_after: str = "") -> Failed:
    """What an answer without success means."""
    return Failed(Said(ANSWERED, {"status": status}), status, status in _RETRIED, _seconds(retry_after))


def body(answer: httpx.Response, cap: Cap) -> Iterator[bytes]:
    """An answer's bytes as they arrive, counted against the clock and the cap; raises Failed."""
    too_large = Failed(Said(TOO_LARGE, {"most": cap.bytes // 2**20}))
    until, count = monotonic() + cap.seconds, 0
    if int(answer.headers.get("content-length", "0") or 0) > cap.bytes:
        raise too_large
    for chunk in answer.iter_bytes():
        count += len(chunk)
        if count > cap.bytes:
            raise too_large
        if monotonic() > until:
            raise Failed(Said(TOO_SLOW, {"most": round(cap.seconds)}))
        yield chunk


def resumed(part: Path) -> dict[str, str]:
    """The headers that ask for the rest of a file of which `part` is the beginning; none where there is no beginning, or
    nothing to know by that the file is still the same."""
    mark = _mark(part)
    if not part.exists() or not mark:
        return {}
    return {"Range": f"bytes={part.stat().st_size}-", "If-Range": mark}


def write_body(answer: httpx.Response, part: Path, cap: Cap) -> None:
    """Write an answer to `part`: from the start, or after what is there if the site sends the rest. Raises Failed,
    DiskFull or NotWritable; what was written stays for `resumed`."""
    is_rest = answer.status_code == 206
    start = part.stat().st_size if is_rest else 0
    if is_rest and not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
        forget(part)
        raise Failed(Said(ANSWERED, {"status": 206}), 206, may_retry=True)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if not is_rest:
            forget(part)
            _mark_file(part).write_text(json.dumps({"mark": _validator(answer)}), "utf-8")
        with part.open("ab" if is_rest else "wb") as stream:
            for chunk in body(answer, Cap(cap.bytes - start, cap.seconds)):
                stream.write(chunk)
    except OSError as error:
        raise storage_error(error, part.parent) from None


def forget(part: Path) -> None:
    """Remove the beginning of a file."""
    part.unlink(missing_ok=True)
    _mark_file(part).unlink(missing_ok=True)


def _request(route: Route, headers: Mapping[str, str]) -> dict[str, Any]:
    url = httpx.URL(route.url)
    told = {
        "Host": url.netloc.decode(),
        "User-Agent": user_agent({}),
        "Accept-Encoding": "identity",
        **headers,
    }
    if not route.ip:
        return {"method": "GET", "url": url, "headers": told}
    return {
        "method": "GET",
        "url": url.copy_with(host=route.ip),
        "headers": told,
        "extensions": {"sni_hostname": route.host},
    }


def user_agent(environment: Mapping[str, str]) -> str:
    """Who we are; sites like to have an address to write to, which INKSTONE_CONTACT may give."""
    contact = "".join(c for c in environment.get("INKSTONE_CONTACT", "") if c.isascii() and c.isprintable())
    return f"InkstoneStudio/{__version__} (dataset import{'; ' + contact if contact else ''})"


def _proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """The proxy that the environment names for an address, as curl reads it."""
    parts = httpx.URL(url)
    names = (f"{parts.scheme}_proxy", "all_proxy")
    found = next((environment[k] for name in names for k in (name, name.upper()) if environment.get(k)), "")
    no = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    spared = [name.strip().lstrip("*.") for name in no.split(",") if name.strip()]
    is_spared = any(not name or parts.host == name or parts.host.endswith(f".{name}") for name in spared)
    return "" if not found or is_spared else found if "://" in found else f"http://{found}"


def _seconds(words: str) -> float | None:
    """A Retry-After header: seconds, or a date."""
    if words.strip().isdigit():
        return float(words)
    with suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(words).timestamp() - time.time())
    return None


def _validator(answer: httpx.Response) -> str:
    """What says that a file is still the same: a strong ETag or its date; nothing for one that came compressed."""
    if "content-encoding" in answer.headers:
        return ""
    tag = str(answer.headers.get("etag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("last-modified", ""))


def _mark(part: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(_mark_file(part).read_text("utf-8"))["mark"])
    return ""


def _mark_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.mark")


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
