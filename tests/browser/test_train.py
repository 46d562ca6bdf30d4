"""A LoRA from the page: pictures in, a curve that grows, reload, stop, resume, and the LoRA in Generate. Real runs of
the real worker on the shipped Storybook, as small as they can be."""

import os
import re
import shutil
import signal

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.runs import Runs
from studio.settings import ROOT, Settings
from studio.storybook.paint import PaintRequest, paint_folder
from tests.browser.conftest import come_in, generate, window
from tests.browser.test_looks import NAMELESS, OVERFLOW
from tests.house import HOSTILE, served

pytestmark = pytest.mark.long

PATIENT = 240_000
"""How long a run may take on a busy machine, in milliseconds."""
CUT = "document.querySelector('.gradio-container').scrollWidth > document.documentElement.clientWidth"
"""Whether something is wider than the page, though it is cut off there."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A models folder with the real Storybook, and pictures to learn from."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "models" / "cards", house / "models" / "cards")
    os.symlink(ROOT / "models" / "storybook", house / "models" / "storybook")
    for _ in paint_folder(PaintRequest(4, house / "pictures", "ink-wash")):
        pass
    return house


@pytest.fixture(scope="module")
def studio(house):
    with served(house / "models", house / "outputs") as studio:
        yield studio
    end_all(house)


def end_all(house):
    """Leave no worker behind."""
    settings = Settings.from_environment(
        models_dir=house / "models", output_dir=house / "outputs", host="local"
    )
    runs = Runs(settings)
    while alive := [view for view in runs.list() if view.state == "queued" or view.is_active]:
        for view in alive:
            if view.state == "queued":
                runs.stop(view.id)
            elif view.record.process:
                view.record.process.kill()


def come_back(page: Page, url: str = "") -> None:
    """Reload, or open the page of another server, where the address says that it was the Train tab."""
    page.goto(f"{url}#train") if url else page.reload()
    page.wait_for_function("window.inkstone?.isOpen")
    page.locator("#ink-train-start").wait_for()


def turn_to_train(page: Page) -> None:
    page.locator("#ink-tab-train-button").click()
    page.locator("#ink-train-start").wait_for()


def write(page: Page, **values: object) -> None:
    """Type into the form; what is folded away is unfolded first."""
    for name, value in values.items():
        box = page.locator(f"#ink-train-{name.replace('_', '-')} :is(textarea, input)").last
        if not box.is_visible():
            for fold in (
                "#ink-train-more",
                *(f"#ink-train-more-{group}" for group in ("pictures", "pace", "watch", "adapter")),
            ):
                button = page.locator(f"{fold} > button").first
                if button.get_attribute("class") and "open" not in button.get_attribute("class").split():
                    button.click()
        box.fill(str(value))
        box.press("Tab")


def choose(page: Page, folder: object) -> None:
    box = page.locator("#ink-train-dataset-path input")
    box.fill(str(folder))
    box.press("Enter")
    page.locator(".ink-check-head").wait_for()


def prepare(page: Page, house, **values: object) -> None:
    """The smallest run there is: one picture a step, 64 pixels each way."""
    turn_to_train(page)
    choose(page, house / "pictures")
    small = {"trigger_word": "shuimo", "lora_target_modules": "to_q,to_v", "width": 64, "height": 64, "batch_size": 1,
             "sample_steps": 2, "sample_every": 20, "checkpoint_every": 20}  # fmt: skip
    write(page, **{**small, **values})


def start(page: Page) -> None:
    button = page.locator("#ink-train-start")
    expect(button).to_be_enabled()
    button.click()
    page.locator("#ink-order-stop").wait_for()


def steps(page: Page) -> int:
    """How many steps the curve that is shown has, as told in words."""
    chart = page.locator("#ink-run .ink-chart svg").first
    told = chart.get_attribute("aria-label") if chart.count() else ""
    found = re.search(r"Loss over (\d+) steps", told or "")
    return int(found[1]) if found else 0


def grow(page: Page, beyond: int) -> int:
    """Wait until the curve has more steps than these."""
    page.wait_for_function(
        "beyond => +(document.querySelector('#ink-run .ink-chart svg')?.ariaLabel?.match(/over (\\d+) steps/)?.[1] || 0) > beyond",
        arg=beyond, timeout=PATIENT,
    )  # fmt: skip
    return steps(page)


def say(page: Page, words: str) -> None:
    expect(page.locator("#ink-run .ink-run-say")).to_contain_text(words, timeout=PATIENT)


def test_a_run_from_the_page_grows_survives_reload_stops_resumes_and_its_lora_paints(visit, studio, house):
    page, other = visit(), visit("zh-CN")
    turn_to_train(other)
    prepare(page, house, name="ink", max_steps=120)
    start(page)
    first = grow(page, 0)
    expect(other.locator("#ink-run .ink-mark")).to_contain_text("训练中")
    second = grow(page, first)
    other.locator("#ink-order-stop").click()
    say(page, "Stopped at step")
    stopped = steps(page)
    assert second <= stopped < 120
    come_back(page)
    page.locator("#ink-run .ink-chart").first.wait_for()
    assert steps(page) == stopped  # the whole curve, not what came since
    points = page.locator("#ink-run polyline.is-raw").get_attribute("points").split()
    assert len(points) == stopped
    page.locator("#ink-order-resume").click()
    say(page, "Finished after 120 steps")
    assert steps(page) == 120
    expect(other.locator("#ink-run .ink-mark")).to_contain_text("已完成")
    samples = page.locator("#ink-strip td.is-pick img")
    expect(samples.first).to_be_visible()
    assert samples.count() == 2 * page.locator("#ink-strip thead button").count()
    page.locator("#ink-strip thead button").first.click()
    picked = page.locator("#ink-strip thead button").first.get_attribute("data-pick")
    expect(page.locator(f"#ink-checkpoint input[value='{picked}']")).to_be_checked()
    expect(page.locator("#ink-strip thead .is-picked button")).to_have_attribute("data-pick", picked)
    page.locator("#ink-after-compare").click()
    expect(page.locator("#ink-after-slider img")).to_have_count(2, timeout=PATIENT)
    page.locator("#ink-checkpoint label").last.click()
    page.locator("#ink-after-use").click()
    expect(page.locator("#ink-prompt textarea")).to_have_value("shuimo")
    expect(page.locator("#ink-lora-1 input")).to_have_value("ink")
    generate(page, prompt="shuimo, a boat")
    expect(page.locator(".ink-match")).to_contain_text("ink:")


def test_a_lora_can_be_downloaded_under_its_name(visit, studio):
    page = visit()
    turn_to_train(page)
    with page.expect_download() as download:
        page.locator("#ink-after-download").click()
    assert download.value.suggested_filename == "ink.safetensors"


def test_the_run_goes_on_without_the_server_and_the_next_one_shows_all_of_it(chromium, house):
    with served(house / "models", house / "outputs") as first:
        page = window(chromium)
        come_in(page, first.url)
        prepare(page, house, name="alone", max_steps=4000, sample_every=0)
        start(page)
        before = grow(page, 2)
        os.kill(first.process.pid, signal.SIGKILL)
        first.said()
    with served(house / "models", house / "outputs") as second:
        come_back(page, second.url)
        assert grow(page, before) > before
        page.locator("#ink-order-stop").click()
        say(page, "Stopped at step")
        told = page.locator("#ink-run .ink-run-say").inner_text()
        stopped = re.search(r"Stopped at step ([\d,]+)", told)
        assert stopped
        assert steps(page) == int(stopped[1].replace(",", ""))  # the whole curve
        page.locator("#ink-order-delete").click()
        page.locator("#ink-ask-sure").click()
        expect(page.locator("#ink-runs", has_text="alone")).to_have_count(0)
    page.context.close()


def test_dropped_pictures_are_checked_and_every_one_left_out_says_why(visit, tmp_path):
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "good.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "tiny.png")
    (tmp_path / "torn.jpg").write_text(HOSTILE)
    page = visit("zh-CN")
    turn_to_train(page)
    page.get_by_role("radio", name="拖入图片").click()
    page.locator("#ink-train-drop input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    expect(page.locator(".ink-check-head")).to_contain_text("将学习 1 张图片")
    expect(page.locator("#ink-train-check")).to_contain_text("torn.jpg")
    expect(page.locator("#ink-train-check")).to_contain_text("20 x 20")
    page.locator("#ink-train-caption :is(input, textarea)").fill(HOSTILE)
    page.keyboard.press("Tab")
    expect(page.locator(".ink-check-row img")).to_have_attribute("alt", HOSTILE)
    assert page.evaluate("window.hacked") is None


def test_a_bad_value_is_told_at_its_control_and_mended(visit, house):
    page = visit()
    turn_to_train(page)
    choose(page, house / "pictures")
    write(page, lora_rank=0)
    expect(page.locator("#ink-train-lora-rank")).to_contain_text("Rank is 0; it must be between 1 and 512.")
    expect(page.locator("#ink-train-start")).to_be_disabled()
    write(page, lora_rank=4)
    expect(page.locator("#ink-train-start")).to_be_enabled()
    expect(page.locator("#ink-train-lora-rank")).to_contain_text("Room for what is learnt")


def test_all_that_was_typed_survives_a_reload(visit, house):
    page = visit()
    turn_to_train(page)
    choose(page, house / "pictures")
    write(page, name="half a na", lora_rank=7)
    page.wait_for_timeout(500)
    come_back(page)
    expect(page.locator("#ink-train-name :is(input, textarea)")).to_have_value("half a na")
    expect(page.locator("#ink-train-lora-rank input")).to_have_value("7")
    expect(page.locator(".ink-check-head")).to_contain_text("4 pictures")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_is_cut_off_at_any_width(visit, locale):
    page = visit(locale, width=390)
    turn_to_train(page)
    page.locator("#ink-strip img").first.wait_for()
    page.locator("#ink-train-more > button").click()
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OVERFLOW) == 0, width
        assert not page.evaluate(CUT), width


def test_the_card_speaks_the_visitors_language_from_the_start(visit):
    page = visit("zh-CN")
    turn_to_train(page)
    expect(page.locator("#ink-train-check")).to_contain_text("图片")


def test_every_control_has_a_name_and_tabs_are_reached_by_keyboard(visit):
    page = visit()
    page.locator("#ink-tab-generate-button").focus()
    page.keyboard.press("Tab")
    page.locator("#ink-tab-train-button").focus()
    page.keyboard.press("Enter")
    page.locator("#ink-train-start").wait_for()
    assert page.evaluate(NAMELESS) == []


def test_control_enter_paints_nothing_while_the_train_tab_is_open(visit):
    page = visit()
    turn_to_train(page)
    page.locator("#ink-train-name :is(input, textarea)").press("Control+Enter")
    page.wait_for_timeout(400)
    page.locator("#ink-tab-generate-button").click()
    expect(page.locator(".ink-easel.is-empty")).to_be_visible()
