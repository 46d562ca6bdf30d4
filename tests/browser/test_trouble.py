"""When something goes wrong: one sentence at its place, nothing lost, and the next try works."""

import os
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fill, generate
from tests.house import HOSTILE

pytestmark = pytest.mark.long


def worker_of(pid: int) -> int:
    """The engine's process: the child of the page's process."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    threads = Path(f"/proc/{pid}/task").iterdir()
    children += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return children[0]


def test_a_killed_engine_is_told_and_the_next_request_succeeds(visit, studio):
    page = visit()
    fill(page, prompt="kept through death", width=64, height=64, steps=150, count=4)
    page.locator("#ink-generate").click()
    expect(page.locator(".ink-preview img")).to_be_visible()
    os.kill(worker_of(studio.process.pid), signal.SIGKILL)
    expect(page.locator(".ink-easel.is-failed")).to_contain_text("stopped unexpectedly")
    expect(page.locator("#ink-prompt textarea")).to_have_value("kept through death")
    generate(page, count=1)


def test_a_wrong_number_is_told_at_its_control_in_chinese(visit):
    page = visit("zh-CN")
    fill(page, prompt="不会丢", width=10)
    page.locator("#ink-generate").click()
    expect(page.locator("#ink-width")).to_contain_text("10")
    expect(page.locator("#ink-width")).to_contain_text("64 到 4096")
    expect(page.locator("#ink-width.ink-fault")).to_be_visible()
    expect(page.locator("#ink-prompt textarea")).to_have_value("不会丢")
    expect(page.locator("#ink-width input")).to_have_value("10")
    assert "Traceback" not in page.content()
    generate(page)
    expect(page.locator("#ink-width.ink-fault")).to_have_count(0)


def test_a_number_beyond_a_slider_is_told_too(visit):
    page = visit()
    page.locator("#ink-steps input[type=number]").fill("999")
    page.locator("#ink-steps input[type=number]").press("Control+Enter")
    page.locator(".ink-easel.is-failed, .ink-easel.is-done, .ink-preview").first.wait_for()
    assert page.locator("#ink-steps input[type=number]").input_value() in ("999", "150")


def test_a_hostile_lora_name_stays_text_wherever_it_is_shown(visit):
    page = visit()
    page.get_by_role("button", name="LoRAs").click()
    page.locator("#ink-lora-1 input").click()
    page.get_by_role("option", name=HOSTILE).click()
    page.locator(".ink-trigger-words button").first.click()
    page.locator(".ink-trigger-words button").nth(1).click()
    expect(page.locator("#ink-prompt textarea")).to_have_value(
        "<img src=x onerror=window.hacked=2>, ![x](http://outside.example/x.png)"
    )
    generate(page)
    expect(page.locator("#ink-facts")).to_contain_text(HOSTILE)
    expect(page.locator("#ink-chain")).to_contain_text(HOSTILE)
    page.get_by_text("中文", exact=True).click()
    expect(page.locator("#ink-generate")).to_have_text("生成")
    page.locator("#ink-use").click()
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src='x']").count() == 0


def test_a_lora_that_does_not_fit_says_so_in_the_list(visit):
    page = visit()
    page.get_by_role("button", name="LoRAs").click()
    page.locator("#ink-lora-1 input").click()
    expect(page.get_by_role("option", name="broken — can't be used")).to_be_visible()
    page.get_by_role("option", name="photo — made for stable-diffusion-xl").click()
    expect(page.locator(".ink-lora .ink-fault").first).to_contain_text("stable-diffusion-xl")


def test_the_second_visitor_sees_that_they_wait(visit):
    first, second = visit(), visit("zh-CN")
    fill(first, prompt="long", width=64, height=64, steps=150, count=4)
    first.locator("#ink-generate").click()
    expect(first.locator(".ink-preview img")).to_be_visible()
    fill(second, prompt="短", width=64, height=64, steps=3)
    second.locator("#ink-generate").click()
    expect(second.locator(".ink-easel.is-waiting")).to_contain_text("前面还有 1 个任务")
    first.locator("#ink-stop").click()
    expect(second.locator(".ink-easel.is-done")).to_be_visible()


def test_leaving_frees_the_engine_for_others(visit):
    gone, other = visit(), visit()
    fill(gone, prompt="long", width=64, height=64, steps=150, count=16)
    gone.locator("#ink-generate").click()
    expect(gone.locator(".ink-preview img")).to_be_visible()
    gone.close()
    generate(other, prompt="mine")
