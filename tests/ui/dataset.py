"""The Dataset tab drawn without a browser, over real sets on disk."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Measures, New, Provenance
from studio.datasets.sets import Sets
from studio.engine.host import Engine
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.dataset_room import Room
from studio.ui.dataset_work import Board
from studio.ui.sheet import Sheet
from studio.ui.speech import Speech
from studio.ui.tabs.dataset import TAB


@dataclass
class Bench:
    """The drawn tab, and what its handlers are given."""

    sheet: Sheet
    room: Room

    def data(self, name: str | None = "boats", language: str = "en", **over: Any) -> dict[Any, Any]:
        """What a handler gets from a page that has this set open; `over` by attribute path of the room."""
        room = self.room
        data = room.fresh(language) | {room.desk.chosen: name, room.desk.own: []}
        for form in (
            room.picked.form,
            room.bring.form,
            room.checking.form,
            room.splitting.form,
            room.top.form,
        ):
            data |= {made: form.kind().to_dict()[field] for field, made in form.controls.items()}
        works = (room.bring, room.checking, room.exporting, room.exporting.pushing, room.to_train)
        data |= {panel.work.board: Board() for panel in works}
        data |= {
            room.picked.tags: "",
            room.picked.licence: "CC0-1.0",
            room.picked.author: "",
            room.bring.drop: None,
        }
        return data | {part(room, path): value for path, value in over.items()}


def part(room: Room, path: str) -> Any:
    """A component of the room: "grid__picked"."""
    found: Any = room
    for name in path.split("__"):
        found = getattr(found, name)
    return found


def draw_bench(settings: Settings, engine: Engine) -> Bench:
    """The tab, drawn and wired."""
    with gr.Blocks(analytics_enabled=False) as page:
        sheet = Sheet(page, Studio(settings, engine), Speech(), gr.Radio(["en", "zh"]))
        on = TAB.draw(sheet)
        TAB.wire(sheet, on)
    return Bench(sheet, on.room)


def fill(settings: Settings, count: int = 6, set: str = "boats", **more: Any) -> Catalogue:
    """A set with painted squares, each with a caption."""
    catalogue = Sets(settings).create(set, Need())
    news = [square(catalogue.root, number, **more) for number in range(count)]
    catalogue.add(news)
    return catalogue


def square(root: Path, number: int, **more: Any) -> New:
    """One picture on disk, 96 x 64, of its own colour."""
    file = root / "pictures" / f"{number}.png"
    file.parent.mkdir(exist_ok=True)
    Image.new("RGB", (96, 64), (number * 40 % 256, 90, 140)).save(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    told: dict[str, Any] = {"caption": f"boat {number}", "name": f"{number}.png", **more}
    return New(file=f"pictures/{number}.png", sha256=sha256, measures=Measures(width=96, height=64), **told)


def rows(count: int) -> list[New]:
    """Many pictures that exist in the catalogue only."""
    return [
        New(
            file=f"pictures/{number}.png", name=f"{number:06}.png", sha256=f"{number:064x}",
            caption=f"a boat on a lake, number {number}", tags=("boat", f"lake {number % 50}"),
            provenance=Provenance(source="synthetic", license="CC0-1.0"),
            measures=Measures(width=512 + number % 512, height=512, brightness=number % 256, sharpness=number % 900),
        )
        for number in range(count)
    ]  # fmt: skip


def public(settings: Settings) -> Settings:
    """The same installation as others may reach it."""
    return replace(settings, public=True)
