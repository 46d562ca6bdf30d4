"""How the events of the Dataset tab run: in order where one saves what the next would overwrite, and what follows."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.ui.dataset_desk import Data, Updates
from studio.ui.dataset_room import Room
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


def reopen(room: Room) -> Callable[[Data], Updates]:
    """Show the open picture's words as they are by now; what is being typed is left alone."""

    def again(catalogue: Catalogue, data: Data) -> Updates:
        base = room.close.base(data)
        if base is None or catalogue.get(base.id).is_deleted or room.close.is_touched(base, data):
            return room.look(catalogue, data)
        return room.show(catalogue, data, type(base).of(catalogue.get(base.id), base.place))

    return room.desk.handler(again)


def stopping(room: Room) -> Callable[[gr.Request], None]:
    """A handler that stops what this visitor has running."""

    def stop(asked: gr.Request) -> None:
        room.desk.sheet.visitors.stop(visitor_of(asked))

    return stop
