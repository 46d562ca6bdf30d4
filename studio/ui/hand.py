"""The picture in hand: its settings, and what can be done with it."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.exchange.picture import read_settings
from studio.history import Entry
from studio.picture_errors import PictureError
from studio.requests import GenerateRequest
from studio.ui.choices import Choices
from studio.ui.safe import html
from studio.ui.sheet import Sheet
from studio.words import Language, Text

_NAMED = ("model", "sampler", "schedule", "precision", "memory")


@dataclass
class Hand:
    """The components around the picture in hand; `holds` keeps its id."""

    sheet: Sheet
    choices: Choices

    def draw(self) -> None:
        """The facts, the buttons, the question before deleting, and the comparison."""
        speech = self.sheet.speech
        self.holds = gr.State(None)
        with gr.Column(visible=False, elem_id="ink-hand") as self.box:
            self.facts = gr.HTML(elem_id="ink-facts")
            with gr.Row(elem_classes="ink-actions"):
                self.use = speech.put(gr.Button, {"value": "hand.use"}, size="sm", elem_id="ink-use")
                self.start = speech.put(
                    gr.Button, {"value": "hand.start"}, size="sm", elem_id="ink-hand-start"
                )
                self.compare = speech.put(
                    gr.Button, {"value": "hand.compare"}, size="sm", elem_id="ink-compare"
                )
                self.delete = speech.put(
                    gr.Button, {"value": "hand.delete"}, size="sm", elem_id="ink-delete",
                    visible=self.sheet.studio.settings.may_delete,
                )  # fmt: skip
            with gr.Row(visible=False, elem_classes="ink-actions") as self.question:
                speech.put(gr.Markdown, {"value": "hand.sure"}, elem_classes="ink-help")
                self.sure = speech.put(
                    gr.Button,
                    {"value": "hand.delete_now"},
                    size="sm",
                    variant="stop",
                    elem_id="ink-delete-now",
                )
                self.keep = speech.put(gr.Button, {"value": "hand.keep"}, size="sm")
            with gr.Group(visible=False, elem_id="ink-comparison") as self.comparison:
                self.slider = speech.put(
                    gr.ImageSlider, {}, show_label=False, interactive=False, buttons=["fullscreen"], max_height=640,
                    elem_id="ink-slider",
                )  # fmt: skip
                self.legend = speech.put(gr.Markdown, {"value": "hand.legend"}, elem_classes="ink-legend")

    def updates(self, entry: Entry | None, language: Language) -> dict[Any, Any]:
        """What shows this picture as the one in hand; None empties the hand."""
        told = {self.holds: entry.id if entry else None, self.question: gr.update(visible=False)}
        if entry is None:
            return {**told, self.box: gr.update(visible=False), self.comparison: gr.update(visible=False)}
        has_loras = any(use.on and use.weight for use in entry.request.loras)
        return {
            **told,
            self.box: gr.update(visible=True),
            self.facts: self.table(entry, language),
            self.compare: gr.update(visible=has_loras),
            self.comparison: gr.update(visible=False),
        }

    def table(self, entry: Entry, language: Language) -> str:
        """The settings of a picture as a list of terms; every word in it is escaped."""
        lines, request = GenerateRequest.settings(), entry.request
        labels = {name: self.choices.labels(name, language) for name in (*_NAMED, "styles")}
        told = {name: labels[name].get(getattr(request, name), getattr(request, name)) for name in _NAMED}
        told |= {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "seed": str(entry.seed),
        }
        told |= {"steps": str(request.steps), "guidance": f"{request.guidance:g}"}
        told["styles"] = ", ".join(labels["styles"].get(name, name) for name in request.styles)
        told["loras"] = ", ".join(f"{use.name} × {use.weight:g}" for use in request.loras if use.on)
        told |= self._again(request, language)
        rows = [(lines[name].label, told[name]) for name in lines if told.get(name)]
        rows.insert(1, (self.sheet.speech.text("hand.read"), _as_read(entry)))
        rows.append((self.sheet.speech.text("size.label"), f"{request.width} × {request.height}"))
        terms = "".join(_term(label, value, language) for label, value in rows if value)
        return f'<dl class="ink-facts">{terms}</dl>'

    def _again(self, request: GenerateRequest, language: Language) -> dict[str, str]:
        """What was made of another picture, or twice."""
        told: dict[str, str] = {}
        if request.start:
            part = "start.part" if request.mask else "start.all"
            told |= {"start": self.sheet.speech.say(language, part), "strength": f"{request.strength:g}"}
        if request.upscale > 1:
            told |= {"upscale": f"{request.upscale:g} ×", "upscale_strength": f"{request.upscale_strength:g}"}
        return told


def _as_read(entry: Entry) -> str:
    """The prompt with its words drawn and its styles woven in, where that is not what was typed."""
    try:
        read = str(read_settings(entry.file).facts.get("prompt", ""))
    except PictureError:
        return ""
    return read if read != entry.request.prompt else ""


def _term(label: Text, value: str, language: Language) -> str:
    return f"<div><dt>{html(label.say(language))}</dt><dd>{html(value)}</dd></div>"
