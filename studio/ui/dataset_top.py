"""The head of the tab: which set, making one, what it is for, and how it stands in one line."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import SetMissing
from studio.errors import StudioError
from studio.ui.changes import Changes, merged, updates
from studio.ui.controls import Choice
from studio.ui.dataset_desk import Data, Desk, Updates
from studio.ui.dataset_facts import Facts
from studio.ui.dataset_form import RequestForm
from studio.ui.safe import helpline, html, plain
from studio.words import Language

STORAGE_KEY, STORAGE_SECRET = "inkstone.dataset.1", "inkstone"


@dataclass
class Top:
    """The components; `is_new` tells whether the form below makes a set or changes the chosen one."""

    desk: Desk
    form: RequestForm = field(init=False)

    def draw(self) -> None:
        """The list of sets with its buttons, the line, and the form of the need."""
        put = self.desk.sheet.speech.put
        self.kept: Any = gr.BrowserState("", storage_key=STORAGE_KEY, secret=STORAGE_SECRET, render=False)
        self.form = RequestForm(self.desk.sheet.speech, "need")
        self.about = gr.Markdown(visible=False, elem_classes="ink-help", elem_id="ink-dataset-about")
        with gr.Row(elem_id="ink-dataset-head"):
            self.desk.chosen = self.chosen = put(
                Choice, {"label": "dataset.set"}, choices=[], value=None, filterable=True, elem_id="ink-dataset-set",
                min_width=200, scale=3,
            )  # fmt: skip
            self.line = gr.HTML(elem_id="ink-dataset-line")
            self.undo = gr.Button(size="sm", visible=False, elem_id="ink-dataset-undo")
        with gr.Row(elem_id="ink-dataset-folds"):
            self._draw_folds()

    def _draw_folds(self) -> None:
        put = self.desk.sheet.speech.put
        with (
            put(gr.Accordion, {"label": "dataset.new"}, open=False, elem_id="ink-dataset-new") as self.making,
            gr.Row(),
        ):
            self.name = put(
                gr.Textbox, {"label": "dataset.name", "info": "dataset.name.help"}, max_lines=1,
                elem_id="ink-dataset-name", scale=3, min_width=200,
            )  # fmt: skip
            self.make = put(
                gr.Button,
                {"value": "dataset.make"},
                variant="primary",
                elem_id="ink-dataset-make",
                min_width=140,
            )
        with put(
            gr.Accordion, {"label": "dataset.need"}, open=False, elem_id="ink-dataset-need"
        ) as self.fold:
            self._draw_need()
            with gr.Row(elem_classes="ink-actions"):
                self.remove = put(
                    gr.Button,
                    {"value": "dataset.remove"},
                    size="sm",
                    elem_id="ink-dataset-remove",
                    visible=False,
                )
            with gr.Row(
                visible=False, elem_classes="ink-actions", elem_id="ink-dataset-ask"
            ) as self.question:
                self.asks = gr.Markdown(elem_classes="ink-help")
                self.sure = put(
                    gr.Button,
                    {"value": "dataset.remove.now"},
                    size="sm",
                    variant="stop",
                    elem_id="ink-dataset-sure",
                )
                self.keep = put(gr.Button, {"value": "train.ask.no"}, size="sm", elem_id="ink-dataset-keep")

    def _draw_need(self) -> None:
        form = self.form
        form.row("goal", "kind", "tone", "use")
        with gr.Row():
            form.add("model", self._models, min_width=140)
            form.add("resolution", min_width=140)
            form.add("trigger_word", max_lines=1, min_width=140)
        form.row("train_count", "validation_count")

    def _models(self, language: Language) -> list[tuple[str, str]]:
        return [(card.title.say(language), card.name) for card in self.desk.sheet.studio.shelf.models()]

    # making, choosing, removing

    def create(self, data: Data) -> tuple[str, Updates]:
        """Make the set that the form describes: its name, empty when it could not be made, and what shows it."""
        name, own = str(data[self.name] or "").strip(), list(data[self.desk.own] or [])
        if self.desk.is_public and name:
            name = f"{name}-{secrets.token_hex(3)}"  # strangers choose alike
        try:
            self.desk.sets.create(name, self.form.request(data)).close()
        except StudioError as error:
            return "", self._refused(error, self.desk.language(data))
        offered = [(one, one) for one in self.desk.names([*own, name])]
        chosen = gr.update(choices=offered, value=name)
        return name, {
            self.chosen: chosen,
            self.desk.own: [*own, name],
            self.name: gr.update(
                value="", info=self.desk.say(self.desk.language(data), "name.help"), elem_classes=[]
            ),
            self.making: gr.update(open=False),
        }

    def _refused(self, error: StudioError, language: Language) -> Updates:
        """What keeps a set from being made, at the control that it is about."""
        at = self.form.hint(error, language) or {
            self.name: {"info": helpline(error.say(language)), "elem_classes": ["ink-fault"]}
        }
        return updates(at)

    def change_need(self, catalogue: Catalogue, data: Data) -> Updates:
        """Keep what the form says of the chosen set."""
        language = self.desk.language(data)
        try:
            catalogue.need = self.form.request(data)
        except StudioError as error:
            return updates(self.form.calm(language), self.form.hint(error, language))
        return updates(self.form.calm(language))

    def ask(self, data: Data) -> Updates:
        """Ask before a whole set goes for good."""
        name = str(data[self.chosen] or "")
        sentence = plain(self.desk.say(self.desk.language(data), "remove.ask", name=name))
        return {self.question: gr.update(visible=True), self.asks: gr.update(value=sentence)}

    def drop(self, data: Data) -> Updates:
        """Take the chosen set away with its pictures, if this visitor may."""
        name, own = str(data[self.chosen] or ""), list(data[self.desk.own] or [])
        try:
            if not (self.desk.sheet.studio.settings.may_delete or name in own):
                raise SetMissing(None, path=name)
            self.desk.sets.remove(name)
        except StudioError as error:
            return self.desk.sorry(error, data)
        names = self.desk.names(own)
        value = names[0] if names else None
        offered = gr.update(choices=[(one, one) for one in names], value=value)
        return {self.chosen: offered, self.question: gr.update(visible=False)}

    # showing

    def opening(self, kept: object, own: list[str], language: Language) -> tuple[str | None, Changes]:
        """The set that this browser had open, else the one changed last."""
        names = self.desk.names(own)
        name = kept if isinstance(kept, str) and kept in names else (names[0] if names else None)
        told: Changes = {
            self.chosen: {"choices": [(one, one) for one in names], "value": name},
            self.about: {"visible": self.desk.is_public, "value": self.desk.say(language, "public")},
        }
        if name is None:  # never closed again by an answer that is late: somebody may have opened it by then
            told[self.making] = {"open": True}
        return name, told

    def changes(self, facts: Facts | None, score: str, language: Language) -> Changes:
        """Line, undo and what the buttons may do, for the facts of the chosen set."""
        if facts is None:
            return {self.line: {"value": ""}, self.undo: {"visible": False}, self.fold: {"visible": False},
                    self.remove: {"visible": False}}  # fmt: skip
        may_remove = self.desk.sheet.studio.settings.may_delete or self.desk.is_public
        told: Changes = {
            self.line: {"value": f'<p class="ink-dataset-line">{self._line(facts, language)}{score}</p>'},
            self.undo: {"visible": facts.step is not None, "value": self._undo(facts, language)},
            self.fold: {"visible": True},
            self.remove: {"visible": may_remove},
        }
        return told

    def need_changes(self, facts: Facts | None) -> Changes:
        """The form for the need of the set that was just chosen."""
        return merged(self.form.changes(facts.need) if facts else {}, {self.question: {"visible": False}})

    def _line(self, facts: Facts, language: Language) -> str:
        say = self.desk.say
        parts = [f"<b>{html(say(language, 'line.pictures', count=f'{facts.total:,}'))}</b>"]
        if facts.validation:
            parts.append(
                html(
                    say(language, "line.split", train=f"{facts.train:,}", validation=f"{facts.validation:,}")
                )
            )
        if facts.uncaptioned:
            parts.append(html(say(language, "line.uncaptioned", count=f"{facts.uncaptioned:,}")))
        return " · ".join(parts)

    def _undo(self, facts: Facts, language: Language) -> str:
        what, count = facts.step or ("", 0)
        return self.desk.say(language, "undo", what=self.desk.step(what, language), count=f"{count:,}")
