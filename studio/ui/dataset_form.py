"""A form of the Dataset tab: controls made from the field lines of one request, and the way to a request and back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.requests import Request
from studio.ui.changes import Changes
from studio.ui.controls import control
from studio.ui.safe import helpline
from studio.ui.speech import REQUESTS, Speech
from studio.words import Language

Pairs = list[tuple[str, str]]
Offer = Callable[[Language], Pairs]


class RequestForm:
    """The controls of a request (as the word list calls it), by field."""

    def __init__(self, speech: Speech, of: str, is_stripped: bool = True) -> None:
        self._speech, self._of, self._is_stripped = speech, of, is_stripped
        self.kind: type[Request] = REQUESTS[of]
        self.controls: dict[str, Any] = {}

    # drawing

    def row(self, *names: str, **props: Any) -> None:
        """Several controls side by side."""
        with gr.Row():
            for name in names:
                self.add(name, min_width=140, **props)

    def add(self, name: str, offer: Offer | None = None, **props: Any) -> Any:
        """One control; `offer` gives the choices of a list whose words depend on the language."""
        told = self.kind.settings()[name]
        if offer is None and told.choices:
            offer = self._named(told.choices)
        if offer is not None:
            is_several = isinstance(getattr(self.kind(), name), tuple)
            props = {"choices": offer("en"), **({} if is_several else {"filterable": False}), **props}
        made = control(self._speech, name, self._of, **props)
        if "{" in told.help.en:  # gradio's I18n would read it as a command
            made.info = told.help.en
            self._speech.tell(lambda language: {made: {"info": told.help.say(language)}})
        if offer is not None:
            self._speech.tell(lambda language: {made: {"choices": offer(language)}})
        self.controls[name] = made
        return made

    def _named(self, choices: Iterable[str]) -> Offer:
        """Choices by names that a reader knows."""
        return lambda language: [
            (self._speech.say(language, f"dataset.choice.{choice}"), choice) for choice in choices
        ]

    # from values to a request and back

    def values(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """What the controls hold, by name."""
        return {name: data[made] for name, made in self.controls.items()}

    def request(self, data: Mapping[Any, Any], **fixed: Any) -> Any:
        """The request that the controls ask for, with what is `fixed`; a box left empty means its default. Raises a
        StudioError that names the field."""
        default = self.kind().to_dict()
        told: dict[str, Any] = {}
        for name, value in self.values(data).items():
            if isinstance(default[name], str):
                told[name] = str(value or "").strip() if self._is_stripped else str(value or "")
            else:
                told[name] = default[name] if value is None else value
        return self.kind.from_dict({**told, **fixed})

    def changes(self, request: Request) -> Changes:
        """What shows a request."""
        told = request.to_dict()
        return {made: {"value": told[name]} for name, made in self.controls.items()}

    # what went wrong

    def hint(self, error: StudioError, language: Language) -> Changes:
        """An error in place of its control's help line; nothing when it belongs to none."""
        made = self.controls.get(error.field or "")
        return (
            {made: {"info": helpline(error.say(language)), "elem_classes": ["ink-fault"]}}
            if made is not None
            else {}
        )

    def calm(self, language: Language) -> Changes:
        """Every help line as it was."""
        return {
            made: {"info": self._speech.say(language, f"{self._of}.{name}.help"), "elem_classes": []}
            for name, made in self.controls.items()
        }
