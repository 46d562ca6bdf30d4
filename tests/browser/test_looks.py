"""On a phone, in the dark, and without a mouse."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import come_in, generate

pytestmark = pytest.mark.long

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = """[...document.querySelectorAll('button, input, textarea')].filter((e) => e.offsetParent !== null
  && !(e.innerText || e.ariaLabel || e.placeholder || e.title || e.labels?.[0]?.innerText
       || e.closest('label')?.innerText || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML.slice(0, 160))"""


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_never_scrolls_sideways(visit, locale):
    page = visit(locale, width=390)
    assert page.evaluate(OVERFLOW) == 0
    generate(page, prompt="a_very_long_word_without_any_space_" * 6)
    for button in page.locator("#ink-settings > div > button").all():
        button.click()
    assert page.evaluate(OVERFLOW) == 0


def test_on_a_phone_the_result_follows_the_button(visit):
    page = visit(width=390)
    button, easel = (page.locator(what).bounding_box() for what in ("#ink-generate", "#ink-easel"))
    assert 0 < easel["y"] - (button["y"] + button["height"]) < 60
    settings, history = (page.locator(what).bounding_box() for what in ("#ink-settings", "#ink-history"))
    assert easel["y"] < settings["y"] < history["y"]


@pytest.mark.parametrize("tab", ["generate", "train", "dataset"])
def test_every_tab_fills_a_tablet(visit, tab):
    """An empty tab with little in it once shrank the whole page to half its width."""
    page = visit(width=820)
    page.locator(f"#ink-tab-{tab}-button").click()
    expect(page.locator(f"#ink-tab-{tab}")).to_be_visible()
    assert page.locator(".gradio-container").first.bounding_box()["width"] == 820
    assert page.locator("#ink-masthead").bounding_box()["width"] > 760


def test_a_wide_screen_has_two_columns(visit):
    page = visit(width=1440)
    words, easel = (page.locator(what).bounding_box() for what in ("#ink-words", "#ink-easel"))
    assert easel["x"] > words["x"] + words["width"]
    assert abs(easel["y"] - words["y"]) < 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_by_day_and_slate_by_night(visit, scheme):
    page = visit(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in ground.split("(")[1].rstrip(")").split(",")[:3])
    assert (brightness > 600) == (scheme == "light")


def test_every_control_has_a_name(visit):
    page = visit()
    generate(page, prompt="x")
    assert page.evaluate(NAMELESS) == []


def test_the_keyboard_reaches_generate(visit):
    page = visit()
    page.locator("#ink-negative-prompt textarea").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#ink-generate")).to_be_focused()


def test_a_page_that_is_left_alone_rests(visit):
    page = visit()
    page.add_init_script("""const ask = window.requestAnimationFrame.bind(window);
        window.frames_asked = 0; window.requestAnimationFrame = (draw) => { window.frames_asked += 1; return ask(draw); };""")
    come_in(page, page.url)
    generate(page, prompt="x")
    asked = [page.evaluate("window.frames_asked")]
    while len(asked) < 30 and (len(asked) < 2 or asked[-1] > asked[-2]):
        page.wait_for_timeout(1000)
        asked.append(page.evaluate("window.frames_asked"))
    assert asked[0] > 0
    assert asked[-1] == asked[-2], asked
