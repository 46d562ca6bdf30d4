"""A real Chromium before the real page. Without Chromium these tests fail; they never skip."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
    found = shutil.which("chromium") or "/usr/bin/chromium"
    assert Path(found).exists(), "Chromium is missing; install it (Debian: apt-get install chromium)"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(studio: Served, chromium: Browser) -> Iterator[Visit]:
    """Opens the page as a new visitor. In the end: no request left this machine, and no script failed."""
    contexts, left, failed = [], [], []

    def open_page(locale: str = "en-US", width: int = 1280, **options: Any) -> Page:
        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(2 * PATIENCE_MS)
        context.on(
            "request",
            lambda r: None if r.url.startswith((studio.url, "data:", "blob:")) else left.append(r.url),
        )
        page = context.new_page()
        page.on("pageerror", lambda error: failed.append(str(error)))
        come_in(page, studio.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
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
