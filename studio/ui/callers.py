"""Who may call: a page that only this machine reaches answers to this machine's names alone, and no other website may
change anything here through a visitor's browser.

gradio's own check (`CustomCORSMiddleware`) only keeps an answer from the other website's script; the request has been
done by then, and any Host it doesn't know counts as safe. So this stands before it, around the whole application.

It stands there on one's own machine only. A Space or a notebook's host is asked through proxies of its own, whose names
nobody knows here; a demo there is everybody's, other websites may show it and call it, and holds nothing of a visitor's
that could be called in his name.

The name. Served on a loopback address and without a public link, the page is asked for by a loopback name or address,
whatever the port (a tunnel may change it). Any other Host is another website's name that was made to lead here (DNS
rebinding), and to the browser that website and this page are one. Behind a link or in the local network the names
can't be known. A proxy on this machine passes the name of the page on in X-Forwarded-Host and asks by a loopback name
itself, as nginx does unless told otherwise.

The origin. A browser says with every request that may change something (and before those that a page may not send
unasked) which website it comes from. It must be the name that the request asks for: Host, or X-Forwarded-Host where a
proxy has one. By these two gradio tells the page its own address, so that a page that works passes: over a shared link, whose
tunnel leaves Host as it was, and behind a proxy. A website can't set Host, and is not allowed to set X-Forwarded-Host: the browser asks first, and that
question is refused here. A Host without a port counts for all ports, since proxies leave it out. `null`, which a file or
a frame shut off from its website says, is foreign. Programs name no origin, and come in."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.words import Said, Text

NOT_ITS_NAME = Text(
    "This page is for this computer alone and doesn't answer under the name “{host}”. Open it as localhost; to let "
    "others in, start the studio with --host.",
    "本页面仅供本机使用，不接受以“{host}”为名的访问。请用 localhost 打开；如需让他人访问，请用 --host 启动程序。",
)
FOREIGN = Text(
    "This request comes from another website ({origin}), which may change nothing here. Use the studio's own page.",
    "该请求来自其他网站（{origin}），不允许在此更改任何内容。请使用本程序自己的页面。",
)
_READING = ("GET", "HEAD")
_PORTS = {"http": 80, "https": 443}


class Callers:
    """Answers 403, with a sentence in both languages, to those who may not call; everyone else passes."""

    def __init__(self, app: ASGIApp, is_loopback: bool) -> None:
        """`is_loopback`: whether only this machine reaches the page."""
        self._app = app
        self._is_loopback = is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._reason(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
            return
        await PlainTextResponse(f"{reason.say('en')}\n{reason.say('zh')}\n", 403)(scope, receive, send)

    def _reason(self, method: str, headers: Headers) -> Said | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._is_loopback and not _is_loopback(_name(f"//{host}")):
            return Said(NOT_ITS_NAME, {"host": host})
        names = {host.lower(), headers.get("x-forwarded-host", "").split(",")[0].strip().lower()}
        if method not in _READING and origin is not None and not names & _names(origin):
            return Said(FOREIGN, {"origin": origin})
        return None


def guarded(is_loopback: bool) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The lifespan that puts `Callers` around an application before its first request: middleware that is given to
    gradio comes behind gradio's own, which answers the questions of other websites by itself."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = Callers(app.middleware_stack, is_loopback)
        yield

    return lifespan


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _names(origin: str) -> set[str]:
    """What a Host that means this origin says: its name, with the port or without."""
    name = _name(origin)
    if not name:
        return set()
    shown = f"[{name}]" if ":" in name else name
    try:
        port = urlsplit(origin).port or _PORTS.get(urlsplit(origin).scheme)
    except ValueError:
        return set()
    return {shown, f"{shown}:{port}"}


def _name(address: str) -> str:
    """The name in an address; empty where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
