"""The front door: how the page is served, and what never leaves or enters by it."""

import json
import re
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.settings import Settings
from studio.ui.callers import guarded
from studio.ui.mending import Mended
from studio.ui.speech import load_words
from studio.ui.theme import ink

FRONTEND = Path(gr.__file__).parent / "templates" / "frontend"
_ASSETS = Path(__file__).parent / "assets"

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""What the browser may fetch: from here, and nowhere else. gradio's own templates need inline scripts and eval."""


_KEEPING = "/gradio_api/deep_link"
"""Where gradio would keep a copy of all that a visitor has typed, for whoever has the link to it."""


def launch_options(settings: Settings, language: str = "auto") -> dict[str, Any]:
    """What the page is launched with: looks, words, and the limits of `reference` section 2.3 (no file but those
    given out, no error texts, no monitoring, no prompts kept in a run history)."""
    return {
        "theme": ink(),
        "css_paths": [
            _ASSETS / "page.css",
            _ASSETS / "result.css",
            _ASSETS / "models.css",
            _ASSETS / "train.css",
            _ASSETS / "dataset.css",
        ],
        "head": "".join(
            f"<script>{(_ASSETS / script).read_text('utf-8')}</script>"
            for script in ("keys.js", "words.js", "train.js")
        ),
        "favicon_path": str(_ASSETS / "seal.svg"),
        "i18n": gr.I18n(**load_words()),
        "app_kwargs": {
            "middleware": [
                Middleware(Door, first=first_script(language), is_strict=settings.host == "local"),
                Middleware(Mended, frontend=FRONTEND),
            ],
            **({"lifespan": guarded(is_loopback=not settings.public)} if settings.host == "local" else {}),
        },
        "max_file_size": "50mb",
        "allowed_paths": [],
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "strict_cors": True,
        "footer_links": ["api"],
        "state_session_capacity": 200,
        "ssr_mode": False,
        "pwa": False,
    }


def first_script(language: str) -> str:
    """The script that settles the language before gradio starts; "auto" leaves it to the browser."""
    settled = json.dumps(language if language in ("en", "zh") else "")[1:-1]
    return (_ASSETS / "first.js").read_text("utf-8").replace("__LANGUAGE__", settled)


class Door:
    """Adds the first script to the page, and the headers that keep the page to itself.

    gradio's own `head` option comes too late: it is added after the language has been settled. A shared page would
    load gradio's script from a third party's server; here it gets the copy that this machine serves."""

    def __init__(self, app: ASGIApp, first: str, is_strict: bool) -> None:
        self._app = app
        self._first = f"<head><script>{first}</script>".encode()
        self._is_strict = is_strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == _KEEPING:
            await Response(status_code=404)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        start: list[Message] = []
        body = bytearray()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await send(self._opened(start[0], body))
                await send({"type": "http.response.body", "body": bytes(body)})

        await self._app(scope, receive, rewrite)

    def _opened(self, start: Message, body: bytearray) -> Message:
        headers = MutableHeaders(raw=list(start["headers"]))
        if headers.get("content-type", "").startswith("text/html") and start["status"] == 200 and body:
            body[:] = _from_here(bytes(body)).replace(b"<head>", self._first, 1)
            headers["content-length"] = str(len(body))
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
            if self._is_strict:
                headers["content-security-policy"] = _POLICY
                headers["x-frame-options"] = "SAMEORIGIN"
        return {**start, "headers": headers.raw}


def _from_here(body: bytes) -> bytes:
    """The page of a shared link with the script that this machine serves in place of the one on gradio's server."""
    if b".amazonaws.com/" not in body:
        return body
    index = (FRONTEND / "index.html").read_bytes()
    local = b"".join(
        re.findall(rb"<script type=\"module\"[^>]*></script>|<link rel=\"stylesheet\"[^>]*>", index)
    )
    return re.sub(rb"<script[^>]*\.amazonaws\.com/[^>]*></script>", lambda _: local, body)
