"""The events of the tab's head and of the filters."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.errors import StudioError
from studio.ui.changes import updates
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_events import AT_ONCE, IN_ORDER, LATEST, QUIET, reopen
from studio.ui.dataset_room import Room
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language

_SETTLE = "(kept, own, language) => [kept, own, window.inkstone.language]"
_KEEP = "(kept, chosen) => window.inkstone.isOpen ? chosen : kept"
_REST = "() => { document.getElementById('ink-dataset-desk').inert = %s; }"
"""Whether nothing can be done to the pictures in sight: they are of the set that is being left."""


def wire_top(room: Room) -> None:
    """Choosing, making and removing a set, its need, and undo."""
    top = room.top
    shown = [top.chosen, top.making, top.name, room.desk.own, *top.form.controls.values(), *room.parts, top.question,
             room.bring.fold]  # fmt: skip
    needs = {*room.needs, top.name, *top.form.controls.values()}

    def turned(data: Data) -> Updates:
        """A list tells of a choice even where it is the same once more, and that must not drop what is selected."""
        return {room.desk.nothing: None} if data[room.shown] == data[top.chosen] else chosen(data)

    def chosen(data: Data) -> Updates:
        over = {room.grid.page: 1, room.grid.picked: [], room.close.opened: ""}
        data[room.close.visit].open(None)
        over |= {made: props["value"] for made, props in room.sieve.cleared().items()}
        told = room.looking({**data, **over})
        return {**over, **told, **updates(_need(room, data), room.unfolded(data))}

    def create(data: Data) -> Updates:
        name, told = top.create(data)
        if not name:
            return told
        own = told[room.desk.own]
        return {**chosen({**data, top.chosen: name, room.desk.own: own}), **told}

    def drop(data: Data) -> Updates:
        told = top.drop(data)
        if top.chosen not in told:
            return told
        return {**chosen({**data, top.chosen: told[top.chosen]["value"]}), **told}

    def need(catalogue: Catalogue, data: Data) -> Updates:
        return {**top.change_need(catalogue, data), **room.look(catalogue, data)}

    kept = {"fn": None, "inputs": [top.kept, top.chosen], "outputs": [top.kept], "js": _KEEP, **QUIET}
    for event in (
        top.chosen.input(turned, {*needs, room.shown}, shown, **QUIET),
        gr.on([top.make.click, top.name.submit], create, needs, shown, trigger_mode="once", **QUIET),
        top.sure.click(drop, needs, shown, **QUIET),
    ):
        event.then(**kept).then(None, None, None, js=_REST % "false", **QUIET)
    top.chosen.input(None, None, None, js=_REST % "true", **QUIET)
    top.remove.click(top.ask, {*room.desk.needs}, [top.question, top.asks], **AT_ONCE)
    top.keep.click(lambda: gr.update(visible=False), None, top.question, **AT_ONCE)
    controls = [*top.form.controls.values()]
    gr.on(
        [_settled(made) for made in controls],
        room.desk.handler(need),
        needs,
        [*controls, *room.parts],
        **LATEST,
    )
    undo = room.doing(lambda catalogue, data: catalogue.undo())
    undone = top.undo.click(undo, room.needs, room.parts, **IN_ORDER)
    undone.then(reopen(room), room.needs, room.parts, **QUIET)


def _settled(made: Any) -> Any:
    """The event of a control that tells when somebody is done with it."""
    if isinstance(made, gr.Textbox):
        return made.blur
    return made.release if isinstance(made, gr.Slider) else made.input


def _need(room: Room, data: Data) -> Mapping[Any, Any]:
    try:
        with room.desk.opened(data) as catalogue:
            return room.top.need_changes(room.facts.of(catalogue))
    except StudioError:
        return room.top.need_changes(None)


def wire_sieve(room: Room) -> None:
    """Every filter shows the first page of what passes."""
    sieve, grid = room.sieve, room.grid
    filters = (sieve.words, sieve.keep, sieve.order, *sieve.lists.values(), sieve.is_descending)
    gr.on([made.input for made in filters], room.afresh, room.needs, room.parts, **LATEST)

    def unfold(is_open: bool) -> Callable[[Data], Updates]:
        return room.doing(lambda catalogue, data: {sieve.is_unfolded: is_open})

    sieve.fold.expand(unfold(True), room.needs, room.parts, **QUIET)
    sieve.fold.collapse(unfold(False), room.needs, room.parts, **QUIET)

    def clear(catalogue: Catalogue, data: Data) -> Updates:
        return {made: props["value"] for made, props in sieve.cleared().items()} | {grid.page: 1}

    sieve.clear.click(room.doing(clear), room.needs, room.parts, **QUIET)


def wire_opening(sheet: Sheet, room: Room, timer: gr.Timer) -> None:
    """Coming in, another language, and what somebody else does meanwhile."""
    top = room.top

    def opened(kept: Any, own: list[str], language: str) -> Updates:
        name, told = top.opening(kept, own or [], as_language(language))
        data = room.fresh(language) | {top.chosen: name, room.desk.own: own or []}
        unfolded = {made: props for made, props in room.unfolded(data).items() if props["open"]}
        return {**room.looking(data), **updates(told, _need(room, data), unfolded)}

    def speak(data: Data) -> Updates:
        return {
            **room.looking(data),
            **updates(room.bring.turned(data[room.bring.source], room.desk.language(data))),
        }

    chosen = [top.chosen, top.making, top.about, top.question, *top.form.controls.values(), room.bring.fold]
    outputs = [*dict.fromkeys([*chosen, *room.parts])]
    sheet.page.load(opened, [top.kept, room.desk.own, sheet.language], outputs, js=_SETTLE, **QUIET)
    turned = [room.bring.about, room.bring.drop, room.bring.button, *room.bring.form.controls.values()]
    sheet.language.input(
        speak, room.needs | {room.bring.source}, [*dict.fromkeys([*room.parts, *turned])], **QUIET
    )
    asked = {*room.desk.needs, room.stamp, room.listed}
    # through the queue: past it, gradio tells nobody that a state has changed
    timer.tick(room.tick, asked, [room.desk.nothing, room.news, room.listed, top.chosen], **QUIET)
    room.news.change(room.looking, room.needs, room.parts, **LATEST)
    sheet.timers["dataset"] = timer
