"""The form of the Generate tab: its controls by name, and the way from what they hold to a request and back."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.errors import StudioError, WrongType
from studio.requests import GenerateRequest
from studio.ui.changes import Changes, merged
from studio.ui.choices import Choices
from studio.ui.controls import Figure, Segments, control
from studio.ui.kept import is_like
from studio.ui.loras import LoraRows
from studio.ui.safe import helpline, plain
from studio.ui.sheet import Sheet
from studio.ui.start import NAMES, Start
from studio.words import Language, Text

_WHOLE_NUMBER = Text("a whole number", "整数")


class GenerateForm:
    """Draws the controls in the groups that the tab asks for, and knows them by the field they stand for."""

    def __init__(self, sheet: Sheet, choices: Choices) -> None:
        self._speech = sheet.speech
        self.choices = choices
        self.loras = LoraRows(self._speech, choices)
        self.start = Start(sheet, choices)
        self.controls: dict[str, Any] = {}

    # drawing

    def draw_prompt(self) -> None:
        """The prompt: the one control that everybody uses."""
        self._add("prompt", lines=3, max_lines=14, autofocus=True)

    def draw_negative(self) -> None:
        """What to leave out."""
        self._add("negative_prompt", lines=1, max_lines=8)

    def draw_model(self) -> None:
        """The model."""
        self._add("model", choices=self.choices.of("model", "en"), filterable=False, min_width=160)

    def draw_about(self) -> None:
        """One line on the model."""
        self.about = gr.Markdown(elem_classes="ink-help", elem_id="ink-model-about")

    def draw_size(self) -> None:
        """Aspect buttons, and the numbers they set."""
        sizes = self.choices.sizes(GenerateRequest().model)
        default = GenerateRequest()
        self.aspect = self._speech.put(
            Segments, {"label": "size.label"}, choices=sizes, value=_size(default.width, default.height),
            elem_classes="ink-segments", elem_id="ink-aspect",
        )  # fmt: skip
        with gr.Row():
            self._add("width", min_width=110)
            self._add("height", min_width=110)
        self._add("count")

    def draw_steps(self) -> None:
        """How long, and how closely."""
        self._add("steps")
        self._add("guidance")

    def draw_seed(self) -> None:
        """A new seed each time, or the one in the box."""
        modes = [(self._speech.key(f"seed.{mode}"), mode) for mode in ("random", "fixed")]
        with gr.Row(equal_height=True, elem_id="ink-seed-row"):
            self.controls["seed_mode"] = self._speech.put(
                Segments, {"label": "request.seed.label", "info": "request.seed.help"}, choices=modes, value="random",
                elem_classes="ink-segments", elem_id="ink-seed-mode", min_width=180,
            )  # fmt: skip
            self._speech.tell(self._seed_modes)
            told = GenerateRequest.settings()["seed"]
            self.controls["seed"] = self._speech.put(
                Figure, {"label": "seed.number"}, precision=0, step=told.step, interactive=False, elem_id="ink-seed",
                min_width=150,
            )  # fmt: skip
        self.reuse = self._speech.put(gr.Button, {"value": "seed.reuse"}, size="sm", elem_id="ink-seed-reuse")

    def _seed_modes(self, language: Language) -> Changes:
        modes = [(self._speech.say(language, f"seed.{mode}"), mode) for mode in ("random", "fixed")]
        return {self.controls["seed_mode"]: {"choices": modes}}

    def draw_styles(self) -> None:
        """Styles as pills."""
        offered = self.choices.styles("en", GenerateRequest().model)
        self._add("styles", choices=offered, elem_classes="ink-pills")

    def draw_sampling(self) -> None:
        """What most people never touch."""
        for name in ("sampler", "schedule", "precision", "memory"):
            self._add(name, choices=self.choices.of(name, "en"), filterable=False)

    def draw_loras(self) -> None:
        """The LoRA rows."""
        self.loras.draw()
        self.controls |= self.loras.controls()

    def draw_start(self) -> None:
        """A picture to begin with, and the larger second pass."""
        self.controls |= self.start.draw()

    def _add(self, name: str, **props: Any) -> None:
        self.controls[name] = control(self._speech, name, **props)
        if "choices" in props:
            made = self.controls[name]
            self._speech.tell(lambda language: {made: {"choices": self.choices.of(name, language)}})

    def wire(self) -> None:
        """Join the controls that set each other: aspect and numbers, and the seed with its mode."""
        held = self.controls
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        numbers = [held["width"], held["height"]]
        chosen = self.aspect.input(_numbers, [self.aspect], numbers, **quiet)
        self.after_aspect = chosen
        for number in numbers:
            number.input(self._matching, [held["model"], *numbers], [self.aspect], **quiet)
        held["seed_mode"].input(
            lambda mode: gr.update(interactive=mode == "fixed"), [held["seed_mode"]], [held["seed"]], **quiet
        )

    # from values to a request and back

    def values(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """What the controls hold, by name, out of what a handler was given by component."""
        return {name: data[made] for name, made in self.controls.items()}

    def request(self, values: Mapping[str, Any]) -> GenerateRequest:
        """The request that the values ask for; raises a RequestError that names the field."""
        fields = {name: values[name] for name in GenerateRequest.settings() if name in values}
        for name in ("prompt", "negative_prompt"):
            fields[name] = fields[name] or ""
        if values["seed_mode"] != "fixed":
            fields["seed"] = None
        elif fields["seed"] is None:
            raise WrongType(
                "seed", label=GenerateRequest.settings()["seed"].label, value="", wanted=_WHOLE_NUMBER
            )
        fields["styles"] = tuple(fields["styles"] or ())
        return GenerateRequest.from_dict({**fields, "loras": self.loras.uses(values)})

    def spread(self, request: GenerateRequest) -> dict[str, Any]:
        """The values that the controls hold for a request."""
        values = {name: value for name, value in request.to_dict().items() if name in self.controls}
        values["seed_mode"] = "random" if request.seed is None else "fixed"
        return {**values, **self.loras.values(request.loras)}

    def partly(self, values: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """The values with those of a partial request written over them; `told` has been checked."""
        filled = self.spread(GenerateRequest.from_dict(told))
        names = {name for name in told if name in self.controls}
        if "loras" in told:
            names |= set(self.loras.controls())
        if "seed" in told:
            names.add("seed_mode")
        return {**values, **{name: filled[name] for name in names}}

    def kept(self, saved: object) -> dict[str, Any]:
        """What a browser kept, as far as it is of the right sort; everything else as a new visitor finds it."""
        values = self.spread(GenerateRequest())
        found = saved if isinstance(saved, Mapping) else {}
        for name, default in values.items():
            if name in found and is_like(default, found[name], is_seed=name == "seed"):
                values[name] = found[name]
        return values

    def changes(self, values: Mapping[str, Any], language: Language) -> Changes:
        """What shows these values: the controls, and all that depends on them."""
        shown: Changes = {self.controls[name]: {"value": value} for name, value in values.items()}
        seed = {self.controls["seed"]: {"interactive": values["seed_mode"] == "fixed"}}
        model = self.model_changes(values, language)
        follows = (self.loras.changes(values, language), self.start.changes(values, language))
        return merged(shown, seed, self.size_changes(values), model, *follows)

    def _matching(self, model: str, width: Any, height: Any) -> Any:
        return gr.update(**self.size_changes({"model": model, "width": width, "height": height})[self.aspect])

    def size_changes(self, values: Mapping[str, Any]) -> Changes:
        """The aspect buttons for the model and the numbers."""
        offered = self.choices.sizes(values["model"])
        size = _size(values["width"], values["height"])
        return {
            self.aspect: {
                "choices": offered,
                "value": size if size in [value for _, value in offered] else None,
            }
        }

    def model_changes(self, values: Mapping[str, Any], language: Language) -> Changes:
        """The line on the model, and the styles that it knows."""
        styles = self.choices.styles(language, values["model"], values["styles"] or ())
        about = plain(self.choices.about(values["model"], language))
        return {self.about: {"value": about}, self.controls["styles"]: {"choices": styles}}

    def taken(self, model: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values after a model was chosen: its own defaults come with it; what the visitor wrote stays."""
        card = self.choices.card(model)
        defaults = dict(card.defaults) if card else {}
        if card and "width" not in defaults and card.sizes:
            defaults |= dict(zip(("width", "height"), card.sizes[0], strict=True))
        written = ("prompt", "negative_prompt", "seed", "loras", "styles", "count")
        known = {
            name: value for name, value in defaults.items() if name in self.controls and name not in written
        }
        styles = [name for _, name in self.choices.styles("en", model) if name in (values["styles"] or ())]
        return {**values, **known, "model": model, "styles": styles}

    # what went wrong, or is worth knowing, at the control it belongs to

    def hint(self, field: str | None, sentence: str, is_fault: bool) -> Changes:
        """A sentence in place of the control's help line."""
        mark = "ink-fault" if is_fault else "ink-notice"
        if field == "loras":
            return {self.loras.note: {"value": plain(sentence), "visible": True, "elem_classes": [mark]},
                    self.loras.fold: {"open": True}}  # fmt: skip
        made, start = self._hinted().get(field or ""), self.start.hint(field, sentence, is_fault)
        return start | (
            {made: {"info": helpline(sentence), "elem_classes": [*_lasting(made), mark]}} if made else {}
        )

    def calm(self, language: Language) -> Changes:
        """Every help line as it was."""
        told: Changes = {self.loras.note: {"value": "", "visible": False}, **self.start.calm()}
        for field, made in self._hinted().items():
            told[made] = {
                "info": self._speech.say(language, f"request.{field}.help"),
                "elem_classes": _lasting(made),
            }
        return told

    def _hinted(self) -> dict[str, Component]:
        lines = [name for name in GenerateRequest.settings() if name not in NAMES]
        fields = {name: made for name, made in self.controls.items() if name in lines}
        return {**fields, "seed": self.controls["seed_mode"]}


def field_of(error: StudioError) -> str | None:
    """The field that an error is shown at, if it has one of the form's."""
    return error.field if error.field in GenerateRequest.settings() else None


def _numbers(size: str | None) -> tuple[Any, Any]:
    width, _, height = (size or "").partition("x")
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else (gr.skip(), gr.skip())


def _size(width: object, height: object) -> str:
    return f"{width}x{height}"


def _lasting(made: Component) -> list[str]:
    classes: list[str] = list(made.elem_classes or [])
    return classes
