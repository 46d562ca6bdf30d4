"""How the events of the Dataset tab run: in order where one saves what the next would overwrite, and what follows."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_room import Room
from studio.ui.dataset_saving import Base
from studio.ui.sheet import visitor_of

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
WORK: dict[str, Any] = {**QUIET, "trigger_mode": "once", "concurrency_limit": 8}
IN_ORDER: dict[str, Any] = {
    **QUIET,
    "trigger_mode": "multiple",
    "concurrency_id": "dataset",
    "concurrency_limit": 1,
}
"""One after the other, as they were asked: a caption is saved before the next picture is opened."""
ONE_BY_ONE: dict[str, Any] = {**IN_ORDER, "trigger_mode": "always_last"}
"""The next is asked when the last was answered, and so goes on from that answer."""


def reopen(room: Room) -> Callable[[Data], Updates]:
    """Show the open picture's words as they are by now; what is being typed is left alone."""

    def again(catalogue: Catalogue, data: Data) -> Updates:
        base = room.close.base(data)
        if base is None or room.close.is_behind(data) or room.close.is_touched(base, data):
            return room.look(catalogue, data)
        entry = catalogue.get(base.id)
        if entry.is_deleted or (entry.caption, entry.tags) == (base.caption, base.tags):
            return room.look(catalogue, data)  # what is typed by the time that this is told stays
        return room.show(catalogue, data, Base.of(catalogue, entry, base.place))

    return room.desk.handler(again)


def stopping(room: Room) -> Callable[[gr.Request], None]:
    """A handler that stops what this visitor has running."""

    def stop(asked: gr.Request) -> None:
        room.desk.sheet.visitors.stop(visitor_of(asked))

    return stop
