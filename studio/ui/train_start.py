"""The left half of the Train tab: what to learn from and how, the pre-flight, and the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.runs import RunView
from studio.runs.names import free_name
from studio.train_request import TrainRequest
from studio.ui.changes import Changes, merged, updates
from studio.ui.safe import helpline, plain
from studio.ui.speech import as_language
from studio.ui.train_check import Checked
from studio.ui.train_form import field_of
from studio.ui.train_sets import PictureSets
from studio.ui.train_workshop import Workshop
from studio.words import Language

FIRST_PRESET = "storybook-style"
STORAGE_KEY = "inkstone.train.1"
STORAGE_SECRET = "inkstone"
WRITTEN = ("name", "trigger_word", "dataset_path", "sample_prompts")
"""What a preset leaves alone, unless it names it."""


@dataclass
class Starting:
    """The form with its card and buttons. `hinted` names the fields that show a sentence instead of their help."""

    workshop: Workshop

    def draw(self) -> None:
        """Dataset, preset, fields, card and buttons, from top to bottom."""
        speech, form = self.workshop.sheet.speech, self.workshop.form
        self.sets = PictureSets(self.workshop)
        self.hinted = gr.State([])
        self.kept: Any = gr.BrowserState({}, storage_key=STORAGE_KEY, secret=STORAGE_SECRET, render=False)
        self.sets.draw()
        with gr.Group(elem_classes="ink-group"), gr.Row():
            form.draw_model()
            self.preset = form.draw_preset()
        with gr.Group(elem_classes="ink-group"):
            form.draw_basic()
        with speech.put(gr.Accordion, {"label": "train.more"}, open=False, elem_id="ink-train-more"):
            form.draw_more()
        self.card = gr.HTML(elem_id="ink-train-check")
        with gr.Row(elem_id="ink-train-buttons"):
            self.fix = gr.Button(visible=False, elem_id="ink-train-fix", scale=2)
            self.start = speech.put(
                gr.Button, {"value": "train.start"}, variant="primary", interactive=False, elem_id="ink-train-start",
                scale=3,
            )  # fmt: skip

    @property
    def needs(self) -> set[Any]:
        """What handlers that look at the whole form have to be given."""
        return {*self.workshop.form.controls.values(), self.workshop.sheet.language, self.preset, self.hinted}

    @property
    def form_parts(self) -> list[Any]:
        """What filling the form writes on."""
        return [*self.workshop.form.controls.values(), self.preset]

    @property
    def check_parts(self) -> list[Any]:
        """What checking the form writes on."""
        return [*self.workshop.form.controls.values(), self.card, self.fix, self.start, self.hinted]

    # filling

    def open(self, kept: Any, language: str) -> dict[Any, Any]:
        """The form as the browser kept it, or as a newcomer wants it."""
        form = self.workshop.form
        values = form.kept(kept)
        if not kept:
            values = self._with_preset(FIRST_PRESET, values)
        told = form.changes(values)
        path = form.controls["dataset_path"]
        broken = self.workshop.choices.troubles(as_language(language))
        trouble: Changes = (
            {self.preset: {"info": helpline(broken), "elem_classes": ["ink-fault"]}} if broken else {}
        )
        chosen: Changes = {} if kept else {self.preset: {"value": FIRST_PRESET}}
        filled = merged(told, {path: {"choices": self.workshop.choices.sets()}}, trouble, chosen)
        checked, fault = self._checked(values)
        return self._shown(checked, fault, [], as_language(language), filled)

    def take_preset(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The values of the chosen preset, for the memory that this machine has."""
        values = self.workshop.form.values(data)
        try:
            return updates(self.workshop.form.changes(self._with_preset(data[self.preset], values)))
        except StudioError as error:
            gr.Warning(plain(error.say(as_language(data[self.workshop.sheet.language]))))
            return {self.preset: gr.update()}

    def take_fix(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The changes that the pre-flight proposes."""
        form = self.workshop.form
        values = form.values(data)
        checked = self._checked(values)[0]
        fix = checked.refusal.fix if checked.refusal else {}
        return updates(form.changes(form.partly(values, fix)))

    def take_set(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The dataset that another tab hands over, with its model and trigger word."""
        told, form = dict(data[self.workshop.sheet.passed_set] or {}), self.workshop.form
        if not told:
            return {self.workshop.sheet.passed_set: None}
        changes = form.changes(form.partly(form.values(data), told))
        path = form.controls["dataset_path"]
        shown = updates(changes, {path: {"choices": self.workshop.choices.sets()}})
        return {**shown, self.workshop.sheet.passed_set: None}

    def take_run(self, view: RunView) -> dict[Any, Any]:
        """The request of a run that is to be run again with changes, under a name that is free."""
        taken = {other.name.lower() for other in self.workshop.runs.list()}
        request = view.request.with_(name=free_name(view.request.name, taken))
        form = self.workshop.form
        return updates(form.changes(form.spread(request)), {self.preset: {"value": None}})

    # checking and starting

    def check(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """What the form as it stands would come to."""
        language = as_language(data[self.workshop.sheet.language])
        checked, fault = self._checked(self.workshop.form.values(data))
        return self._shown(checked, fault, data[self.hinted], language)

    def begin(self, data: Mapping[Any, Any]) -> tuple[RunView | None, dict[Any, Any]]:
        """Start the run that the form asks for: its folder is there before this returns. Without one, why not."""
        language = as_language(data[self.workshop.sheet.language])
        form = self.workshop.form
        try:
            request = form.request(form.values(data))
            checked = self.workshop.checks.check(request)
            if checked.may_start:
                self._make_room(checked, request)
                return self.workshop.runs.create(request), {}
        except StudioError as error:
            gr.Warning(plain(error.say(language)))
            return None, self._shown(Checked(fault=error), error, data[self.hinted], language)
        if checked.refusal is not None:
            gr.Warning(plain(checked.refusal.said.say(language)))
        return None, self._shown(checked, None, data[self.hinted], language)

    def _checked(self, values: Mapping[str, Any]) -> tuple[Checked, StudioError | None]:
        try:
            checked = self.workshop.checks.check(self.workshop.form.request(values))
        except StudioError as error:
            return Checked(fault=error), error
        return checked, checked.fault

    def _shown(
        self,
        checked: Checked,
        fault: StudioError | None,
        hinted: list[str],
        language: Language,
        filled: Changes | None = None,
    ) -> dict[Any, Any]:
        """The card and buttons for what was found out, with hints at the fields, and whatever else is `filled` in."""
        workshop, refusal = self.workshop, checked.refusal
        card = workshop.cards.html(checked, workshop.checks.machine(), language)
        hints: dict[str, str] = {}
        if fault is not None and (field := field_of(fault)):
            hints[field] = fault.say(language)
        elif refusal is not None:
            hints[refusal.knob] = refusal.said.say(language)
        calm = {
            made: props for made, props in workshop.form.calm(language).items() if _name_of(made) in hinted
        }
        told = [workshop.form.hint(name, sentence, is_fault=True) for name, sentence in hints.items()]
        fix = refusal.fix if refusal else {}
        shown: Changes = {
            self.card: {"value": card},
            self.fix: {"visible": bool(fix), "value": self._fix_label(fix, language)},
            self.start: {"interactive": checked.may_start and workshop.sheet.studio.settings.may_train},
        }
        names = [_name_of(workshop.form.controls[name]) for name in hints if name in workshop.form.controls]
        return {**updates(filled or {}, calm, *told, shown), self.hinted: names}

    def _fix_label(self, fix: Mapping[str, Any], language: Language) -> str:
        told = TrainRequest.settings()
        parts = [f"{told[name].label.say(language)} {_plain_value(value)}" for name, value in fix.items()]
        return self.workshop.sheet.speech.say(language, "train.fix", changes=", ".join(parts))

    def _with_preset(self, name: str | None, values: dict[str, Any]) -> dict[str, Any]:
        if not name:
            return values
        form = self.workshop.form
        preset = self.workshop.sheet.studio.presets.train_preset(name)
        told = preset.for_memory(self.workshop.checks.machine().memory_bytes / 2**30)
        fresh = form.spread(TrainRequest())
        kept = {name: value for name, value in values.items() if name in WRITTEN}
        return form.partly({**fresh, **kept}, told)

    def _make_room(self, checked: Checked, request: TrainRequest) -> None:
        """Let the engine put its model away where a GPU can't hold both; it comes back with the next picture."""
        studio, machine = self.workshop.sheet.studio, self.workshop.checks.machine()
        assert checked.weighed is not None
        held = 2 * self.workshop.checks.numbers(request)
        is_tight = checked.weighed.estimate.memory_bytes + held > machine.memory_bytes
        if machine.kind != "cpu" and is_tight and not studio.is_busy:
            studio.engine.close()


def _name_of(made: Any) -> str:
    return str(made.elem_id)


def _plain_value(value: object) -> str:
    return "✓" if value is True else str(value)
