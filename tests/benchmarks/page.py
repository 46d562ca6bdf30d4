"""What a visitor waits for: the page, the first picture, the next ones; beside diffusers' own pipeline.

    python tests/benchmarks/page.py [--steps N] [--pictures N] [--width PX] [--python FILE] [--json]

Starts app.py as the README does, opens the page in Chromium on the same machine, writes a prompt and clicks Generate:
seconds from the click until the picture is loaded in the page. Memory is the proportional share (PSS) of all of the
app's processes at its highest, in GB of 10^9 bytes; processor seconds a picture are told for server, engine and browser
apart. Before and after, KolorsPipeline makes as many pictures of the same size and steps in a process of its own: from
prompt to picture, without a page. --python takes the interpreter of another environment for the app."""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.house import Served  # noqa: E402

PROMPT = "a red boat on the sea at sunset, 左边是灯塔"
_FRESH = """old => { const made = document.querySelector('#ink-gallery [data-testid=detailed-image]');
 return made && made.complete && made.naturalWidth > 0 && made.src !== old && made.src; }"""
_PLAIN = """
import json, sys, time, torch
from diffusers import KolorsPipeline
folder, prompt, steps, pictures = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
made = KolorsPipeline.from_pretrained(folder, dtype=torch.float32)
made.set_progress_bar_config(disable=True)
spent = []
for seed in range(pictures + 1):
    started = time.perf_counter()
    made(prompt, num_inference_steps=steps, width=256, height=256, generator=torch.Generator().manual_seed(seed))
    spent.append(time.perf_counter() - started)
print(json.dumps(spent[1:]))
"""


def main() -> None:
    """Measure and print."""
    given = _arguments()
    plain = _by_pipeline(given)
    told = _by_page(given)
    plain += _by_pipeline(given)
    told["pipeline_s"] = statistics.median(plain)
    told["ratio"] = told["later_s"] / told["pipeline_s"]
    if given.json:
        print(json.dumps(told, indent=2))
        return
    print(f"256 px, {given.steps} steps, {given.pictures} later pictures, a window of {given.width} px")
    print(f"  page served            {told['served_s']:.1f} s after the command")
    print(f"  first picture          {told['first_s']:.2f} s after the click")
    print(f"  later ones             {told['later_s']:.2f} s (median; {told['fastest_s']:.2f} to {told['slowest_s']:.2f})")  # fmt: skip
    print(f"  diffusers' pipeline    {told['pipeline_s']:.2f} s; the page takes x {told['ratio']:.2f}")
    print(f"  memory at its highest  {told['peak_gb']:.2f} GB")
    print("  processor seconds a later picture: "
          + ", ".join(f"{name} {spent:.2f}" for name, spent in told["processor_s"].items()))  # fmt: skip


def _by_pipeline(given: argparse.Namespace) -> list[float]:
    words = [sys.executable, "-W", "ignore", "-c", _PLAIN, str(ROOT / "models" / "storybook"), PROMPT,
             str(given.steps), str(given.pictures)]  # fmt: skip
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    spent: list[float] = json.loads(done.stdout)
    return spent


class _App(Served):
    """The app as the README starts it, over the studio's own models; `after_s` seconds later it answered."""

    def __init__(self, python: str, scratch: Path) -> None:
        super().__init__(ROOT / "models", scratch / "outputs", python=python)
        self.after_s = self.seconds_until_served()

    def close(self) -> None:
        """End it."""
        self.end()


def _by_page(given: argparse.Namespace) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(_App(given.python, Path(scratch))) as served,
        _window(given.width) as page,
    ):
        app = psutil.Process(served.process.pid)
        page.goto(served.url)
        page.locator("#ink-generate").wait_for()
        page.wait_for_function("window.inkstone?.isOpen")
        page.locator("#ink-prompt textarea").fill(PROMPT)
        page.locator("#ink-steps input[type=number]").fill(str(given.steps))
        first = _picture(page)
        before, later = _processor(app), []
        for _ in range(given.pictures):
            page.wait_for_timeout(1000)  # a visitor looks at it
            later.append(_picture(page))
        spent = _processor(app) - before
        with _memory(app) as peak:  # apart: looking takes time itself
            _picture(page)
            _picture(page)
    return {
        "served_s": served.after_s,
        "first_s": first,
        "later_s": statistics.median(later),
        "fastest_s": min(later),
        "slowest_s": max(later),
        "peak_gb": max(peak) / 1e9,
        "processor_s": {name: seconds / given.pictures for name, seconds in sorted(spent.items())},
    }


def _picture(page: Page) -> float:
    """Seconds from the click to the loaded picture."""
    shown = page.locator("#ink-gallery [data-testid=detailed-image]")
    old = shown.get_attribute("src") if shown.count() else None
    started = time.perf_counter()
    page.locator("#ink-generate").click()
    page.wait_for_function(_FRESH, arg=old, polling=20)
    spent = time.perf_counter() - started
    page.locator(".ink-easel.is-done").wait_for()  # until then the page passes over another click
    return spent


@contextmanager
def _window(width: int) -> Iterator[Page]:
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not found:
        raise SystemExit("Chromium is missing; install it (Debian: apt-get install chromium-headless-shell)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(180_000)
        yield page
        browser.close()


@contextmanager
def _memory(app: psutil.Process) -> Iterator[list[int]]:
    """Bytes that the app's processes hold, looked at all the time."""
    seen, is_over = [0], threading.Event()

    def look() -> None:
        while not is_over.wait(0.25):
            held = 0
            for process in (app, *app.children(recursive=True)):
                try:
                    held += process.memory_full_info().pss
                except psutil.Error:
                    continue
            seen.append(held)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        is_over.set()
        looker.join()


def _processor(app: psutil.Process) -> Counter[str]:
    """Processor seconds so far: the app's server, its engine, the browser."""
    spent: Counter[str] = Counter()
    browser = [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]
    for name, processes in (
        ("server", [app]),
        ("engine", app.children(recursive=True)),
        ("browser", browser),
    ):
        for process in processes:
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            spent[name] += times.user + times.system
    return spent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=7)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
