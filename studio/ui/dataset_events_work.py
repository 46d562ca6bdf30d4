"""The events of what is done to many pictures: the selection, imports, checks, steps, and the ways out."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.errors import StudioError
from studio.ui.changes import updates
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_events import AT_ONCE, IN_ORDER, LATEST, QUIET, WORK, reopen, stopping
from studio.ui.dataset_room import Room
from studio.ui.dataset_steps import told
from studio.ui.dataset_work import Told, Work


def wire_picked(room: Room) -> None:
    """What is selected, and what is done to it."""
    picked, grid = room.picked, room.grid
    form = picked.form.controls.values()
    needs = {*room.needs, *form, picked.tags, picked.licence, picked.author}

    def page(catalogue: Catalogue, data: Data) -> Updates:
        shown = [entry.id for entry in grid.entries(catalogue, room.sieve.query(data), data)]
        return {grid.picked: list(dict.fromkeys([*grid.ids(data), *shown]))}

    def every(catalogue: Catalogue, data: Data) -> Updates:
        return {grid.picked: catalogue.ids(room.sieve.query(data))}

    choices: dict[Any, Callable[[Catalogue, Data], Any]] = {
        picked.buttons["page"]: page, picked.every: every, picked.buttons["none"]: lambda c, d: {grid.picked: []},
    }  # fmt: skip
    for button, choose in choices.items():
        button.click(room.doing(choose), room.needs, room.parts, **IN_ORDER)
    picked.panel.input(picked.turn, [picked.panel], [*picked.panels.values()], **AT_ONCE)

    def out(is_deleted: bool) -> Callable[[Catalogue, Data], Updates]:
        def move(catalogue: Catalogue, data: Data) -> Updates:
            changes = {id: {"is_deleted": is_deleted} for id in grid.ids(data)}
            catalogue.edit_many(changes, "delete" if is_deleted else "restore")
            return {grid.picked: []}

        return move

    def side(name: str) -> Callable[[Catalogue, Data], Any]:
        return lambda c, d: c.edit_many({id: {"split": name} for id in grid.ids(d)}, "split")

    acts: dict[Any, Callable[[Catalogue, Data], Any]] = {
        picked.apply: lambda c, d: picked.reword(c, grid.ids(d), d),
        picked.tag: lambda c, d: picked.retag(c, grid.ids(d), d, True),
        picked.untag: lambda c, d: picked.retag(c, grid.ids(d), d, False),
        picked.state: lambda c, d: picked.relicense(c, grid.ids(d), d),
        picked.delete: out(True),
        picked.restore: out(False),
        picked.moves["train"]: side("train"),
        picked.moves["validation"]: side("validation"),
    }
    for button, do in acts.items():
        done = button.click(room.doing(do), needs, room.parts, **IN_ORDER)
        done.then(reopen(room), room.needs, room.parts, **QUIET)

    def compare(catalogue: Catalogue, data: Data) -> Updates:
        return updates(picked.compare(catalogue, data, grid.ids(data), room.desk.language(data)))

    changes = [made.change if isinstance(made, gr.Textbox) else made.input for made in form]
    gr.on(changes, room.desk.handler(compare), needs, [picked.preview, room.desk.nothing], **LATEST)


def wire_bring(room: Room) -> None:
    """The source, its form, the import, and the guide."""
    bring, form = room.bring, room.bring.form
    shown = [bring.about, bring.drop, bring.button, *form.controls.values(), room.desk.nothing]
    needs = {*room.needs, *form.controls.values(), bring.drop, *bring.work.needs}

    def turn(source: Any, language: str) -> Updates:
        return updates(bring.turned(source, room.desk.as_language(language)))

    bring.source.input(turn, [bring.source, room.desk.sheet.language], shown, **AT_ONCE)
    bringing = _working(room, bring.work, bring.start, bring.told, bring.title)

    def take(data: Data, asked: gr.Request) -> Iterator[Updates]:
        yield {bring.drop: None}  # the next handful may be dropped while this one is taken in
        yield from bringing(data, asked)

    several = {**WORK, "trigger_mode": "multiple"}
    for event in (
        bring.button.click(bringing, needs, bring.work.parts, **several),
        bring.drop.upload(take, needs, [*bring.work.parts, bring.drop], **several),
    ):
        event.then(room.looking, room.needs, room.parts, **QUIET)
    bring.work.stop.click(stopping(room), None, None, **AT_ONCE)

    def search(words: str, language: str) -> Updates:
        return updates(bring.places(words, room.desk.as_language(language)))

    asked = [bring.words, room.desk.sheet.language]
    bring.guide_fold.expand(search, asked, [bring.guide], **QUIET)
    bring.words.input(search, asked, [bring.guide], **LATEST)

    def choose(language: str, told: gr.EventData) -> Updates:
        return updates(bring.chosen(told._data, room.desk.as_language(language))) or {room.desk.nothing: None}

    bring.guide.guide(choose, [room.desk.sheet.language], shown, **QUIET)


def _working(
    room: Room,
    work: Work,
    start: Callable[[Data], Any],
    outcome: Told,
    title: Callable[[Data], str] = lambda data: "",
) -> Callable[[Data, gr.Request], Iterator[Updates]]:
    """A handler of long work; what is wrong with its form is told where its progress would be."""

    def handle(data: Data, asked: gr.Request) -> Iterator[Updates]:
        try:
            begin = start(data)
        except StudioError as error:
            yield work.refused(error, room.desk.language(data))
            return
        yield from work.run(data, asked, begin, outcome, title(data))

    return handle


def wire_checks(room: Room) -> None:
    """The checks, the rows of their card, and the plots."""
    checking, sieve = room.checking, room.sieve
    check = _working(room, checking.work, checking.check, checking.told)

    def plots(catalogue: Catalogue, data: Data) -> Updates:
        return updates(checking.draw_plots(catalogue, room.desk.language(data)))

    def mend(data: Data, told: gr.EventData) -> Updates:
        return room.doing(lambda catalogue, held: checking.mend(catalogue, told._data))(data)

    def tick(data: Data, told: gr.EventData) -> Updates:
        return room.doing(lambda catalogue, held: checking.tick(catalogue, told._data))(data)

    def show(data: Data, told: gr.EventData) -> Updates:
        named = str(told._data.get("check", "")) if isinstance(told._data, dict) else ""
        over = {made: props["value"] for made, props in sieve.cleared().items()}
        over |= {sieve.lists["check"]: named, room.grid.page: 1}
        return room.doing(lambda catalogue, held: over)(data)

    def stretch(data: Data, told: gr.EventData) -> Updates:
        over = {sieve.stretch: sieve.bar(told._data), room.grid.page: 1}
        return room.doing(lambda catalogue, held: over)(data)

    drawn = [checking.plots, room.desk.nothing]
    asked = {*room.needs, *checking.needs, *checking.work.needs}
    started = checking.button.click(check, asked, checking.work.parts, **WORK)
    mended = checking.card.fix(mend, room.needs, room.parts, **IN_ORDER)
    checked_again = mended.then(check, asked, checking.work.parts, **WORK)
    for done in (started, checked_again):
        done.then(reopen(room), room.needs, room.parts, **QUIET).then(
            room.desk.handler(plots), room.needs, drawn, **QUIET
        )
    checking.card.tick(tick, room.needs, room.parts, **IN_ORDER)
    checking.card.show(show, room.needs, room.parts, **QUIET)
    checking.plots_fold.expand(room.desk.handler(plots), room.needs, drawn, **QUIET)
    checking.plots.stretch(stretch, room.needs, room.parts, **QUIET)
    checking.work.stop.click(stopping(room), None, None, **AT_ONCE)


def wire_steps(room: Room) -> None:
    """Captions by a model, varied copies, and the split."""
    for panel in (room.captioning, room.augmenting):
        needs = {*room.needs, *panel.form.controls.values(), *panel.work.needs}

        def start(data: Data, panel: Any = panel) -> Any:
            return panel.start(data, room.grid.ids(data))

        begun = panel.button.click(_working(room, panel.work, start, told), needs, panel.work.parts, **WORK)
        begun.then(reopen(room), room.needs, room.parts, **QUIET)
        panel.work.stop.click(stopping(room), None, None, **AT_ONCE)
    augmenting, splitting = room.augmenting, room.splitting

    def look(catalogue: Catalogue, data: Data) -> Updates:
        return updates(augmenting.show(catalogue, data, room.grid.ids(data), room.desk.language(data)))

    needs = {*room.needs, *augmenting.form.controls.values()}
    augmenting.look.click(room.desk.handler(look), needs, [augmenting.trials, room.desk.nothing], **QUIET)

    def split(catalogue: Catalogue, data: Data) -> Updates:
        said = updates(splitting.split(catalogue, data, room.desk.language(data)))
        return {**said, **room.look(catalogue, data)}

    needs = {*room.needs, *splitting.form.controls.values()}
    splitting.button.click(room.desk.handler(split), needs, [splitting.note, *room.parts], **IN_ORDER)


def wire_leaving(room: Room) -> None:
    """The export with its zip, and the way to Train."""
    exporting, to_train, sheet = room.exporting, room.to_train, room.desk.sheet
    needs = {*room.needs, *exporting.form.controls.values(), exporting.zipped, *exporting.work.needs}

    def export(data: Data, asked: gr.Request) -> Iterator[Updates]:
        made: list[str] = []
        yield {exporting.download: gr.update(visible=False)}
        yield from _working(room, exporting.work, lambda held: exporting.start(held, made), told)(data, asked)
        if made:
            yield {exporting.download: gr.update(visible=True, value=made[0])}

    exporting.button.click(export, needs, [*exporting.work.parts, exporting.download], **WORK)

    def send(data: Data, asked: gr.Request) -> Iterator[Updates]:
        passed: dict[str, Any] = {}
        yield from _working(room, to_train.work, lambda held: to_train.start(held, passed), to_train.told)(
            data, asked
        )
        if passed:
            yield {sheet.passed_set: passed, sheet.tabs: gr.update(selected="train")}

    _wire_push(room)
    outputs = [*to_train.work.parts, sheet.passed_set, sheet.tabs]
    sent = to_train.button.click(
        send, {*room.needs, *room.checking.needs, *to_train.work.needs}, outputs, **WORK
    )
    sent.then(reopen(room), room.needs, room.parts, **QUIET)
    for work in (exporting.work, to_train.work):
        work.stop.click(stopping(room), None, None, **AT_ONCE)


def _wire_push(room: Room) -> None:
    """The push, with the token out of the page as soon as it has been taken."""
    pushing = room.exporting.pushing

    def push(data: Data, asked: gr.Request) -> Iterator[Updates]:
        made: list[str] = []
        yield {pushing.link: "", pushing.token: ""}
        yield from _working(room, pushing.work, lambda held: pushing.start(held, made), pushing.told)(
            data, asked
        )
        if made:
            yield {pushing.link: pushing.linked(made[0], room.desk.language(data))}

    needs = {*room.needs, *pushing.form.controls.values(), *pushing.needs, *pushing.work.needs}
    pushing.button.click(push, needs, [*pushing.work.parts, pushing.link, pushing.token], **WORK)

    def look(catalogue: Catalogue, data: Data) -> Updates:
        return updates(pushing.look(catalogue, room.desk.language(data)))

    pushing.fold.expand(room.desk.handler(look), room.needs, [pushing.licences, room.desk.nothing], **QUIET)
    pushing.work.stop.click(stopping(room), None, None, **AT_ONCE)
