"""The Dataset tab: from a heap of pictures to a training set, every change of which is saved as it is made."""

from dataclasses import dataclass

import gradio as gr

from studio.ui.dataset_desk import Desk
from studio.ui.dataset_events_pictures import wire_close, wire_grid
from studio.ui.dataset_events_top import wire_opening, wire_sieve, wire_top
from studio.ui.dataset_events_twins import wire_twins
from studio.ui.dataset_events_work import wire_bring, wire_checks, wire_leaving, wire_picked, wire_steps
from studio.ui.dataset_model import Learner
from studio.ui.dataset_room import Room
from studio.ui.sheet import Sheet, Tab

EVERY_S = 3.0
"""How often the page looks whether somebody else has changed the set."""


@dataclass(frozen=True)
class DatasetSurface:
    """The tab's panels."""

    room: Room
    timer: gr.Timer


def draw(sheet: Sheet) -> DatasetSurface:
    """The set on top; what is done to it on the left; its pictures on the right."""
    room = Room(Desk.of(sheet), Learner(sheet.studio))
    room.draw_memory()
    with gr.Column(elem_id="ink-dataset"):
        with gr.Column(elem_id="ink-dataset-top"):
            room.top.draw()
        room.draw()
        timer = gr.Timer(EVERY_S, active=not sheet.pages)
    return DatasetSurface(room, timer)


def wire(sheet: Sheet, on: DatasetSurface) -> None:
    """Join the events."""
    on.room.top.kept.render()  # outside the tab: what is in one is not there before it is turned to
    for join in (
        wire_top,
        wire_sieve,
        wire_grid,
        wire_close,
        wire_picked,
        wire_bring,
        wire_checks,
        wire_twins,
        wire_steps,
        wire_leaving,
    ):
        join(on.room)
    wire_opening(sheet, on.room, on.timer)


TAB = Tab("tab.dataset", 3, draw, wire)
