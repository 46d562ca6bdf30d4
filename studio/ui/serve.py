"""From `python app.py` to a page that answers.

The engine's process is started before gradio is imported: each takes seconds, and so they take them together."""

import argparse
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio.commands import told
from studio.commands.parser import Parser
from studio.disk import check_writable, reason_of
from studio.errors import AddressTaken, DiskFull, OutOfRange, SharingRefused, StudioError
from studio.settings import Settings
from studio.words import Language, Text

READY = Text("Inkstone Studio is ready: {url}", "砚 Inkstone Studio 已就绪：{url}")
SHARED = Text(
    "Public link: {url}\n  name: {name}\n  password: {password}\nGive both only to people you trust; the link ends with this program.",
    "公开链接：{url}\n  用户名：{name}\n  密码：{password}\n请只告诉信任的人；程序结束后链接失效。",
)
NOT_SHARED = Text(
    "No public link could be opened (is the network blocked?). The studio runs on this machine only.",
    "无法建立公开链接（网络是否受限？）。程序仅在本机运行。",
)
OPEN_TO_ALL = Text(
    "Everyone who can reach {host}:{port} can paint here, without a password; each visitor sees only their own pictures.",
    "凡是能访问 {host}:{port} 的人都可以在此作画，无需密码；每位访客只能看到自己的图片。",
)
PORT = Text("--port", "--port")
MOST_PORT = 65535
NAME = "inkstone"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine reaches."""


def serve(words: Sequence[str] | None = None) -> int:
    """Serve the page until interrupted; returns the exit code."""
    settings = Settings.from_environment()
    try:
        given = _parser(settings.language).parse_args(words)
        settings = _settings(given)
        _check(given, settings)
        return _serve(given, settings)
    except StudioError as error:
        print(error.say(settings.language), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def _settings(given: argparse.Namespace) -> Settings:
    language: Language | None = given.language if given.language != "auto" else None
    public = {"public": True} if given.share or given.host not in LOOPBACK else {}
    return Settings.from_environment(output_dir=given.output, language=language, **public)


def _parser(say: Language) -> Parser:
    parser = Parser(
        language=say,
        prog="python app.py",
        description=told(say, "Serve the studio's page.", "启动网页界面。"),
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=told(say, "address to listen on (127.0.0.1)", "监听地址（127.0.0.1）"),
    )
    parser.add_argument(
        "--port", type=int, default=7860, help=told(say, "port to listen on (7860)", "监听端口（7860）")
    )
    parser.add_argument("--output", type=Path, metavar=told(say, "DIR", "文件夹"),
                        help=told(say, "where pictures are kept (outputs)", "图片保存位置（outputs）"))  # fmt: skip
    parser.add_argument("--language", choices=("auto", "en", "zh"), default="auto",
                        help=told(say, "language of the page; auto asks the browser", "页面语言；auto 跟随浏览器"))  # fmt: skip
    parser.add_argument("--share", action="store_true",
                        help=told(say, "open a public link, locked with a password", "建立公开链接，并用密码保护"))  # fmt: skip
    return parser


def _check(given: argparse.Namespace, settings: Settings) -> None:
    if given.share and not settings.may_share:
        raise SharingRefused(None, host=settings.host)
    if not 0 < given.port <= MOST_PORT:
        raise OutOfRange(None, label=PORT, value=given.port, low=1, high=MOST_PORT)
    with suppress(DiskFull):  # what is there can be looked at, and deleted
        check_writable(settings.output_dir)
    with socket.socket(socket.AF_INET6 if ":" in given.host else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((given.host, given.port))
        except OSError as error:
            facts = {"host": given.host, "port": given.port, "other": given.port % MOST_PORT + 1}
            raise AddressTaken(None, reason=reason_of(error), **facts) from None


def _serve(given: argparse.Namespace, settings: Settings) -> int:
    from studio.studio import Studio

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    studio = Studio(settings)
    try:
        studio.engine.start()
        page = _page(studio, given)
        _keep_runs_going(settings)
        page.block_thread()
    finally:
        studio.close()
    return 0


def _keep_runs_going(settings: Settings) -> None:
    """Tend the queue of runs though nobody looks at the page."""
    from studio.runs import Runs

    if settings.may_train:
        Runs(settings).watch()


def _page(studio: Any, given: argparse.Namespace) -> Any:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from studio.ui.page import build_page, launch_options

    settings = studio.settings
    password = secrets.token_urlsafe(18)
    page = build_page(studio)
    page.launch(
        server_name=given.host, server_port=given.port, share=given.share, inbrowser=False, quiet=True,
        auth=(NAME, password) if given.share else None, prevent_thread_lock=True,
        **launch_options(settings, given.language),
    )  # fmt: skip
    print(READY.say(settings.language, url=page.local_url), flush=True)
    if given.share:
        told_link = SHARED if page.share_url else NOT_SHARED
        print(told_link.say(settings.language, url=page.share_url, name=NAME, password=password), flush=True)
    elif given.host not in LOOPBACK:
        print(OPEN_TO_ALL.say(settings.language, host=given.host, port=given.port), flush=True)
    return page
