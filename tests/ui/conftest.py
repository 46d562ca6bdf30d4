"""A page without a browser: the Generate tab drawn over a real studio with a tiny random model in this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import gradio as gr
import pytest

from studio.engine.host import InlineEngine
from studio.requests import GenerateRequest
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.sheet import Sheet
from studio.ui.speech import Speech
from studio.ui.surface import Surface
from studio.ui.tabs.generate import TAB
from tests.house import furnish, in_a_loop, settings_for


def drawn(draw: Callable[[], Any]) -> Any:
    """What `draw` draws, inside a running event loop: without one, gradio opens its own and never closes them. No web
    application is made around it, which would take as long again: nobody asks over HTTP."""

    async def drawing() -> Any:
        with patch("gradio.blocks.App.create_app"):
            return draw()

    return in_a_loop(drawing())


@dataclass
class Desk:
    """The drawn tab, and what a handler is given when its controls hold certain values."""

    sheet: Sheet
    on: Surface
    me: Any = field(default_factory=lambda: SimpleNamespace(session_hash="me", headers={}))

    def data(self, language: str = "en", **values: Any) -> dict[Any, Any]:
        form, on = self.on.form, self.on
        held = {**form.spread(GenerateRequest(width=64, height=64, steps=2)), **values}
        data: dict[Any, Any] = {made: held[name] for name, made in form.controls.items()}
        return data | {
            self.sheet.language: language, on.past.search: "", on.past.own: [], on.shown: [], on.presets: None,
            on.hand.holds: None, on.drop: None, on.last_seed: None, on.scene: on.scene.value,
            self.sheet.passed: None, form.start.picture: None, form.start.editor: None,
        }  # fmt: skip


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, tiny_kolors: Path, tiny_lora: Path) -> Path:
    """The models folder. Shared: nothing is written to it."""
    return furnish(tmp_path_factory.mktemp("house") / "models", tiny_kolors, tiny_lora)


@pytest.fixture
def settings(house: Path, tmp_path: Path) -> Settings:
    return settings_for(house, tmp_path / "outputs")


@pytest.fixture(scope="session")
def engine() -> Iterator[InlineEngine]:
    """One engine for all tests, so that the model is loaded once."""
    engine = InlineEngine()
    yield engine
    engine.close()


@pytest.fixture
def make_desk(engine: InlineEngine) -> Callable[[Settings], Desk]:
    def make(settings: Settings) -> Desk:
        return cast(Desk, drawn(lambda: draw(settings)))

    def draw(settings: Settings) -> Desk:
        with gr.Blocks(analytics_enabled=False) as page:
            sheet = Sheet(page, Studio(settings, engine), Speech(), gr.Radio(["en", "zh"]))
            on = TAB.draw(sheet)
            TAB.wire(sheet, on)
        return Desk(sheet, on)

    return make


@pytest.fixture
def desk(make_desk: Callable[[Settings], Desk], settings: Settings) -> Desk:
    return make_desk(settings)
