"""The Models panel, under the list of models: what is here, what each needs, getting one from a hub, removing one.

All of it is told by the folder and by the records of downloads beside it: a reload, a second browser and a restarted
program see the same. Where visitors are strangers the panel isn't drawn at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.fetch.background import Background
from studio.fetch.hubs import hubs
from studio.fetch.record import Download
from studio.fetch.removing import remove, why_not_removable
from studio.fetch.standing import Standing, standing_of
from studio.fetch.telling import size
from studio.shelf import ModelCard
from studio.ui.changes import Changes, updates
from studio.ui.controls import Segments
from studio.ui.forms import GenerateForm
from studio.ui.models_card import card_html, choices_of, download_html, note_html, unknown_html
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language
from studio.words import Language

EVERY_S = 1.0
SETTLE = "() => window.inkstone.language"
Data = Mapping[Any, Any]
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}


@dataclass
class ModelsPanel:
    """The components and what they do; `form` is the form whose list of models follows."""

    sheet: Sheet
    form: GenerateForm

    @property
    def is_shown(self) -> bool:
        """Whether whoever uses the page may fetch models."""
        return self.sheet.studio.settings.may_fetch_models

    def draw(self) -> None:
        """A fold with the models, one card, the progress, and what can be done."""
        if not self.is_shown:
            return
        speech = self.sheet.speech
        self.background = Background(self.sheet.studio.settings)
        self.timer = gr.Timer(EVERY_S, active=False)
        self.busy = gr.State("")
        with speech.put(
            gr.Accordion, {"label": "models.title"}, open=False, elem_id="ink-models"
        ) as self.fold:
            speech.put(gr.Markdown, {"value": "models.help"}, elem_classes="ink-help")
            self.chosen = speech.put(
                Segments,
                {"label": "models.list"},
                choices=[],
                elem_id="ink-models-list",
                elem_classes="ink-runs",
            )
            self.card = gr.HTML(elem_id="ink-models-card")
            self.note = gr.HTML(elem_id="ink-models-note", elem_classes="ink-work")
            self.hub = speech.put(
                Segments,
                {"label": "models.hub"},
                choices=[],
                visible=False,
                elem_id="ink-models-hub",
                elem_classes="ink-segments",
            )
            with gr.Row(elem_classes="ink-actions"):
                self.buttons = {
                    name: speech.put(
                        gr.Button, {"value": f"models.{name}"}, size="sm", visible=False, elem_id=f"ink-models-{name}",
                        variant="primary" if name in ("get", "use") else "secondary",
                    )
                    for name in ("get", "use", "stop", "remove")
                }  # fmt: skip
            with gr.Row(visible=False, elem_classes="ink-actions", elem_id="ink-models-ask") as self.question:
                self.asks = gr.Markdown(elem_classes="ink-help")
                self.sure = speech.put(
                    gr.Button,
                    {"value": "models.remove.now"},
                    size="sm",
                    variant="stop",
                    elem_id="ink-models-sure",
                )
                self.keep = speech.put(gr.Button, {"value": "models.remove.keep"}, size="sm")
            self.unknown = gr.HTML(elem_classes="ink-work")

    def wire(self) -> None:
        """Join the events."""
        if not self.is_shown:
            return
        model, language = self.form.controls["model"], self.sheet.language
        needs = {self.chosen, self.busy, self.hub, model, language}
        self.sheet.page.load(self.open, [language], self.parts, js=SETTLE, **_QUIET)
        # through the queue: beside it, ticks stood still at times on a busy machine, though nothing failed
        self.timer.tick(self.tick, needs, self.parts, concurrency_limit=None, **_QUIET)
        self.chosen.input(self.look, needs, self.parts, **_QUIET)
        language.input(self.look, needs, self.parts, **_QUIET)
        model.input(self.follow, needs, [*self.parts, self.fold], **_QUIET)
        self.buttons["get"].click(self.get, needs, self.parts, trigger_mode="once", **_QUIET)
        self.buttons["stop"].click(self.stop, needs, self.parts, **_QUIET)
        self.buttons["remove"].click(self.ask, needs, [self.question, self.asks], **_QUIET)
        self.buttons["use"].click(lambda name: {"model": name}, self.chosen, self.sheet.passed, **_QUIET)
        self.sure.click(self.remove, needs, [*self.parts, self.sheet.passed], **_QUIET)
        self.keep.click(lambda: gr.update(visible=False), None, self.question, **_AT_ONCE)

    @property
    def parts(self) -> list[Any]:
        """What a look writes on."""
        return [self.chosen, self.card, self.note, self.hub, *self.buttons.values(), self.question, self.unknown, self.timer,
                self.busy, self.form.controls["model"], self.form.about]  # fmt: skip

    # looking

    def open(self, language: str) -> dict[Any, Any]:
        """What a page shows that has just been opened: the download under way, if there is one. Otherwise nothing is
        chosen for whoever may be choosing already."""
        now = self.background.running()
        turned: Changes = {self.chosen: {"value": now.name}} if now else {}
        told = self._changes(now.name if now else None, None, as_language(language))
        return updates(told, self._pulse(), turned)

    def look(self, data: Data) -> dict[Any, Any]:
        """Everything anew."""
        return updates(self._changes(data[self.chosen], data[self.hub], self._language(data)), self._pulse())

    def follow(self, data: Data) -> dict[Any, Any]:
        """Turn to the model that was chosen in the form, and open the fold when it isn't here."""
        name, language = data[self.form.controls["model"]], self._language(data)
        card = self._cards().get(name)
        is_here = card is None or card.is_whole
        turned: Changes = {self.chosen: {"value": name}} | ({} if is_here else {self.fold: {"open": True}})
        return updates(self._changes(name, data[self.hub], language), self._pulse(), turned)

    def tick(self, data: Data) -> dict[Any, Any]:
        """How far the download is; once it has ended, everything anew, and the form's list of models too."""
        now, language = self.background.running(), self._language(data)
        if now is not None and now.name == data[self.busy]:
            is_chosen = now.name == data[self.chosen]
            note: Changes = (
                {self.note: {"value": download_html(self.sheet.speech, now, language)}} if is_chosen else {}
            )
            return updates(note, {self.timer: {"active": True}})
        told = self._changes(data[self.chosen], data[self.hub], language)
        return updates(told, self._pulse(), self._form(data[self.form.controls["model"]], language))

    # doing

    def get(self, data: Data) -> dict[Any, Any]:
        """Begin to fetch the chosen model, or go on."""
        card = self._cards().get(data[self.chosen])
        if card is None:
            return self.look(data)
        try:
            self.background.start(card, data[self.hub] or next(iter(hubs())))
        except StudioError as error:
            gr.Warning(plain(error.say(self._language(data))))
        return self.look(data)

    def stop(self, data: Data) -> dict[Any, Any]:
        """Stop it; what has arrived stays."""
        self.background.stop(data[self.chosen])
        return self.look(data)

    def ask(self, data: Data) -> dict[Any, Any]:
        """Ask before a model goes."""
        card = self._cards().get(data[self.chosen])
        if card is None:
            return {self.question: gr.update(visible=False)}
        words = self.sheet.speech.say(
            self._language(data),
            "models.remove.ask",
            title=card.title,
            size=size(standing_of(card).bytes_on_disk),
        )
        return {self.question: gr.update(visible=True), self.asks: gr.update(value=plain(words))}

    def remove(self, data: Data) -> dict[Any, Any]:
        """Remove the chosen model; a form that had it turns to the first one."""
        card, language = self._cards().get(data[self.chosen]), self._language(data)
        if card is not None and self.is_shown:
            try:
                freed = remove(card, self.sheet.studio.settings)
                gr.Info(
                    plain(
                        self.sheet.speech.say(language, "models.removed", title=card.title, size=size(freed))
                    )
                )
            except StudioError as error:
                gr.Warning(plain(error.say(language)))
        model = data[self.form.controls["model"]]
        cards = self._cards()
        passed = {} if model in cards else {self.sheet.passed: {"model": next(iter(cards), model)}}
        return {**updates(self._changes(data[self.chosen], None, language), self._pulse(), self._form(model, language)),
                **passed}  # fmt: skip

    # what is shown

    def _changes(self, name: str | None, hub: str | None, language: Language) -> Changes:
        rows = {card.name: standing_of(card) for card in self._cards().values()}
        told: Changes = {
            self.chosen: {"choices": choices_of([*rows.values()], language)},
            self.question: {"visible": False},
            self.unknown: {"value": unknown_html(self.sheet.studio.shelf.unknown_models(), language)},
        }
        row = rows.get(name or "")
        if row is None:
            return {**told, **(self._nothing() if name else {})}
        running, download = self.background.running(), self.background.records.of(row.card.name)
        return told | {
            self.card: {"value": card_html(self.sheet.speech, row, language)},
            self.note: {"value": note_html(self.sheet.speech, row, running, download, language)},
            **self._offers(row, running, hub or (download.hub if download else None), language),
        }

    def _nothing(self) -> Changes:
        """What is shown when the chosen model is no more."""
        gone: Changes = {made: {"visible": False} for made in (*self.buttons.values(), self.hub)}
        return {**gone, self.card: {"value": ""}, self.note: {"value": ""}}

    def _offers(
        self, row: Standing, running: Download | None, hub: str | None, language: Language
    ) -> Changes:
        """What can be done with a model as it stands."""
        offered = [(one.title.say(language), name) for name, one in hubs().items() if one.id_of(row.card)]
        is_its_turn = running is not None and running.name == row.card.name
        may_get = row.presence != "here" and bool(offered) and running is None
        may_remove = not is_its_turn and why_not_removable(row.card, self.sheet.studio.settings) is None
        names = [name for _, name in offered]
        shown = {"get": may_get, "use": row.presence == "here", "stop": is_its_turn, "remove": may_remove}
        told: Changes = {self.buttons[name]: {"visible": is_shown} for name, is_shown in shown.items()}
        value = hub if hub in names else next(iter(names), None)
        return told | {self.hub: {"choices": offered, "value": value, "visible": may_get}}

    def _form(self, model: str, language: Language) -> Changes:
        """The form's list, and its line on the chosen model."""
        choices = self.form.choices
        return {
            self.form.controls["model"]: {"choices": choices.of("model", language)},
            self.form.about: {"value": plain(choices.about(model, language))},
        }

    def _pulse(self) -> Changes:
        """Look again soon while something is being fetched."""
        running = self.background.running()
        return {
            self.timer: {"active": running is not None},
            self.busy: {"value": running.name if running else ""},
        }

    def _cards(self) -> dict[str, ModelCard]:
        return {card.name: card for card in self.sheet.studio.shelf.models()}

    def _language(self, data: Data) -> Language:
        return as_language(data[self.sheet.language])
