"""Two languages: chosen by the browser, switched by hand, kept."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import come_in, fill, generate, window

pytestmark = pytest.mark.long


def test_chinese_browsers_get_chinese(visit):
    page = visit("zh-CN")
    expect(page.locator("#ink-generate")).to_have_text("生成")
    expect(page.locator("#ink-steps")).to_contain_text("步数")
    expect(page.locator(".ink-easel")).to_contain_text("一张白纸")
    expect(page.locator("#ink-model")).to_contain_text("模型")
    assert page.title() == "砚 Inkstone Studio"
    assert page.evaluate("document.documentElement.lang").startswith("zh")


@pytest.mark.parametrize(("language", "locales"), [
    ("zh", ["zh-TW", "zh-HK", "zh-SG", "zh", "zh-Hans-CN"]), ("en", ["en-GB", "fr-FR"]),
])  # fmt: skip
def test_the_browser_settles_the_language_before_anything_is_drawn(chromium, studio, language, locales):
    for locale in locales:
        with chromium.new_context(locale=locale) as context:
            page = context.new_page()
            page.goto(studio.url, wait_until="commit")
            page.wait_for_function("window.inkstone")
            assert page.evaluate("window.inkstone.language") == language
            assert page.evaluate("document.documentElement.lang").startswith(language)


def test_the_first_paint_is_in_the_right_language_already(chromium, studio):
    page = window(chromium, locale="zh-HK")
    page.add_init_script(
        "window.painted = []; new MutationObserver(() => { const b = document.getElementById('ink-generate');"
        " if (b && window.painted.at(-1) !== b.innerText) window.painted.push(b.innerText); })"
        ".observe(document, {childList: true, subtree: true, characterData: true});"
    )
    come_in(page, studio.url)
    assert set(page.evaluate("window.painted.map((words) => words.trim())")) - {""} == {"生成"}
    page.context.close()


def test_nothing_is_asked_in_another_language_while_the_page_opens(chromium, studio):
    """A late answer to what was asked in English would stay on a Chinese page."""
    asked: list[dict[str, Any]] = []
    page = window(chromium, locale="zh-CN")
    page.on(
        "request", lambda sent: asked.append(sent.post_data_json) if sent.url.endswith("/join?") else None
    )
    come_in(page, studio.url)
    expect(page.get_by_role("radio", name="中文")).to_be_checked()
    page.locator("#ink-tab-train-button").click()
    expect(page.locator("#ink-train-check")).to_contain_text("图片")
    reads = page.evaluate(READS_THE_LANGUAGE)
    told = [sent["data"][reads[str(sent["fn_index"])]] for sent in asked if str(sent["fn_index"]) in reads]
    assert told
    assert set(told) == {"zh"}
    page.context.close()


READS_THE_LANGUAGE = """() => {
  const { components, dependencies } = window.gradio_config;
  const chooser = components.find(({ props }) => props.elem_id === "ink-language").id;
  const places = dependencies.map(({ id, inputs }) => [id, inputs.indexOf(chooser)]);
  return Object.fromEntries(places.filter(([, place]) => place >= 0));
}"""
"""Where each event that reads the language is given it."""


def test_switching_is_kept_and_loses_nothing(visit, studio):
    page = visit("en-US")
    fill(page, prompt="半句话")
    page.get_by_text("中文", exact=True).click()
    expect(page.locator("#ink-generate")).to_have_text("生成")
    expect(page.locator("#ink-prompt textarea")).to_have_value("半句话")
    expect(page.locator("#ink-loras")).to_contain_text("LoRA")
    come_in(page, studio.url)
    expect(page.locator("#ink-generate")).to_have_text("生成")
    expect(page.locator("#ink-prompt textarea")).to_have_value("半句话")
    expect(page.get_by_role("radio", name="中文")).to_be_checked()


ENGLISH = ("Generate", "Steps", "Seed", "New each time", "Finished", "Loader", "reused", "History", "None", "Weight", "Preset",
           "Prompt", "Sunset", "Auto", "licence", "Older", "Use these")  # fmt: skip


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_no_english_is_left_on_the_chinese_page(visit, locale):
    page = visit(locale)
    for name in ("#ink-loras", "#ink-sampling", "#ink-recall"):
        page.locator(f"{name} > button").first.click()
    generate(page, prompt="白猫")
    page.get_by_text("中文", exact=True).click()
    expect(page.locator("#ink-generate")).to_have_text("生成")
    expect(page.locator("#ink-facts")).to_contain_text("提示词")
    shown = page.locator("#ink-desk").inner_text()
    left = [word for word in ENGLISH if word in shown]
    assert left == []
