"""A training set from the page: pictures in, captions that save themselves, checks, a fix, the split, and on to Train."""

import io
import json
import os
import re
import shutil
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.dataset_requests import Need
from studio.datasets.sets import Sets
from studio.settings import ROOT, Settings
from studio.storybook.paint import PaintRequest, paint_folder
from tests.browser.test_looks import NAMELESS, OVERFLOW
from tests.browser.test_train import CUT
from tests.house import HOSTILE, served

pytestmark = pytest.mark.long

PATIENT = 120_000
"""How long an import or a check may take on a busy machine, in milliseconds."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A models folder with the real Storybook, 20 painted pictures, and a zip with three more and their captions."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "models" / "cards", house / "models" / "cards")
    os.symlink(ROOT / "models" / "storybook", house / "models" / "storybook")
    for _ in paint_folder(PaintRequest(20, house / "painted", "ink-wash")):
        pass
    with zipfile.ZipFile(house / "more.zip", "w") as archive:
        for number, colour in enumerate(("teal", "olive", "maroon")):
            picture = Image.effect_noise((300, 300), 80).convert("RGB")
            picture.paste(Image.new("RGB", (150, 150), colour), (75, 75))
            stream = io.BytesIO()
            picture.save(stream, "PNG")
            archive.writestr(f"{colour}.png", stream.getvalue())
            archive.writestr(f"{colour}.txt", HOSTILE if number == 0 else f"a {colour} square in noise")
    return house


@pytest.fixture(scope="module")
def studio(house):
    with served(house / "models", house / "outputs") as studio:
        yield studio


def turn_to_dataset(page: Page) -> None:
    page.locator("#ink-tab-dataset-button").click()
    page.locator("#ink-dataset-set").wait_for()


def make(page: Page, name: str) -> None:
    turn_to_dataset(page)
    box = page.locator("#ink-dataset-name :is(input, textarea)")
    if not box.is_visible():
        page.locator("#ink-dataset-new > button").first.click()
    box.fill(name)
    page.locator("#ink-dataset-make").click()
    expect(page.locator("#ink-dataset-set input")).to_have_value(name)


def tiles(page: Page, count: int) -> None:
    expect(page.locator("#ink-grid .ink-tile img")).to_have_count(count, timeout=PATIENT)


def drop(page: Page, *files: object) -> None:
    page.locator("#ink-bring-drop input[type=file]").set_input_files([str(file) for file in files])


def choose(page: Page, name: str) -> None:
    page.locator("#ink-dataset-set input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator("#ink-dataset-line")).to_contain_text("picture")
    page.wait_for_function("!document.getElementById('ink-dataset-desk').inert")


def check(page: Page) -> None:
    """Press Check and wait until the card is about the set as it is."""
    page.locator("#ink-check-start").click()
    expect(page.locator("#ink-check-note")).to_contain_text("Checked", timeout=PATIENT)
    expect(page.locator("#ink-checks-card .ink-report")).to_be_visible(timeout=PATIENT)
    expect(page.locator("#ink-checks-card .ink-check-stale")).to_have_count(0, timeout=PATIENT)


def take_out_what_blocks(page: Page) -> None:
    """Errors that no tick mends go away with their pictures."""
    check(page)
    blocks = page.locator("#ink-checks-card li.is-error:not(:has([data-do=tick])) [data-do=show]")
    while blocks.count():
        blocks.first.click()
        expect(page.locator("#ink-sieve-clear")).to_be_visible()
        page.locator("#ink-picked-all").click()
        page.locator("#ink-picked-delete").click()
        expect(page.locator("#ink-dataset-line")).to_contain_text("changed since")
        page.locator("#ink-sieve-clear").click()
        expect(page.locator("#ink-sieve-clear")).to_be_hidden()
        check(page)


def tick_all(page: Page) -> None:
    """Say of every warning that it is known."""
    ticks = page.locator("#ink-checks-card [data-do=tick]")
    while ticks.count():
        told = ticks.first.get_attribute("data-with")
        ticks.first.click()
        expect(page.locator(f"#ink-checks-card [data-do=tick][data-with='{told}']")).to_have_count(
            0, timeout=PATIENT
        )


def come_back(page: Page) -> None:
    page.reload()
    page.wait_for_function("window.inkstone?.isOpen")
    page.locator("#ink-dataset-set").wait_for()


def test_from_dropped_pictures_to_the_train_tab(visit, house):
    page = visit()
    make(page, "boats")
    pictures = sorted((house / "painted").rglob("*.png"))
    drop(page, *pictures, *(house / "painted").rglob("metadata.csv"))
    tiles(page, 20)
    expect(page.locator("#ink-bring-note")).to_contain_text("20 pictures came in", timeout=PATIENT)
    drop(page, house / "more.zip")
    tiles(page, 23)
    assert page.evaluate("window.hacked") is None

    page.locator(".ink-tile-open").nth(2).click()
    caption = page.locator("#ink-look-caption textarea")
    caption.fill("a boat on a still lake")
    page.locator("#ink-look-after").click()
    expect(page.locator("#ink-look-where")).to_contain_text("4 of 23")
    expect(page.locator(".ink-tile-words").nth(2)).to_have_text("a boat on a still lake")
    come_back(page)
    expect(page.locator(".ink-tile-words").nth(2)).to_have_text("a boat on a still lake")

    check(page)
    expect(page.locator(".ink-score")).to_contain_text("/100")
    page.locator("#ink-checks-card [data-do=fix]").first.click()
    expect(page.locator("#ink-dataset-undo")).to_be_visible()
    check(page)

    page.locator("#ink-splitting > button").first.click()
    page.locator("#ink-splitting-start").click()
    expect(page.locator("#ink-splitting-note")).to_contain_text("kept aside", timeout=PATIENT)
    expect(page.locator("#ink-dataset-line")).to_contain_text("validation")

    take_out_what_blocks(page)
    tick_all(page)
    page.locator("#ink-to-train-start").click()
    path = page.locator("#ink-train-dataset-path input")
    expect(path).to_be_visible(timeout=PATIENT)
    expect(path).to_have_value(str(house / "outputs" / "datasets" / "boats"))
    expect(page.locator(".ink-check-head")).to_contain_text("pictures will be learnt from")


def test_two_pages_never_overwrite_each_other(visit, house):
    first, second = visit(), visit()
    make(first, "shared")
    drop(first, *sorted((house / "painted").rglob("*.png"))[:3])
    tiles(first, 3)
    turn_to_dataset(second)
    choose(second, "shared")
    tiles(second, 3)
    for page in (first, second):
        page.locator(".ink-tile-open").first.click()
        page.locator("#ink-look-caption textarea").wait_for()
    first.locator("#ink-look-caption textarea").fill("from the first")
    first.locator("#ink-look-caption textarea").press("Enter")
    expect(first.locator("#ink-look-note")).to_contain_text("Saved")
    first.locator("#ink-look-caption textarea").press_sequentially(
        ", twice"
    )  # on, whether that was answered or not
    first.locator("#ink-look-caption textarea").press("Enter")
    expect(first.locator(".ink-tile-words").first).to_have_text("from the first, twice")
    box = second.locator("#ink-look-caption textarea")
    box.fill("from the second")
    box.press("Enter")
    expect(second.locator("#ink-look-note")).to_contain_text("from the first")
    expect(box).to_have_value("from the second")
    second.locator("#ink-look-mine").click()
    expect(second.locator("#ink-look-note")).to_contain_text("Saved")
    expect(first.locator(".ink-tile-words").first).to_have_text("from the second")  # it looks by itself


def test_many_are_selected_reworded_and_brought_back(visit, house):
    page = visit()
    make(page, "many")
    drop(page, *sorted((house / "painted").rglob("*.png"))[:6])
    tiles(page, 6)
    page.locator(".ink-tile-pick").first.click()
    page.locator(".ink-tile-pick").nth(3).click(modifiers=["Shift"])
    expect(page.locator("#ink-picked-told")).to_contain_text("4 selected")
    page.locator("#ink-wording-prefix :is(input, textarea)").fill("shuimo")
    expect(page.locator("#ink-picked-preview ins").first).to_have_text("shuimo")
    page.locator("#ink-picked-apply").click()
    expect(page.locator(".ink-tile-words").nth(3)).to_have_text("shuimo")
    page.locator("#ink-picked-delete").click()
    tiles(page, 2)
    expect(page.locator(".ink-tile-pick:checked")).to_have_count(0)  # nor on the tiles that moved up
    page.locator("#ink-dataset-undo").click()
    tiles(page, 6)


def test_tiles_are_reached_and_selected_by_keyboard(visit):
    page = visit()
    turn_to_dataset(page)
    choose(page, "many")
    tiles(page, 6)
    page.locator(".ink-tile-open").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#ink-picked-told")).to_contain_text("1 selected")
    choose(page, "many")  # the same once more: nothing is dropped
    expect(page.locator("#ink-picked-told")).to_contain_text("1 selected")
    expect(page.locator(".ink-tile-pick:checked")).to_have_count(1)
    page.locator(".ink-tile-open").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ink-look-where")).to_contain_text("2 of 6")
    assert page.evaluate(NAMELESS) == []


def test_a_cut_is_drawn_on_the_picture_in_its_training_shape(visit):
    page = visit()
    turn_to_dataset(page)
    choose(page, "many")
    tiles(page, 6)
    page.locator(".ink-tile-open").first.click()
    frame = page.locator("#ink-look-picture [data-cut]")
    expect(frame).to_be_visible()
    width, height = json.loads(frame.get_attribute("data-cut"))["size"]
    page.locator("#ink-look-picture").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#ink-look-picture img').complete")
    frame.hover(position={"x": 20, "y": 20})
    page.mouse.down()
    frame.hover(position={"x": 150, "y": 190}, force=True)
    expect(page.locator(".ink-look-size")).to_contain_text("→")
    page.mouse.up()
    expect(page.locator("#ink-dataset-undo")).to_contain_text("edit")
    expect(frame).not_to_have_attribute("data-cut", re.compile('"crop": null'))
    told = json.loads(frame.get_attribute("data-cut"))
    left, top, right, bottom = told["crop"]
    assert (right - left) * width / ((bottom - top) * height) == pytest.approx(told["shape"], rel=0.02)
    page.locator("#ink-dataset-undo").click()
    expect(frame).to_have_attribute("data-cut", re.compile('"crop": null'))


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_is_cut_off_at_any_width(visit, locale):
    page = visit(locale, width=390)
    turn_to_dataset(page)
    page.locator("#ink-grid .ink-tile img").first.wait_for()
    page.locator(".ink-tile-open").first.click()
    page.locator("#ink-look-caption textarea").wait_for()
    page.locator(".ink-tile-pick").first.click()
    page.locator("#ink-picked-apply").wait_for()
    for fold in ("need", "captioning", "augmenting", "splitting", "exporting"):
        named = "#ink-dataset-need" if fold == "need" else f"#ink-{fold}"
        page.locator(f"{named} > button").first.click()
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"innerWidth == {width}")
        assert page.evaluate(OVERFLOW) == 0
        assert not page.evaluate(CUT)
        if width < 1000:  # one column: pictures first, and a way past them
            first, forms = (page.locator(f"#ink-{name}").bounding_box()["y"] for name in ("grid", "bring"))
            assert first < forms
            expect(page.locator("#ink-to-steps")).to_be_visible()


def test_a_hundred_thousand_rows_open_and_page(visit, house):
    from tests.ui.dataset import rows

    settings = Settings.from_environment(
        output_dir=house / "outputs", models_dir=house / "models", host="local"
    )
    with Sets(settings).create("crowd", Need()) as catalogue:
        catalogue.add(rows(100_000))
    page = visit()
    turn_to_dataset(page)
    choose(page, "crowd")
    expect(page.locator("#ink-page-told")).to_contain_text("100,000")
    page.locator("#ink-page-later").click()
    expect(page.locator("#ink-page-told")).to_contain_text("61-120")
    page.locator("#ink-picked-all").click()
    expect(page.locator("#ink-picked-told")).to_contain_text("100,000 selected")
