"""The page: the masthead, the language switch, and the tabs."""

import os
from pathlib import Path
from typing import Any, cast

import gradio as gr

from studio.catalog import scan
from studio.studio import Studio
from studio.ui.door import launch_options
from studio.ui.sheet import Sheet, Tab
from studio.ui.sparing import SparingBlocks
from studio.ui.speech import Speech

__all__ = ["build_page", "launch_options"]

_SEAL = (Path(__file__).parent / "assets" / "seal.svg").read_text("utf-8")
_LANGUAGE_NAMES = [("English", "en"), ("中文", "zh")]
"""Each language is named in itself, whatever the page speaks."""
_CACHE_S = (3600, 86400)
_SPARING = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000", "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
"""After each event gradio sums up all events so far for a monitoring page that this one doesn't have: with a hundred
handlers in use, a fifth of a second each time."""
_LOOK_S = 0.02
"""gradio's queue looks for events to start, and looks again after this time, for as long as the page is served. Its own
is a millisecond: a thousand times a second it takes one of the engine's cores away, and the others wait for that one."""
_NEVER_S = 3600.0
"""And a hundred times a second for the progress that handlers tell by `gr.Progress`; none here does."""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_page(studio: Studio) -> gr.Blocks:
    """The whole page over one studio."""
    for name, value in _SPARING.items():
        os.environ.setdefault(name, value)  # read when the queue is made
    speech = Speech()
    with SparingBlocks(
        title=speech.say("en", "page.title"), analytics_enabled=False, delete_cache=_CACHE_S
    ) as page:
        _draw_tabs(Sheet(page, studio, speech, _draw_masthead(speech)))
    _spare_the_browser(page)
    page.queue(max_size=64, api_open=False)
    page._queue.sleep_when_free = _LOOK_S
    page._queue.progress_update_sleep_when_free = _NEVER_S
    return cast(gr.Blocks, page)


def _draw_tabs(sheet: Sheet) -> None:
    """Every tab of the folder in order; the address remembers which one is open."""
    tabs = sorted(scan("studio.ui.tabs", "TAB", Tab).items(), key=lambda found: found[1].order)
    drawn = []
    with sheet.tabs:
        for name, tab in tabs:
            with sheet.speech.put(gr.Tab, {"label": tab.title}, id=name, elem_id=f"ink-tab-{name}") as page:
                sheet.pages[name] = page
                drawn.append((tab, tab.draw(sheet)))
    for tab, surface in drawn:
        tab.wire(sheet, surface)
    for name, page in sheet.pages.items():
        page.select(None, None, [*sheet.timers.values()], js=_turn_to(name, sheet), **_QUIET)
    sheet.page.load(None, None, None, js="() => window.inkstone.reopen()", **_QUIET)


def _turn_to(name: str, sheet: Sheet) -> str:
    """The script for a tab that has been turned to: nobody looks at the others, so what ticks for them rests. Asking the
    server for that would let a late answer for the tab before stop the one that is looked at."""
    return f"() => {{ window.inkstone.turnTo('{name}'); return window.inkstone.live({[*sheet.timers]}); }}"


def _spare_the_browser(page: gr.Blocks) -> None:
    """Events that show no progress have none to show anywhere. Otherwise gradio's script writes the state of every
    component that any event has ever written on, at every event, and looks for each of them through the whole page:
    seconds of work on a page of this size."""
    for event in page.fns.values():
        if event.show_progress == "hidden":
            event.show_progress_on = []


def _draw_masthead(speech: Speech) -> gr.Radio:
    with gr.Row(elem_id="ink-masthead", equal_height=True):
        gr.HTML(
            f'<span class="ink-seal" aria-hidden="true">{_SEAL}</span>', elem_id="ink-seal", container=False
        )
        speech.put(gr.Markdown, {"value": "page.masthead"}, elem_id="ink-name")
        return speech.put(
            gr.Radio, {"label": "language.label"}, choices=_LANGUAGE_NAMES, value="en", show_label=False,
            container=False, elem_id="ink-language", elem_classes="ink-segments", min_width=150,
        )  # fmt: skip
