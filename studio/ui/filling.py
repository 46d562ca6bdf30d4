"""What fills the form besides typing: examples, presets, aspect buttons, the seed, a model's defaults,
a picture from the history, and a picture dropped on the page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.exchange.files import read_file
from studio.exchange.on_shelf import on_shelf, only_here
from studio.exchange.picture import Recalled
from studio.requests import GenerateRequest
from studio.ui.changes import updates
from studio.ui.choices import Choices
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language
from studio.ui.surface import Surface
from studio.ui.workflow import listed
from studio.ui.workflow import note as show
from studio.words import Language

EXAMPLES = 6


class Filling:
    """The handlers that put values into the form. Nothing of what the visitor wrote is changed without being asked."""

    def __init__(self, sheet: Sheet, surface: Surface) -> None:
        self._sheet = sheet
        self._on = surface
        self._form = surface.form

    @property
    def needs(self) -> set[Any]:
        """What handlers that look at the whole form have to be given."""
        on = self._on
        return {
            *self._form.controls.values(),
            self._sheet.language,
            on.presets,
            on.hand.holds,
            on.drop,
            on.last_seed,
            on.past.own,
            self._sheet.passed,
        }

    def recall(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The settings of the picture in hand."""
        entry = self._on.past.entry(data[self._on.hand.holds])
        if entry is None:
            return {}
        request = entry.request.with_(seed=entry.seed)
        return self._begun(self._form.spread(request), data)

    def read(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The settings inside a dropped picture, workflow or text; fields that it doesn't tell stay as they are."""
        language = as_language(data[self._sheet.language])
        speech, note = self._sheet.speech, self._on.drop_note
        if not data[self._on.drop]:
            return {}
        try:
            shelf = self._sheet.studio.shelf
            models, loras = shelf.models(), shelf.loras()
            recalled = only_here(on_shelf(read_file(Path(data[self._on.drop])), models, loras), loras)
        except StudioError as error:
            return {note: show(plain(error.say(language)), "ink-fault"), self._on.drop: None}
        told = {name: value for name, value in recalled.request.to_dict().items() if name in recalled.fields}
        said = [speech.say(language, "drop.read", format=recalled.format)]
        if "model" in told and self._on.choices.card(told["model"]) is None:
            said.append(speech.say(language, "drop.no_model", model=told.pop("model")))
        if told.get("start") and not self._may_see(told["start"], data):
            said.append(speech.say(language, "start.gone"))
            told |= {"start": "", "mask": ""}
        values = self._form.partly(self._form.values(data), told)
        words = "\n\n".join([plain(" ".join(said)), *self._became(recalled, language)])
        filled = self._begun(values, data) if "start" in told else self._filled(values, data)
        return {**filled, note: show(words, "ink-notice"), self._on.drop: None}

    def _may_see(self, name: str, data: Mapping[Any, Any]) -> bool:
        """Whether a start picture is shown to whoever drops a picture made of it: where visitors don't know each other,
        only one that is in their own form or began a picture of their own."""
        if self._sheet.studio.settings.may_browse_history or name == data[self._form.controls["start"]]:
            return True
        entries = map(self._on.past.entry, data[self._on.past.own])
        return any(entry is not None and entry.request.start == name for entry in entries)

    def _became(self, recalled: Recalled, language: Language) -> list[str]:
        """What was left out, what only comes near, and where each value came from, each as a list."""
        lists = {
            "drop.left": recalled.notices,
            "drop.near": recalled.approximated,
            "drop.mapped": recalled.mapped,
        }
        heading = {key: self._sheet.speech.say(language, key) for key in lists}
        return [listed(heading[key], said, language) for key, said in lists.items() if said]

    def preset(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The values of the chosen preset."""
        name = data[self._on.presets]
        if not name:
            return {}
        try:
            preset = self._sheet.studio.presets.preset(name)
        except StudioError as error:
            gr.Warning(plain(error.say(as_language(data[self._sheet.language]))))
            return {}
        return self._filled(self._form.partly(self._form.values(data), preset.values), data)

    def model(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """What comes with the chosen model."""
        values = self._form.values(data)
        language = as_language(data[self._sheet.language])
        told = self._filled(self._form.taken(values["model"], values), data)
        return {
            **told,
            self._on.examples: gr.update(samples=samples(self._on.choices, values["model"], language)),
        }

    def seed(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The seed of the last picture, kept from now on."""
        values = self._form.values(data)
        last = data[self._on.last_seed]
        return self._filled(
            {**values, "seed": values["seed"] if last is None else last, "seed_mode": "fixed"}, data
        )

    def passed(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """What another tab hands over: part of a request, and a trigger word that joins the prompt."""
        told = dict(data[self._sheet.passed] or {})
        if not told:
            return {self._sheet.passed: None}
        word, values = told.pop("trigger_word", ""), self._form.values(data)
        if told.get("model", values["model"]) != values["model"]:
            values = self._form.taken(told["model"], values)
        values = self._form.partly(values, told)
        values["prompt"] = with_word(values["prompt"] or "", word)
        more: dict[Any, Any] = {self._sheet.passed: None}
        if told.get("loras"):
            more[self._form.loras.fold] = gr.update(open=True)
        if told.get("model"):
            language = as_language(data[self._sheet.language])
            more[self._on.examples] = gr.update(samples=samples(self._on.choices, told["model"], language))
        return {**self._filled(values, data), **more}

    def loras(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """What follows from a changed LoRA row."""
        return updates(
            self._form.loras.changes(self._form.values(data), as_language(data[self._sheet.language]))
        )

    def example(self, index: int, model: str, language: str) -> str:
        """The prompt of the example that was clicked."""
        words = samples(self._on.choices, model, as_language(language))
        return words[index][0] if 0 <= index < len(words) else ""

    def _begun(self, values: Mapping[str, Any], data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The form with its start picture, when that is still kept."""
        language = as_language(data[self._sheet.language])
        values, said = self._form.start.settled(values, language)
        return updates(self._form.changes(values, language), self._form.start.shown(values, language, said))

    def _filled(self, values: Mapping[str, Any], data: Mapping[Any, Any]) -> dict[Any, Any]:
        return updates(self._form.changes(values, as_language(data[self._sheet.language])))


def samples(choices: Choices, model: str, language: Language) -> list[list[str]]:
    """Prompts to click: the reader's language first, and at least one in the other."""
    card = choices.card(model) or choices.card(GenerateRequest().model)
    found = list(card.prompt_examples) if card else []
    other: Language = "en" if language == "zh" else "zh"
    words = [text.say(language) for text in found[: EXAMPLES - 2]] + [
        text.say(other) for text in found[EXAMPLES - 2 :]
    ]
    return [[prompt] for prompt in (words or [""])[:EXAMPLES]]


def with_word(prompt: str, word: str) -> str:
    """The prompt with a word at its end, unless it is in there already."""
    return prompt if word in prompt else ", ".join(part for part in (prompt.rstrip(" ,，"), word) if part)
