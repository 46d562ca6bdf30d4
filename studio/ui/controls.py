"""Components made from a request's field lines: label, help and range come from the same line that checks them.

gradio's own checks of ranges and choices are switched off: they speak English only, away from the control, and the
request checks the same line in both languages anyway."""

import types
from abc import ABCMeta
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.components import Component
from gradio.data_classes import ImageData
from gradio.exceptions import InvalidPathError
from gradio.utils import get_upload_folder

from studio.requests import Request, Setting
from studio.ui.speech import REQUESTS, Speech

SLIDER_SPAN = 200
"""A range up to this wide is a slider; a wider one is a number box."""


_PREFIXES = {"request": "ink", "training": "ink-train"}
FINE_STEP = 1e-5
"""How far the arrows of a box move a number that has no step of its own."""


class _Unwritten(ComponentMeta):
    """gradio writes a .pyi file beside every module that derives a component; not beside ours."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attrs)


class Knob(gr.Slider, metaclass=_Unwritten):
    """A slider whose range is checked by the request."""

    is_template = True

    def preprocess(self, payload: float) -> float:
        """The value as it is; whole numbers as int."""
        return cast(float, whole(payload))


class Figure(gr.Number, metaclass=_Unwritten):
    """A number box whose range is checked by the request."""

    is_template = True

    def preprocess(self, payload: float | None) -> float | int | None:
        """The value as it is; whole numbers as int."""
        return cast(float, whole(payload))


class Choice(gr.Dropdown, metaclass=_Unwritten):
    """A list whose choice is checked by the request and by the shelf."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The value as it is."""
        return payload


class Pills(gr.CheckboxGroup, metaclass=_Unwritten):
    """Several of a few, checked by the request."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The values as they are."""
        return payload


class Segments(gr.Radio, metaclass=_Unwritten):
    """One of a few, side by side, checked by the request."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The value as it is."""
        return payload


class StartPicture(gr.Image, metaclass=_Unwritten):
    """A place for a picture, which the studio's own reader opens: gradio's tells of a bad one in English and with a path."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The file that was uploaded. Raises InvalidPathError for any other: gradio lets a picture's path pass unseen
        where the caller leaves the mark of a file out."""
        if payload is None or payload.path is None:
            return None
        file = Path(payload.path).resolve()
        if not file.is_relative_to(Path(get_upload_folder()).resolve()):
            raise InvalidPathError("the file was not uploaded")
        return str(file)


def whole(value: object) -> object:
    """A float without fraction as int; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def control(speech: Speech, name: str, of: str = "request", **props: Any) -> Component:
    """The control of a request's field, by what its line says: text, number, yes or no, or a choice when there are
    `choices`. `of` is the request, as the word list calls it."""
    request = REQUESTS[of]
    told = request.settings()[name]
    words = {"label": f"{of}.{name}.label", "info": f"{of}.{name}.help"}
    prefix = _PREFIXES.get(of, f"ink-{of}")
    if told.choices:
        props = {"choices": [(choice, choice) for choice in told.choices], "filterable": False, **props}
    props = {"value": _default(request, name), "elem_id": f"{prefix}-{name.replace('_', '-')}", **props}
    return speech.put(_kind(request, name, told, props), words, **props)


def _kind(request: type[Request], name: str, told: Setting, props: dict[str, Any]) -> type[Component]:
    hint = get_type_hints(request)[name]
    kinds = get_args(hint) if get_origin(hint) is types.UnionType else (hint,)
    if "choices" in props:
        return Pills if get_origin(kinds[0]) is tuple else Choice
    if bool in kinds:
        return gr.Checkbox
    if not {int, float} & {*kinds}:
        return gr.Textbox
    span = (told.high or 0) - (told.low or 0)
    if span > SLIDER_SPAN or told.step is None:
        props |= {"precision": 0} if int in kinds else {}
        props["step"] = told.step or FINE_STEP
        return Figure
    props |= {"minimum": told.low, "maximum": told.high, "step": told.step, "buttons": []}
    return Knob


def _default(request: type[Request], name: str) -> Any:
    value = getattr(request(), name)
    return list(value) if isinstance(value, tuple) else value
