"""Coming in and changing the language: the page as this visitor left it, in this visitor's words."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from studio.ui.chain_cards import Chain
from studio.ui.changes import Changes, merged, updates
from studio.ui.easel import Easel
from studio.ui.filling import samples
from studio.ui.pictures import shown
from studio.ui.safe import helpline
from studio.ui.sheet import Sheet, visitor_of
from studio.ui.speech import as_language
from studio.ui.surface import Surface
from studio.words import Language

STORAGE_KEY = "inkstone.form.1"
STORAGE_SECRET = "inkstone"
"""Constant, or a restart would forget what every browser kept. It is no secret: it travels with the page."""

OPENED = "() => { window.inkstone.isOpen = true; }"
SETTLE = "(kept, language) => [kept, window.inkstone.language]"
REMEMBER = "(language) => window.inkstone.remember(language)"


def keep_script(names: list[str]) -> str:
    """The script that keeps what the controls hold in the browser, without asking the server. Until the page has been
    opened it leaves what is kept alone: text boxes tell of a change also when the kept words are put into them."""
    held = f"Object.fromEntries({names!r}.map((name, place) => [name, held[place]]))"
    return f"(kept, ...held) => window.inkstone.isOpen ? {held} : kept"


class Opening:
    """The handlers for a page that has just been opened or is to speak another language."""

    def __init__(self, sheet: Sheet, surface: Surface) -> None:
        self._sheet = sheet
        self._on = surface

    def open(self, kept: Any, language: str) -> dict[Any, Any]:
        """The form as the browser kept it, the history, and every word that the first paint could not know."""
        spoken = as_language(language)
        values, said = self._on.form.start.settled(self._on.form.kept(kept), spoken)
        if self._on.choices.card(values["model"]) is None:
            values["model"] = next((card.name for card in self._sheet.studio.shelf.models()), values["model"])
        if not kept:
            values = self._on.form.taken(values["model"], values)
        start = self._on.form.start.shown(values, spoken, said)
        form = merged(self._on.form.changes(values, spoken), start)
        for name in ("prompt", "negative_prompt"):  # somebody may be typing already
            if not values[name]:
                del form[self._on.form.controls[name]]["value"]
        return {
            **updates(self._sheet.speech.told(spoken), self._told(values, spoken), form),
            **self._on.past.updates("", [], [], spoken),
            self._sheet.language: spoken,
            self._on.easel: Easel().html(self._sheet.speech, spoken),
            self._on.chain: Chain().html(self._sheet.speech, spoken),
        }

    def speak(self, data: Mapping[Any, Any], asked: gr.Request) -> dict[Any, Any]:
        """The whole page in the language that was chosen; a run under way goes on in it."""
        spoken = as_language(data[self._sheet.language])
        self._sheet.visitors.speak(visitor_of(asked), spoken)
        on, speech = self._on, self._sheet.speech
        values = on.form.values(data)
        words = updates(
            on.form.calm(spoken), on.form.loras.changes(values, spoken), speech.changes(spoken),
            on.form.start.changes(values, spoken), self._told(values, spoken),
        )  # fmt: skip
        easel, chain = data[on.scene]
        words |= {on.easel: easel.html(speech, spoken), on.chain: chain.html(speech, spoken)}
        entry = on.past.entry(data[on.hand.holds])
        words |= {on.hand.facts: on.hand.table(entry, spoken)} if entry else {}
        return words | self._captions(data[on.shown], data[on.hand.holds], spoken)

    @property
    def needs(self) -> set[Any]:
        """What `speak` has to be given."""
        on = self._on
        return {*on.form.controls.values(), self._sheet.language, on.scene, on.shown, on.hand.holds}

    def _captions(self, ids: list[str], held: str | None, language: Language) -> dict[Any, Any]:
        entries = [entry for entry in map(self._on.past.entry, ids) if entry]
        if not entries:
            return {}
        place = ids.index(held) if held in ids else 0
        return {
            self._on.gallery: gr.update(
                value=shown(entries, self._sheet.speech, language), selected_index=place
            )
        }

    def _told(self, values: Mapping[str, Any], language: Language) -> Changes:
        """Lists that depend on model and language, and what is broken in the house, at the list that is short of it."""
        on = self._on
        told: Changes = {
            on.presets: {"choices": on.choices.presets(language)},
            on.examples: {"samples": samples(on.choices, values["model"], language)},
        }
        for name, sentence in on.choices.troubles(language).items():
            here = on.form.hint(name, sentence, is_fault=True)
            here = here or {on.presets: {"info": helpline(sentence), "elem_classes": ["ink-fault"]}}
            told = merged(told, here)
        return merged(told, on.form.model_changes(values, language))
