"""What a visitor does first: write, generate, look, come back, stop, compare."""

import io
import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import come_in, fill, finish, generate

pytestmark = pytest.mark.long


def test_words_become_a_preview_and_then_a_picture_with_its_settings(visit):
    page = visit()
    fill(page, prompt="a red boat on the sea", width=128, height=64, steps=150)
    page.locator("#ink-generate").click()
    expect(page.locator(".ink-preview img")).to_be_visible()
    expect(page.locator(".ink-easel p")).to_contain_text("Step")
    finish(page)
    source = page.locator("#ink-gallery [data-testid=detailed-image]").get_attribute("src")
    with Image.open(io.BytesIO(page.request.get(source).body())) as picture:
        assert picture.size == (128, 64)
        assert picture.text["parameters"].startswith("a red boat on the sea")
        assert json.loads(picture.text["inkstone"])
    cards = page.locator(".ink-card")
    expect(cards).to_have_count(4)
    loader, *others = cards.all()  # the model may have been loaded before anyone asked
    expect(loader).to_have_class(re.compile("is-(run|reused)"))
    for card in others:
        expect(card).to_have_class("ink-card is-run")


def test_a_picture_is_found_again_after_reload_and_gives_its_settings_back(visit, studio):
    page = visit()
    generate(page, prompt="一只白猫 unmistakable", steps=7)
    seed = page.locator("#ink-seed input").input_value()
    fill(page, prompt="something else", steps=30)
    come_in(page, studio.url)
    page.locator("#ink-search input, #ink-search textarea").first.fill("unmistakable")
    thumbnails = page.locator("#ink-thumbnails button img")
    expect(thumbnails).to_have_count(1)
    thumbnails.first.click()
    expect(page.locator("#ink-facts")).to_contain_text(seed)
    expect(page.locator("#ink-gallery [data-testid=detailed-image]")).to_be_visible()
    page.locator("#ink-use").click()
    expect(page.locator("#ink-prompt textarea")).to_have_value("一只白猫 unmistakable")
    expect(page.locator("#ink-steps input[type=number]")).to_have_value("7")
    expect(page.locator("#ink-seed input")).to_have_value(seed)
    expect(page.get_by_role("radio", name="Fixed")).to_be_checked()


def test_all_that_was_typed_survives_a_reload(visit, studio):
    page = visit()
    fill(page, prompt="half a sen", negative_prompt="blur", steps=77, width=70)
    page.locator("#ink-styles label").first.click()
    page.wait_for_timeout(300)
    come_in(page, studio.url)
    expect(page.locator("#ink-prompt textarea")).to_have_value("half a sen")
    expect(page.locator("#ink-negative-prompt textarea")).to_have_value("blur")
    expect(page.locator("#ink-steps input[type=number]")).to_have_value("77")
    expect(page.locator("#ink-width input")).to_have_value("70")
    expect(page.locator("#ink-styles input").first).to_be_checked()


@pytest.mark.parametrize("words", ["白猫", "x"])
def test_pasted_and_composed_words_survive_too(visit, studio, words):
    page = visit()
    page.locator("#ink-prompt textarea").focus()
    page.keyboard.insert_text(words)
    page.wait_for_timeout(200)
    come_in(page, studio.url)
    expect(page.locator("#ink-prompt textarea")).to_have_value(words)


def test_escape_stops_and_keeps_finished_pictures(visit):
    page = visit()
    fill(page, prompt="many", width=64, height=64, steps=120, count=6)
    page.locator("#ink-prompt textarea").press("Control+Enter")
    page.locator("#ink-gallery [data-testid=detailed-image]").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(".ink-easel.is-stopped")).to_contain_text("kept:")
    kept = int(page.locator(".ink-easel.is-stopped").inner_text().split("kept: ")[1].split(" ")[0])
    assert 1 <= kept < 6
    # Escape also closes the gallery's large view, unless a picture arrives just then: either way they are there
    expect(page.locator("#ink-gallery img").first).to_be_visible()
    expect(page.locator("#ink-stop")).to_be_disabled()
    generate(page, count=1)


def test_enter_while_an_input_method_composes_generates_nothing(visit):
    page = visit()
    page.evaluate(
        "document.querySelector('#ink-prompt textarea').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', ctrlKey: true, isComposing: true, bubbles: true}))"
    )
    page.wait_for_timeout(300)
    expect(page.locator(".ink-easel.is-empty")).to_be_visible()


def test_an_example_and_a_trigger_word_are_one_click_each(visit):
    page = visit()
    page.locator("#ink-examples button.gallery-item").first.click()
    expect(page.locator("#ink-prompt textarea")).not_to_have_value("")
    before = page.locator("#ink-prompt textarea").input_value()
    page.get_by_role("button", name="LoRAs").click()
    page.locator("#ink-lora-1 input").click()
    page.get_by_role("option", name="Ink wash").click()
    page.locator(".ink-trigger-words button", has_text="ink wash").click()
    expect(page.locator("#ink-prompt textarea")).to_have_value(f"{before}, ink wash")


def test_the_same_seed_with_and_without_lora(visit):
    page = visit()
    page.get_by_role("button", name="LoRAs").click()
    page.locator("#ink-lora-1 input").click()
    page.get_by_role("option", name="Ink wash").click()
    expect(page.locator("#ink-lora-2")).to_be_visible()
    generate(page, prompt="a boat")
    expect(page.locator(".ink-match")).to_contain_text("32 of 32")
    page.locator("#ink-compare").click()
    expect(page.locator("#ink-slider img").first).to_be_visible()
    assert page.locator("#ink-slider img").count() == 2


def test_a_dropped_picture_fills_the_form(visit):
    page = visit()
    generate(page, prompt="to be dropped", steps=9)
    source = page.locator("#ink-gallery [data-testid=detailed-image]").get_attribute("src")
    picture = page.request.get(source).body()
    other = visit("zh-CN")
    other.get_by_role("button", name="从图片或工作流读取设置").click()
    other.locator("#ink-drop input[type=file]").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": picture}
    )
    expect(other.locator("#ink-prompt textarea")).to_have_value("to be dropped")
    expect(other.locator("#ink-steps input[type=number]")).to_have_value("9")
    expect(other.locator("#ink-drop-note")).to_contain_text("已读入")


def test_deleting_asks_once(visit):
    page = visit()
    generate(page, prompt="shortlived")
    page.locator("#ink-delete").click()
    page.locator("#ink-delete-now").click()
    expect(page.locator("#ink-hand")).to_be_hidden()
    page.locator("#ink-search input, #ink-search textarea").first.fill("shortlived")
    expect(page.locator("#ink-history-note")).to_contain_text("No picture")
