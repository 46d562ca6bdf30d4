"""Pictures that begin with a picture, by mouse and on a phone."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import come_in, finish, generate
from tests.browser.test_looks import OVERFLOW

pytestmark = pytest.mark.long


def picture(width=320, height=190):
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(stream, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def put_in(page):
    """Open the fold and upload a picture."""
    page.locator("#ink-start > button").first.click()
    page.locator("#ink-start-picture input[type=file]").set_input_files(picture())
    expect(page.locator("#ink-strength")).to_be_visible()


def test_a_picture_begins_another_and_is_found_again_in_the_history(visit, studio):
    page = visit()
    put_in(page)
    expect(page.locator("#ink-width input")).not_to_have_value("320")
    page.locator("#ink-start-shape").click()
    expect(page.locator("#ink-width input")).to_have_value("320")
    expect(page.locator("#ink-start-shape")).to_be_hidden()
    page.locator("#ink-strength input[type=number]").fill("0.5")
    generate(page, prompt="begun with a picture", width=128, height=64, steps=4)
    expect(page.locator("#ink-facts")).to_contain_text("Start picture")
    come_in(page, studio.url)
    expect(page.locator("#ink-start-picture img")).to_be_visible()
    page.locator("#ink-start-clear").click()
    expect(page.locator("#ink-strength")).to_be_hidden()
    page.locator("#ink-search input, #ink-search textarea").first.fill("begun with a picture")
    expect(page.locator("#ink-thumbnails button img")).to_have_count(1)
    page.locator("#ink-thumbnails button img").first.click()
    page.locator("#ink-use").click()
    expect(page.locator("#ink-start-picture img")).to_be_visible()
    expect(page.locator("#ink-strength input[type=number]")).to_have_value("0.5")
    page.locator("#ink-hand-start").click()
    expect(page.locator("#ink-start-shape")).to_be_visible()
    expect(page.locator("#ink-prompt textarea")).to_have_value("begun with a picture")


def test_a_part_is_painted_over_on_a_phone(visit):
    page = visit("zh-CN", width=390)
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    put_in(page)
    assert page.locator("#ink-mask").count() == 0
    before = len(fetched)
    page.locator("#ink-start-paint").click()
    board = page.locator("#ink-mask canvas").first
    expect(board).to_be_visible()
    assert len(fetched) > before, "the editor's script came with the page"
    expect(page.locator("#ink-mask button:has(svg[aria-label=undo])")).to_be_visible()
    generate(page, prompt="没有涂抹", steps=2)
    expect(page.locator("#ink-start-note")).to_contain_text("没有涂抹任何地方")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.35, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.65, middle, steps=6)
    page.mouse.up()
    page.locator("#ink-generate").click()
    expect(page.locator("#ink-start-note")).to_be_hidden()
    finish(page)
    expect(page.locator("#ink-facts")).to_contain_text("只重画涂抹处")
    assert page.evaluate(OVERFLOW) == 0
