"""The Train tab: pictures in, a LoRA out, by a run in the background that the page only looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.runs import Runs
from studio.ui.opening import SETTLE, keep_script
from studio.ui.sheet import Sheet, Tab, visitor_of
from studio.ui.sight import into_sight
from studio.ui.speech import as_language
from studio.ui.train_start import Starting
from studio.ui.train_watch import Watching
from studio.ui.train_workshop import Workshop

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_PAINT: dict[str, Any] = {**_QUIET, "concurrency_id": "gpu", "concurrency_limit": 32, "trigger_mode": "once"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}
_LATEST: dict[str, Any] = {**_QUIET, "trigger_mode": "always_last"}
_CHECK: dict[str, Any] = {**_LATEST, "concurrency_id": "train-check"}
"""One after another, whatever asked for it: a late answer would stand for a form that has changed since."""
_SHOW_RUN = into_sight("ink-run")
_SHOW_FORM = into_sight("ink-train-left", "start")


@dataclass(frozen=True)
class TrainSurface:
    """The two halves of the tab."""

    starting: Starting
    watching: Watching


def draw(sheet: Sheet) -> TrainSurface:
    """What to learn from and how on the left, the runs on the right."""
    workshop = Workshop.of(sheet, Runs(sheet.studio.settings))
    starting, watching = Starting(workshop), Watching(workshop)
    with gr.Row(elem_id="ink-train-desk"):
        with gr.Column(elem_id="ink-train-left"):
            starting.draw()
        with gr.Column(elem_id="ink-train-right"):
            watching.draw()
    return TrainSurface(starting, watching)


def wire(sheet: Sheet, on: TrainSurface) -> None:
    """Join the events: filling and checking the form, starting, looking, ordering, trying out."""
    on.starting.kept.render()  # outside the tab: what is in one is not there before it is turned to
    _wire_form(sheet, on.starting)
    _wire_start(on)
    _wire_watching(sheet, on.watching)
    _wire_after(sheet, on.watching)
    _wire_opening(sheet, on)


def _wire_form(sheet: Sheet, on: Starting) -> None:
    form, sets = on.workshop.form, on.sets
    sets.source.input(sets.turn, [sets.source], [sets.folder_box, sets.drop_box], **_AT_ONCE)
    named = [sets.drop, sets.caption, form.controls["name"], sheet.language]
    words = [sets.caption, sets.stored, sheet.language]
    for after in (
        sets.drop.upload(sets.store, named, sets.outputs, **_QUIET),
        sets.caption.blur(sets.recaption, words, sets.outputs, **_QUIET),
        sets.caption.submit(sets.recaption, words, sets.outputs, **_QUIET),
        sets.example.click(sets.paint, None, sets.outputs, **_QUIET),
        on.preset.input(on.take_preset, on.needs, on.form_parts, **_QUIET),
        on.fix.click(on.take_fix, on.needs, on.form_parts, **_QUIET),
        sheet.passed_set.change(
            on.take_set, on.needs | {sheet.passed_set}, [*on.form_parts, sheet.passed_set], **_QUIET
        ),
    ):
        checked = after.then(on.check, on.needs, on.check_parts, **_CHECK)
        checked.then(**_keeping(on))
    held = form.controls.values()
    changes = [made.change if isinstance(made, gr.Textbox) else made.input for made in held]
    gr.on(changes, on.check, on.needs, on.check_parts, **_CHECK)
    gr.on(changes, **_LATEST, **{key: value for key, value in _keeping(on).items() if key not in _QUIET})


def _wire_start(on: TrainSurface) -> None:
    starting, watching = on.starting, on.watching

    def begin(data: Mapping[Any, Any]) -> dict[Any, Any]:
        view, told = starting.begin(data)
        return {**told, **watching.look(data, run=view.id if view else None)}

    def rerun(data: Mapping[Any, Any]) -> dict[Any, Any]:
        view = watching.view(data)
        return starting.take_run(view) if view and not view.broken else {starting.preset: gr.update()}

    outputs = [*dict.fromkeys([*starting.check_parts, *watching.parts])]
    begun = starting.start.click(
        begin, starting.needs | watching.needs, outputs, trigger_mode="once", **_QUIET
    )
    begun.then(None, None, None, js=_SHOW_RUN, **_QUIET)
    again = watching.orders["rerun"].click(rerun, watching.needs, starting.form_parts, **_QUIET)
    again.then(starting.check, starting.needs, starting.check_parts, **_CHECK).then(
        None, None, None, js=_SHOW_FORM, **_QUIET
    )


def _wire_watching(sheet: Sheet, on: Watching) -> None:
    # through the queue: beside it, ticks stood still at times on a busy machine, though nothing failed
    on.timer.tick(on.tick, on.needs, on.parts, concurrency_limit=None, **_QUIET)
    if sheet.studio.settings.may_train:
        sheet.timers["train"] = on.timer
    for change in (on.chosen.input, on.after.picked.input, on.after.prompt.input, on.after.weight.release):
        change(on.look, on.needs, on.parts, **_LATEST)
    for name in ("stop", "save", "sample"):
        on.orders[name].click(on.order(name), on.needs, on.parts, **_QUIET)
    asking = [on.asked, on.question, on.asks, on.sure, *on.parts]
    on.orders["resume"].click(on.resume, on.needs, asking, **_QUIET)
    on.orders["delete"].click(on.ask_delete, on.needs, asking, **_QUIET)
    on.sure.click(on.answer, on.needs | {on.asked}, asking, **_QUIET)
    on.keep.click(lambda: gr.update(visible=False), None, on.question, **_AT_ONCE)


def _wire_after(sheet: Sheet, on: Watching) -> None:
    after = on.after
    outputs = [after.note, after.stop, *after.parts]

    def painting(paint: Callable[..., Iterator[dict[Any, Any]]]) -> Callable[..., Iterator[dict[Any, Any]]]:
        def handle(data: Mapping[Any, Any], asked: gr.Request) -> Iterator[dict[Any, Any]]:
            view = on.view(data)
            if view is not None and not view.broken:
                yield from paint(view, data, asked, on.story(view))

        return handle

    after.compare.click(painting(after.paint_pair), on.needs, outputs, **_PAINT)
    after.grid.click(painting(after.paint_grid), on.needs, outputs, **_PAINT)

    def stop(asked: gr.Request) -> None:
        sheet.visitors.stop(visitor_of(asked))

    after.stop.click(stop, None, None, **_AT_ONCE)

    def hand_over(data: Mapping[Any, Any]) -> dict[Any, Any]:
        view = on.view(data)
        language = as_language(data[sheet.language])
        return after.hand_over(view, data, on.story(view), language) if view else {sheet.passed: None}

    after.use.click(hand_over, on.needs, [sheet.passed, sheet.tabs], **_QUIET)


def _wire_opening(sheet: Sheet, on: TrainSurface) -> None:
    starting, watching = on.starting, on.watching

    def opened(kept: Any, language: str) -> dict[Any, Any]:
        return {**starting.open(kept, language), **watching.look(watching.fresh(language))}

    outputs = [*dict.fromkeys([*starting.form_parts, *starting.check_parts, *watching.parts])]
    sheet.page.load(opened, [starting.kept, sheet.language], outputs, js=SETTLE, **_QUIET)
    sheet.language.input(starting.check, starting.needs, starting.check_parts, **_CHECK)
    sheet.language.input(watching.look, watching.needs, watching.parts, **_QUIET)


def _keeping(on: Starting) -> dict[str, Any]:
    held = on.workshop.form.controls
    script = keep_script([*held])
    return {"fn": None, "inputs": [on.kept, *held.values()], "outputs": [on.kept], "js": script, **_QUIET}


TAB = Tab("tab.train", 2, draw, wire)
