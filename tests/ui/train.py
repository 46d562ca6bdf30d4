"""The Train tab drawn without a browser, over real runs whose worker speaks the protocol and learns nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from studio.engine.host import Engine
from studio.runs import Runs, RunView
from studio.settings import Settings
from studio.storybook.paint import PaintRequest, paint_folder
from studio.studio import Studio
from studio.ui.sheet import Sheet
from studio.ui.speech import Speech
from studio.ui.tabs.train import TrainSurface, wire
from studio.ui.train_start import Starting
from studio.ui.train_watch import Watching
from studio.ui.train_workshop import Workshop
from tests.worker import COMMAND


@dataclass
class Bench:
    """The drawn tab, and what its handlers are given."""

    sheet: Sheet
    on: TrainSurface
    me: Any = field(default_factory=lambda: SimpleNamespace(session_hash="me", headers={}))

    @property
    def workshop(self) -> Workshop:
        return self.on.starting.workshop

    @property
    def runs(self) -> Runs:
        return self.workshop.runs

    @property
    def form(self) -> Any:
        return self.workshop.form

    def data(self, language: str = "en", **values: Any) -> dict[Any, Any]:
        """What a handler gets when the form holds these values and the browser shows nothing yet."""
        starting, watching, form = self.on.starting, self.on.watching, self.form
        held = {**form.kept({}), "max_steps": 6, "checkpoint_every": 2, **values}
        asked: dict[Any, Any] = {made: held[name] for name, made in form.controls.items()}
        asked |= {starting.preset: None, starting.hinted: [], watching.asked: ""}
        return asked | watching.fresh(language)

    def start(self, language: str = "en", **values: Any) -> RunView:
        """Press Start."""
        view, told = self.on.starting.begin(self.data(language, **values))
        assert view is not None, told
        return view

    def shown(self, data: dict[Any, Any] | None = None, **asked: Any) -> dict[Any, Any]:
        """All that a browser is sent which has just opened the page."""
        return self.on.watching.look({**(data or self.data()), **asked})


def draw_bench(settings: Settings, engine: Engine) -> Bench:
    """The tab, drawn and wired."""
    with gr.Blocks(analytics_enabled=False) as page:
        sheet = Sheet(page, Studio(settings, engine), Speech(), gr.Radio(["en", "zh"]))
        workshop = Workshop.of(sheet, Runs(settings, worker=COMMAND))
        starting, watching = Starting(workshop), Watching(workshop)
        starting.draw()
        watching.draw()
        on = TrainSurface(starting, watching)
        wire(sheet, on)
    return Bench(sheet, on)


def paint(folder: Path, count: int = 6, style: str = "ink-wash") -> str:
    """A picture folder to learn from."""
    for _ in paint_folder(PaintRequest(count, folder, style)):
        pass
    return str(folder)


@contextmanager
def ended(runs: Runs) -> Iterator[None]:
    """Leaves no worker behind; one that ends starts the next, so it looks more than once."""
    try:
        yield
    finally:
        while alive := [view for view in runs.list() if view.state == "queued" or view.is_active]:
            for view in alive:
                if view.state == "queued":
                    runs.stop(view.id)
                elif view.record.process:
                    view.record.process.kill()


def until(bench: Bench, run: str, *states: str) -> RunView:
    """Wait until a run is in one of these states."""
    deadline = time.monotonic() + 60
    while (view := bench.runs.get(run)).state not in states:
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
    return view


def public(settings: Settings) -> Settings:
    """The same installation as others may reach it."""
    return replace(settings, public=True)
