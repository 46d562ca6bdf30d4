"""Which words stand where: the two word lists, and every component that carries some of them.

The first paint is right already: components are made with gradio's own I18n keys, and a script that runs before
gradio (assets/first.js) settles the language. When the visitor switches, the server's list is sent to every component
(`Speech.changes`). I18n alone was not enough: it reaches neither toasts nor handlers' answers, and its choice is
forgotten on reload. The words of a request's fields come from the request itself, under "request.<field>.label", for
training under "training.<field>.label", and so on (`REQUESTS`)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import gradio as gr
from gradio.components import Component

from studio.dataset_requests import (
    AugmentRequest,
    CaptionRequest,
    CheckRequest,
    ExportRequest,
    ImportRequest,
    Need,
    SplitRequest,
    Wording,
)
from studio.requests import GenerateRequest, Request
from studio.train_request import TrainRequest
from studio.ui.changes import Changes, merged
from studio.ui.safe import helpline
from studio.words import Language, Text

LANGUAGES: tuple[Language, ...] = get_args(Language)
REQUESTS: dict[str, type[Request]] = {
    "request": GenerateRequest, "training": TrainRequest, "need": Need, "importing": ImportRequest,
    "checking": CheckRequest, "splitting": SplitRequest, "augmenting": AugmentRequest, "captioning": CaptionRequest,
    "exporting": ExportRequest, "wording": Wording,
}  # fmt: skip
"""What the words of fields begin with, for each request."""
_FOLDER = Path(__file__).parent / "locales"
_Made = TypeVar("_Made")


def load_words() -> dict[Language, dict[str, str]]:
    """Every line of the page in each language, by key."""
    return {language: _lines(language) for language in LANGUAGES}


def _lines(language: Language) -> dict[str, str]:
    lines: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    for kind, request in REQUESTS.items():
        for name, told in request.settings().items():
            lines[f"{kind}.{name}.label"] = told.label.say(language)
            lines[f"{kind}.{name}.help"] = helpline(told.help.say(language))
    return lines


def as_language(value: object) -> Language:
    """What a language control holds, as a language; English when it is none of ours."""
    return next((language for language in LANGUAGES if language == value), "en")


class Speech:
    """The words, and who carries them."""

    def __init__(self) -> None:
        self._words = load_words()
        self._i18n = gr.I18n(**self._words)
        self._carriers: list[tuple[Component, dict[str, str]]] = []
        self._tellers: list[Callable[[Language], Changes]] = []

    def say(self, language: Language, key: str, /, **values: object) -> str:
        """One line in one language; values that are a Text are told in it too."""
        words = Text(self._words["en"][key], self._words["zh"][key])
        return words.say(language, **values)

    def text(self, key: str) -> Text:
        """One line in both languages."""
        return Text(self._words["en"][key], self._words["zh"][key])

    def key(self, key: str) -> Any:
        """One line as gradio's I18n, for the first paint."""
        if key not in self._words["en"]:
            raise KeyError(f"no words for '{key}' in locales/en.json")
        return self._i18n(key)

    def put(self, kind: Callable[..., _Made], words: dict[str, str], /, **props: Any) -> _Made:
        """A component whose `words` (property to key) follow the language."""
        made = kind(**{prop: self.key(key) for prop, key in words.items()}, **props)
        self._carriers.append((cast(Component, made), words))
        return made

    def tell(self, teller: Callable[[Language], Changes]) -> None:
        """Have `teller` asked for further updates (choices, for example) whenever the language changes."""
        self._tellers.append(teller)

    @property
    def carriers(self) -> list[Component]:
        """Every component whose words change with the language."""
        return list(self.changes("en"))

    def changes(self, language: Language) -> Changes:
        """What brings every carrier into `language`."""
        carried = [
            {made: {prop: self.say(language, key) for prop, key in words.items()}}
            for made, words in self._carriers
        ]
        return merged(*carried, self.told(language))

    def told(self, language: Language) -> Changes:
        """What the tellers have to say: the part that the first paint could not know."""
        return merged(*(teller(language) for teller in self._tellers))
