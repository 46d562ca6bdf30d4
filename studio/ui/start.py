"""The start picture of the form, its painted part, and the larger second pass: what is drawn, and what follows from
the values. The picture itself is kept under a name; the form, the browser and the saved request know only that name."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from studio.errors import StudioError
from studio.requests import GenerateRequest
from studio.ui.changes import Changes, merged
from studio.ui.choices import Choices
from studio.ui.controls import Segments, StartPicture, control
from studio.ui.pictures import served
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.strokes import BRUSH_PX, COLOUR, OPACITY, canvas
from studio.words import Language

PASSES = (1.0, 1.5, 2.0, 3.0, 4.0)
NAMES = ("start", "mask")
_STEP_PX = 64


@dataclass
class Start:
    """Both folds. What the visitor puts in stays with the visitor's tab until it is used or taken away."""

    sheet: Sheet
    choices: Choices

    def draw(self) -> dict[str, Component]:
        """The picture with its strength and its painted part, then the second pass; the controls by field."""
        speech = self.sheet.speech
        names = {name: gr.Textbox(value="", visible=False) for name in NAMES}
        with speech.put(gr.Accordion, {"label": "start.title"}, open=False, elem_id="ink-start") as self.fold:
            speech.put(gr.Markdown, {"value": "request.start.help"}, elem_classes="ink-help")
            self.picture = speech.put(
                StartPicture, {"label": "request.start.label"}, show_label=False, type="filepath", height=220, buttons=[],
                sources=["upload", "clipboard"], elem_id="ink-start-picture",
            )  # fmt: skip
            self._draw_mask()
            self.note = gr.Markdown(visible=False, elem_id="ink-start-note")
            with gr.Column(visible=False, elem_id="ink-start-more") as self.more:
                strength = control(speech, "strength")
                self._draw_actions()
        with speech.put(
            gr.Accordion, {"label": "upscale.title"}, open=False, elem_id="ink-larger"
        ) as self.larger:
            upscale = speech.put(
                Segments, {"label": "request.upscale.label", "info": "request.upscale.help"}, choices=self._passes("en", 1.0),
                value=1.0, elem_id="ink-upscale", elem_classes="ink-segments",
            )  # fmt: skip
            again = control(speech, "upscale_strength", visible=False)
        self.held = {**names, "strength": strength, "upscale": upscale, "upscale_strength": again}
        return self.held

    def _draw_actions(self) -> None:
        speech = self.sheet.speech
        with gr.Row(elem_classes="ink-actions"):
            self.shape = gr.Button("", size="sm", visible=False, elem_id="ink-start-shape")
            self.paint = speech.put(gr.Button, {"value": "start.paint"}, size="sm", elem_id="ink-start-paint")
            self.whole = speech.put(
                gr.Button, {"value": "start.whole"}, size="sm", visible=False, elem_id="ink-start-whole"
            )
            self.clear = speech.put(gr.Button, {"value": "start.clear"}, size="sm", elem_id="ink-start-clear")

    def _draw_mask(self) -> None:
        """The editor is a heavy piece of script: the browser fetches it when the column is first shown."""
        speech = self.sheet.speech
        with gr.Column(visible=False, elem_id="ink-mask-box") as self.mask_box:
            speech.put(gr.Markdown, {"value": "start.brush"}, elem_classes="ink-help")
            red = ("#{:02x}{:02x}{:02x}".format(*COLOUR), OPACITY)
            self.editor = speech.put(
                gr.ImageEditor, {"label": "request.mask.label"}, type="pil", visible=False, show_label=False, sources=(),
                transforms=(), layers=False, brush=gr.Brush(BRUSH_PX, colors=[red], default_color=red, color_mode="fixed"),
                height=320, buttons=[], elem_id="ink-mask",
            )  # fmt: skip

    @property
    def parts(self) -> list[Any]:
        """What handlers write on, beside the controls."""
        return [self.fold, self.picture, self.note, self.more, self.shape, self.paint, self.whole, self.mask_box, self.editor,
                self.larger]  # fmt: skip

    # what follows from the values

    def changes(self, values: Mapping[str, Any], language: Language) -> Changes:
        """What depends on the values: which controls are shown, and the offer of another size."""
        factor = values["upscale"] or 1.0
        return merged(
            {
                self.more: {"visible": bool(values["start"])},
                self.held["upscale"]: {"choices": self._passes(language, factor)},
                self.held["upscale_strength"]: {"visible": factor > 1},
            },
            self.offer(values, language),
        )

    def offer(self, values: Mapping[str, Any], language: Language) -> Changes:
        """The button that takes the start picture's proportions; hidden where the size has them already."""
        size = self.size_for(values)
        if size is None or size == (values["width"], values["height"]):
            return {self.shape: {"visible": False}}
        words = self.sheet.speech.say(language, "start.shape", width=size[0], height=size[1])
        return {self.shape: {"value": words, "visible": True}}

    def size_for(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        """The model's size nearest in proportion to the start picture; None without a picture."""
        file = self.file_of(values["start"])
        if file is None:
            return None
        with Image.open(file) as picture:
            shape = picture.width / picture.height
        card = self.choices.card(values["model"])
        sizes = list(card.sizes) if card else []
        return min(sizes or [_of_shape(shape, values)], key=lambda size: abs(log(size[0] / size[1] / shape)))

    def settled(self, values: Mapping[str, Any], language: Language) -> tuple[dict[str, Any], str]:
        """The values without the names of pictures that are no longer kept, and what is to be said of those."""
        if values["start"] and self.file_of(values["start"]) is None:
            return {**values, "start": "", "mask": ""}, self.sheet.speech.say(language, "start.gone")
        if values["mask"] and self.file_of(values["mask"]) is None:
            return {**values, "mask": ""}, self.sheet.speech.say(language, "start.mask_gone")
        return dict(values), ""

    def shown(self, values: Mapping[str, Any], language: Language, said: str = "") -> Changes:
        """Everything as the values have it, the picture and its strokes too; `said` is a notice on them."""
        start, mask = self.file_of(values["start"]), self.file_of(values["mask"])
        told: Changes = {
            self.picture: {"value": served(start) if start else None},
            self.note: {"value": plain(said), "visible": bool(said), "elem_classes": ["ink-notice"]},
        }
        if start or said:
            told[self.fold] = {"open": True}
        if (values["upscale"] or 1.0) > 1:
            told[self.larger] = {"open": True}
        painted = canvas(start, mask) if start and mask else None
        return merged(told, self.painted_over(painted), self.changes(values, language))

    def painted_over(self, value: Mapping[str, Any] | None) -> Changes:
        """The editor in place of the picture, with what is to be painted over; or put away."""
        is_open = value is not None
        size = {"canvas_size": value["background"].size} if value is not None else {}
        return {
            self.picture: {"visible": not is_open},
            self.mask_box: {"visible": is_open},
            self.editor: {"value": value, "visible": is_open, **size},
            self.paint: {"visible": not is_open},
            self.whole: {"visible": is_open},
        }

    def file_of(self, name: str) -> Path | None:
        """The kept picture of a name, as far as there is one."""
        try:
            return self.sheet.studio.starts.file(name)
        except StudioError:
            return None

    # what went wrong, or is worth knowing

    def hint(self, field: str | None, sentence: str, is_fault: bool) -> Changes:
        """A sentence under the picture, for what belongs to it; and the fold of the field open."""
        mark = "ink-fault" if is_fault else "ink-notice"
        if field in NAMES:
            return {
                self.note: {"value": plain(sentence), "visible": True, "elem_classes": [mark]},
                self.fold: {"open": True},
            }
        fold = {"strength": self.fold, "upscale": self.larger, "upscale_strength": self.larger}.get(
            field or ""
        )
        return {fold: {"open": True}} if fold else {}

    def calm(self) -> Changes:
        """Nothing to be said."""
        return {self.note: {"value": "", "visible": False}}

    def _passes(self, language: Language, factor: float) -> list[tuple[str, float]]:
        """The usual factors, and one from elsewhere that is in use."""
        none = self.sheet.speech.say(language, "upscale.none")
        factors = sorted({*PASSES, float(factor)})
        return [(none if each == 1 else f"{each:g}×", each) for each in factors]


def _of_shape(shape: float, values: Mapping[str, Any]) -> tuple[int, int]:
    """A size of this proportion with about as many pixels as the values have, in whole steps within the field's range."""
    lines, default = GenerateRequest.settings(), GenerateRequest()
    area = (values["width"] or default.width) * (values["height"] or default.height)
    sides = ((area * shape) ** 0.5, (area / shape) ** 0.5)
    low, high = int(lines["width"].low or 0), int(lines["width"].high or 0)
    across, down = (min(high, max(low, _STEP_PX * round(side / _STEP_PX))) for side in sides)
    return across, down
