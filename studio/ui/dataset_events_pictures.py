"""The events of the grid, of the picture up close and of what is selected."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.inspect import fix as mend
from studio.ui.changes import updates
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_events import IN_ORDER, LATEST, ONE_BY_ONE, QUIET, reopen
from studio.ui.dataset_room import Room
from studio.ui.dataset_saving import Base
from studio.ui.sight import into_sight

_SHOW_PICTURE = into_sight("ink-look", "start")
_SHOW_STEPS = into_sight("ink-dataset-left", "start")
_RETITLE = (
    "(opened) => { const { id, caption } = JSON.parse(opened || '{}'); "
    "const tile = document.querySelector(`#ink-grid [data-id='${id}'] .ink-tile-words`); "
    "if (tile && caption) tile.textContent = caption; }"
)
"""Puts the caption under its tile without drawing the grid anew, which would take the click away that ended the edit."""
_UNSAVED = "() => { document.querySelector('#ink-look-note .ink-look-saved')?.setAttribute('hidden', ''); }"
"""What is typed is not saved yet, however long the server takes to say so."""


def wire_grid(room: Room) -> None:
    """Paging, selecting and opening."""
    grid, close = room.grid, room.close
    room.to_steps.click(None, None, None, js=_SHOW_STEPS, **QUIET)

    def turn(way: int) -> Callable[[Data], Updates]:
        return room.doing(lambda catalogue, data: {grid.page: max(1, int(data[grid.page] or 1) + way)})

    grid.earlier.click(turn(-1), room.needs, room.parts, **QUIET)
    grid.later.click(turn(1), room.needs, room.parts, **QUIET)
    for event in (grid.page.submit, grid.page.blur):
        event(turn(0), room.needs, room.parts, **QUIET)

    grid.tiles.develop(room.desk.handler(room.develop), room.needs, room.parts, **LATEST)

    def pick(data: Data, told: gr.EventData) -> Updates:
        with_ = {**data, grid.picked: grid.pick(told._data, data[grid.picked] or [])}
        language = room.desk.language(data)

        def count(catalogue: Catalogue, held: Data) -> Updates:
            found = catalogue.count(room.sieve.query(held))
            is_deleted = room.sieve.query(held).is_deleted
            return updates(room.picked.changes(held[grid.picked], found, is_deleted, language))

        return {**room.only(room.bar, room.desk.handler(count))(with_), grid.picked: with_[grid.picked]}

    grid.tiles.pick(pick, room.needs, room.bar, **IN_ORDER)

    def open_(data: Data, told: gr.EventData) -> Updates:
        def show(catalogue: Catalogue, held: Data) -> Updates:
            kept = _kept(room, catalogue, held)
            if kept is not None:
                return kept
            id = told._data.get("id") if isinstance(told._data, dict) else None
            if not isinstance(id, int) or isinstance(id, bool):
                return {room.desk.nothing: None}
            return room.show(catalogue, held, close.found(catalogue, room.sieve.query(held), id))

        return room.only(room.close_up, room.desk.handler(show))(data)

    for drawing in (grid.tiles, room.checking.twins.strips):
        opened = drawing.open(open_, room.needs, room.close_up, **IN_ORDER)
        opened.then(None, None, None, js=_SHOW_PICTURE, **QUIET)


def _kept(room: Room, catalogue: Catalogue, data: Data) -> Updates | None:
    """Save what is typed before another picture is shown; what keeps it from being shown."""
    done = room.close.save(catalogue, data)
    if done is None or not done[1].is_clash:
        return None
    return _told(room, catalogue, data, done[0])


def _told(room: Room, catalogue: Catalogue, data: Data, base: Base) -> Updates:
    return updates(room.close.told(catalogue, base, *room.close.typed(data), room.desk.language(data)))


def wire_close(room: Room) -> None:
    """Words that save themselves, and the way to the neighbours."""
    close, top = room.close, room.top

    def save(catalogue: Catalogue, data: Data) -> Updates:
        done = close.save(catalogue, data)
        if done is None or not (done[1].is_written or done[1].is_clash):
            return {room.desk.nothing: None}
        base, saved = done
        told = _told(room, catalogue, data, base)
        if not saved.is_written:
            return told
        facts = room.facts.of(catalogue)
        language = room.desk.language(data)
        line = updates(top.changes(facts, room.checking.score(facts, language), language))
        seen = {room.stamp: catalogue.stamp} if data[room.stamp] == catalogue.stamp - 1 else {}
        return {**told, **line, **seen, close.opened: base.write()}

    told_of = [
        close.opened,
        close.note,
        close.clash,
        room.top.line,
        room.top.undo,
        room.stamp,
        room.desk.nothing,
    ]
    typed = {*room.desk.needs, *close.parts, room.stamp}
    saving = room.only(told_of, room.desk.handler(save))
    left = [close.caption.blur, close.caption.submit, close.tags.blur, close.tags.submit]
    saved = gr.on(left, saving, typed, told_of, **ONE_BY_ONE)
    saved.then(None, [close.opened], None, js=_RETITLE, **QUIET)

    def count(catalogue: Catalogue, data: Data) -> Updates:
        base = close.base(data)
        if base is None:
            return {room.desk.nothing: None}
        return _told(room, catalogue, data, data[close.visit].caught_up(base))

    typing = [close.caption.input, close.tags.input]
    gr.on(typing, None, None, None, js=_UNSAVED, **QUIET)
    noted = [close.note, close.clash, room.desk.nothing]
    gr.on(typing, room.desk.handler(count), typed, noted, **LATEST)

    def step(way: int) -> Callable[[Data], Updates]:
        def go(catalogue: Catalogue, data: Data) -> Updates:
            base = close.base(data)
            if base is None:
                return room.look(catalogue, data)
            kept = _kept(room, catalogue, data)
            if kept is not None:
                return kept
            following = close.neighbour(catalogue, room.sieve.query(data), base, way)
            following = following or Base.of(catalogue, catalogue.get(base.id), base.place)
            return room.show(catalogue, data, following)

        return room.desk.handler(go)

    def shut(catalogue: Catalogue, data: Data) -> Updates:
        return _kept(room, catalogue, data) or room.show(catalogue, data, None)

    for button, way in ((close.before, -1), (close.after, 1)):
        button.click(room.only(room.close_up, step(way)), room.needs, room.close_up, **IN_ORDER)
    close.close.click(
        room.only(room.close_up, room.desk.handler(shut)), room.needs, room.close_up, **IN_ORDER
    )
    _wire_changes(room)
    _wire_clash(room)


def _wire_changes(room: Room) -> None:
    """Turn, cut, side, out, and the buttons among the facts."""
    close = room.close

    def changing(do: Callable[[Catalogue, Data, Base], Any]) -> Callable[[Data], Updates]:
        def change(catalogue: Catalogue, data: Data) -> Updates | None:
            base = close.base(data)
            if base is not None:
                do(catalogue, data, base)
            return None

        return room.doing(change)

    def side(catalogue: Catalogue, data: Data, base: Base) -> None:
        name = "validation" if data[close.side] == "validation" else "train"
        catalogue.edit_many({base.id: {"split": name}}, "split")

    held = {*room.needs, *close.cuts, close.side}
    acts: list[tuple[Any, Callable[[Catalogue, Data, Base], Any]]] = [
        (close.left_turn.click, lambda c, d, b: close.turn(c, b, -1)),
        (close.right_turn.click, lambda c, d, b: close.turn(c, b, 1)),
        *((made.release, lambda c, d, b: close.cut(c, b, close.cut_of(d))) for made in close.cuts),
        (close.fitted.click, lambda c, d, b: close.cut(c, b, close.fitting(c, b))),
        (close.whole.click, lambda c, d, b: close.cut(c, b, None)),
        (close.side.input, side),
    ]
    for trigger, do in acts:
        trigger(changing(do), held, room.parts, **IN_ORDER)

    def delete(catalogue: Catalogue, data: Data) -> Updates:
        base = close.base(data)
        if base is None:
            return room.look(catalogue, data)
        catalogue.delete([base.id])
        following = close.neighbour(catalogue, room.sieve.query(data), base, 1)
        return room.show(catalogue, data, following)

    def cut(data: Data, told: gr.EventData) -> Updates:
        def draw(catalogue: Catalogue, held: Data, base: Base) -> None:
            crop = close.dragged(told._data, base)
            if crop is not None:
                close.cut(catalogue, base, crop)

        return changing(draw)(data)

    close.picture.cut(cut, held, room.parts, **IN_ORDER)
    close.delete.click(room.desk.handler(delete), room.needs, room.parts, **IN_ORDER)

    def tag(data: Data, told: gr.EventData) -> Updates:
        named = str(told._data.get("tag", "")) if isinstance(told._data, dict) else ""
        return room.doing(lambda catalogue, held: {room.sieve.lists["tag"]: named, room.grid.page: 1})(data)

    close.facts.tag(tag, room.needs, room.parts, **QUIET)

    def fix(data: Data, told: gr.EventData) -> Updates:
        asked = told._data if isinstance(told._data, dict) else {}
        name, id = str(asked.get("check")), asked.get("id")
        if not isinstance(id, int) or isinstance(id, bool):
            return {room.desk.nothing: None}
        return room.doing(lambda catalogue, held: mend(catalogue, name, [id]))(data)

    fixed = close.facts.fix(fix, room.needs, room.parts, **IN_ORDER)
    fixed.then(reopen(room), room.needs, room.parts, **QUIET)


def _wire_clash(room: Room) -> None:
    """Whose words stay, after two have written at once."""
    close = room.close

    def mine(catalogue: Catalogue, data: Data) -> Updates:
        base = close.base(data)
        if base is None:
            return room.look(catalogue, data)
        data[close.visit].open(base)
        held = {**data, close.opened: close.rebased(catalogue, base, data).write()}
        done = close.save(catalogue, held)
        assert done is not None
        over = {close.opened: done[0].write()}
        return {**room.look(catalogue, data, over), **_told(room, catalogue, data, done[0])}

    close.mine.click(room.desk.handler(mine), room.needs, room.parts, **IN_ORDER)
    close.theirs.click(reopen(room), room.needs, room.parts, **IN_ORDER)
