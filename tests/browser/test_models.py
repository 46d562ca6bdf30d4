"""A model got from a hub on the page: asked for, watched, reloaded, stopped, resumed, used, removed."""

import threading

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import come_in, finish, window
from tests.browser.test_looks import NAMELESS, OVERFLOW
from tests.fetch.mirror import LEFT, Toy, mirrored
from tests.house import furnish, served

pytestmark = pytest.mark.long

BIG = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(tmp_path, tiny_kolors, tiny_lora, monkeypatch):
    """A studio whose Toy is a tiny Kolors at a hub that holds its largest file back until `go` is set."""
    files = {
        file.relative_to(tiny_kolors).as_posix(): file.read_bytes()
        for file in tiny_kolors.rglob("*")
        if file.is_file()
    }
    furnish(tmp_path / "models", tiny_kolors, tiny_lora)
    go = threading.Event()
    toy = Toy({**{name: content for name, content in LEFT.items() if name != BIG}, **files})
    toy.held[BIG] = go
    with mirrored(tmp_path, toy) as house:
        for name, value in {**house.environment, "HF_HUB_OFFLINE": "0"}.items():
            monkeypatch.setenv(name, value)
        yield house, go
        go.set()


@pytest.fixture
def page(hub, tmp_path, chromium):
    with served(tmp_path / "models", tmp_path / "outputs") as studio:
        page = window(chromium, locale="en-US", viewport={"width": 1280, "height": 1400})
        come_in(page, studio.url)
        yield page, studio.url
        page.context.close()


def unfold(page):
    page.locator("#ink-models > button").click()
    page.locator("#ink-models-list label", has_text="Toy").or_(
        page.locator("#ink-models-list label", has_text="玩具")
    ).click()


def test_a_model_is_got_used_and_removed(hub, page, chromium, tmp_path):
    house, go = hub
    page, url = page
    unfold(page)
    expect(page.locator("#ink-models-card")).to_contain_text("not downloaded")
    expect(page.locator("#ink-models-card")).to_contain_text("Apache-2.0")
    page.locator("#ink-models-get").click()
    bar = page.locator("#ink-models-note [role=progressbar]")
    expect(page.locator("#ink-models-note")).to_contain_text(BIG)
    expect(bar).to_be_visible()
    assert page.evaluate(NAMELESS) == []

    other = window(chromium, locale="zh-CN", viewport={"width": 390, "height": 900}, color_scheme="dark")
    come_in(other, url)  # a second browser, on a phone, at night, in Chinese, sees the same
    unfold(other)
    expect(other.locator("#ink-models-note")).to_contain_text(BIG)
    expect(other.locator("#ink-models-stop")).to_have_text("停止")
    assert other.evaluate(OVERFLOW) == 0
    other.context.close()

    come_in(page, url)
    unfold(page)
    expect(page.locator("#ink-models-note")).to_contain_text(BIG)
    page.locator("#ink-models-stop").click()
    expect(page.locator("#ink-models-note")).to_contain_text("Get goes on from there")
    go.set()
    page.locator("#ink-models-get").click()
    expect(page.locator("#ink-models-card .is-here")).to_be_visible()
    expect(page.locator("#ink-models-note")).to_be_empty()

    page.locator("#ink-models-use").click()
    expect(page.locator("#ink-model input")).to_have_value("Toy")
    page.locator("#ink-steps input[type=number]").fill("2")
    page.locator("#ink-generate").click()
    finish(page)

    page.locator("#ink-models-remove").click()
    expect(page.locator("#ink-models-ask")).to_contain_text("Remove Toy")
    page.locator("#ink-models-sure").click()
    expect(page.locator("#ink-models-card .is-missing")).to_be_visible()
    assert not house.folder.exists()
    page.locator("#ink-model input").click()
    expect(page.get_by_role("option", name="Toy (not downloaded)")).to_be_visible()
