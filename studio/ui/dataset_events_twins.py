"""The events of the strips of near-duplicates."""

from collections.abc import Callable

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.ui.changes import updates
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_events import IN_ORDER, LATEST, WORK
from studio.ui.dataset_room import Room


def wire_twins(room: Room) -> None:
    """Showing them, paging, keeping one of a group, and opening one up close."""
    twins = room.checking.twins
    needs = {*room.needs, twins.page}
    shown = [*twins.parts, room.desk.nothing]

    def draw(catalogue: Catalogue, data: Data) -> Updates:
        return updates(twins.changes(catalogue, data, room.desk.language(data)))

    def developed(catalogue: Catalogue, data: Data) -> Updates:
        twins.develop(catalogue, data)
        return draw(catalogue, data)

    def turn(data: Data, told: gr.EventData) -> Updates:
        held = {**data, twins.page: twins.turned(data, told._data)}
        return room.desk.handler(draw)(held)

    def acting(do: Callable[[Catalogue, object], int]) -> Callable[[Data, gr.EventData], Updates]:
        def act(data: Data, told: gr.EventData) -> Updates:
            def change(catalogue: Catalogue, held: Data) -> Updates:
                do(catalogue, told._data)
                return {**room.look(catalogue, held), **draw(catalogue, held)}

            return room.desk.handler(change)(data)

        return act

    # looking for them may take seconds, so a second click waits for the first
    drawn = twins.fold.expand(room.desk.handler(draw), needs, shown, **WORK)
    turned = twins.strips.turn(turn, needs, shown, **LATEST)
    kept = twins.strips.keep(acting(twins.keep), needs, [*room.parts, *twins.parts], **IN_ORDER)
    out = twins.strips.out(acting(twins.take_out), needs, [*room.parts, *twins.parts], **IN_ORDER)
    undone = room.top.undo.click(room.desk.handler(draw), needs, shown, **IN_ORDER)
    for event in (drawn, turned, kept, out, undone):
        event.then(room.desk.handler(developed), needs, shown, **LATEST)
