"""A real Chromium before the real page. Without Chromium these tests fail; they never skip."""

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as Broken

from tests.house import Served, furnish, served

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, tiny_kolors: Path, tiny_lora: Path) -> Iterator[Served]:
    """The studio over a tiny random model, started as users start it."""
    models = furnish(tmp_path_factory.mktemp("house") / "models", tiny_kolors, tiny_lora)
    with served(models, tmp_path_factory.mktemp("out") / "outputs") as studio:
        yield studio


PATIENCE_MS = 90_000
"""How long a busy machine may take for what it does in a moment when idle."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # the shell draws no window around its pages, which would cost two seconds of processor time for each
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert found, "Chromium is missing; install it (Debian: apt-get install chromium-headless-shell)"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


HEARD: deque[str] = deque(maxlen=60)
"""What pages have said of late: errors of their scripts, words in the console, requests that came to nothing."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that failed tells what its pages looked like, what they said, and what their servers printed."""
    made: Any = yield
    report, given = made.get_result(), getattr(item, "funcargs", {})
    if report.failed and "chromium" in given:
        pages = [page for context in given["chromium"].contexts for page in context.pages]
        report.sections.append(("pages", "\n".join([*map(_as_it_stands, pages), *HEARD])))
        servers = [server.heard for server in given.values() if isinstance(server, Served)]
        report.sections.append(("servers", "\n".join(servers)))


def _as_it_stands(page: Page) -> str:
    try:
        seen = page.evaluate(
            "() => [document.visibilityState, document.readyState, window.inkstone?.isOpen, document.body.innerText]"
        )
    except Broken as broken:
        seen = [str(broken)]
    return f"{page.url} {seen}"


def window(browser: Browser, **looks: Any) -> Page:
    """A new window of its own visitor, as patient as the machine is busy."""
    context = browser.new_context(**looks)
    context.set_default_timeout(2 * PATIENCE_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: HEARD.append(f"error {page.url} {error}"))
    page.on("console", lambda said: HEARD.append(f"{said.type} {page.url} {said.text}"))
    page.on("requestfailed", lambda asked: HEARD.append(f"failed {asked.method} {asked.url} {asked.failure}"))
    return page


class Windows:
    """Windows that one test after another looks through. A new one fetches all of the page's scripts anew; a used one is
    left at no address, with nothing kept in it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[tuple[str, str], list[Page]] = {}

    def take(self, locale: str, color_scheme: str) -> Page:
        """A window of a new visitor, with that language and these colours."""
        free = self._free.setdefault((locale, color_scheme), [])
        if free:
            return free.pop()
        # without a GPU every frame of an animation costs processor time
        return window(self._browser, locale=locale, color_scheme=color_scheme, reduced_motion="reduce")

    def give_back(self, page: Page, locale: str, color_scheme: str, origin: str) -> None:
        """Forget the visitor; a window that was closed is gone for good."""
        if page.is_closed():
            page.context.close()
            return
        page.evaluate("sessionStorage.clear()")
        page.goto("about:blank")
        session = page.context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        session.detach()
        self._free[locale, color_scheme].append(page)


@pytest.fixture(scope="session")
def windows(chromium: Browser) -> Windows:
    return Windows(chromium)


Visit = Callable[..., Page]


@pytest.fixture
def visit(studio: Served, windows: Windows) -> Iterator[Visit]:
    """Opens the page as a new visitor. In the end: no request left this machine, and no script failed."""
    left: list[str] = []
    failed: list[str] = []
    taken: list[tuple[Page, str, str]] = []

    def on_request(request: Any) -> None:
        if not request.url.startswith((studio.url, "data:", "blob:")):
            left.append(request.url)

    def on_error(error: Any) -> None:
        failed.append(str(error))

    def open_page(locale: str = "en-US", width: int = 1280, color_scheme: str = "light") -> Page:
        page = windows.take(locale, color_scheme)
        taken.append((page, locale, color_scheme))
        page.set_viewport_size({"width": width, "height": 900})
        page.context.on("request", on_request)
        page.on("pageerror", on_error)
        come_in(page, studio.url)
        return page

    yield open_page
    for page, locale, color_scheme in taken:
        page.context.remove_listener("request", on_request)
        page.remove_listener("pageerror", on_error)
        windows.give_back(page, locale, color_scheme, studio.url.rstrip("/"))
    assert left == []
    assert failed == []


def come_in(page: Page, url: str) -> None:
    """Open the page and wait until the visitor's own form is in it."""
    page.goto(url)
    page.locator("#ink-generate").wait_for()
    page.wait_for_function("window.inkstone?.isOpen")


def fill(page: Page, **values: Any) -> None:
    """Type into the form: `prompt` into its box, numbers into theirs."""
    for name, value in values.items():
        kind = "textarea" if name.endswith("prompt") else "input[type=number]"
        page.locator(f"#ink-{name.replace('_', '-')} {kind}").fill(str(value))


def generate(page: Page, **values: Any) -> None:
    """Fill in, press Generate and wait for the end."""
    fill(page, **{"width": 64, "height": 64, "steps": 3, **values})
    page.locator("#ink-generate").click()
    finish(page)


def finish(page: Page) -> None:
    """Wait for the end of what runs."""
    page.locator(".ink-easel.is-done").wait_for()
    page.locator("#ink-gallery [data-testid=detailed-image]").wait_for()
