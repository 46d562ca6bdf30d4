"""Command-line options made from a request's own field lines, so that neither can say what the other doesn't."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from studio.commands import told
from studio.errors import WrongType
from studio.requests import Request, Setting
from studio.words import Language, Text

Kind = TypeVar("Kind", bound=Request)

_ONE_BY_ONE = {
    "loras": "--lora",
    "styles": "--style",
    "sample_prompts": "--sample-prompt",
    "prior_prompts": "--prior-prompt",
    "variations": "--variation",
}
"""Fields that hold a list, and the option that adds one entry."""
_FORMS = {
    "loras": Text("NAME:0.8", "名称:0.8"),
    "styles": Text("NAME", "名称"),
    "sample_prompts": Text("PROMPT", "提示词"),
    "prior_prompts": Text("PROMPT", "提示词"),
    "variations": Text("NAME", "名称"),
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_WANTED = {
    int: Text("a whole number", "整数"),
    float: Text("a number", "数字"),
    bool: Text("true or false", "true 或 false"),
}


def add_options(
    parser: argparse.ArgumentParser,
    kind: type[Request],
    language: Language,
    choices: Mapping[str, Sequence[str]],
    positional: str | None = None,
    leave_out: Collection[str] = (),
) -> None:
    """An option for every field of a request, with its help, range and, where they are known, its choices. Options
    that are not given leave no trace. They are understood as the field is spelt, too; a yes-or-no option may stand
    alone."""
    hints = get_type_hints(kind)
    for name, setting in kind.settings().items():
        if name in leave_out:
            continue
        words: dict[str, Any] = {"default": argparse.SUPPRESS, "metavar": setting.label.say(language)}
        if name in _ONE_BY_ONE:
            words |= {"action": "append", "metavar": _FORMS[name].say(language)}
        if hints[name] is bool:
            words |= {"nargs": "?", "const": _TRUE[0], "metavar": "|".join((_TRUE[0], _FALSE[0]))}
        help = _help(kind, name, setting, language, choices.get(name, setting.choices))
        if name == positional:
            parser.add_argument(name, nargs="?", help=help, **words)
            continue
        parser.add_argument(option(name), dest=name, help=help, **words)
        for spelling in {f"--{name}", f"--{name.replace('_', '-')}"} - {option(name)}:
            parser.add_argument(spelling, dest=name, help=argparse.SUPPRESS, **words)


def values(kind: type[Request], given: argparse.Namespace) -> dict[str, Any]:
    """The fields that were given, as plain values; raises WrongType for a word that is no number."""
    told_fields = {name: text for name, text in vars(given).items() if name in kind.settings()}
    return {name: _value(kind, name, text) for name, text in told_fields.items()}


def option(name: str) -> str:
    """The option of a field."""
    return _ONE_BY_ONE.get(name, f"--{name.replace('_', '-')}")


def _value(kind: type[Request], name: str, text: Any) -> Any:
    hint = get_type_hints(kind)[name]
    if hint is bool:
        return _boolean(kind, name, text)
    number = next((n for n in (int, float) if hint == n or hint == n | None), None)
    if number is None:
        return text
    if text in ("none", "random") and hint != number:
        return None
    try:
        return number(text)
    except ValueError:
        wanted = _WANTED[number]
        raise WrongType(name, label=kind.settings()[name].label, value=text, wanted=wanted) from None


def _boolean(kind: type[Request], name: str, text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise WrongType(name, label=kind.settings()[name].label, value=text, wanted=_WANTED[bool])
    return text.lower() in _TRUE


def _help(
    kind: type[Request], name: str, setting: Setting, language: Language, choices: Sequence[str]
) -> str:
    notes = [", ".join(choices)] if choices else []
    if setting.low is not None and setting.high is not None:
        notes.append(f"{setting.low:.15g}–{setting.high:.15g}")
    default = getattr(kind(), name)
    if isinstance(default, bool):
        default = _TRUE[0] if default else _FALSE[0]
    if default not in ("", None, ()):
        notes.append(Text("default {value}", "默认 {value}").say(language, value=default))
    words = setting.help
    if notes:
        words = Text(f"{words.en} ({'; '.join(notes)})", f"{words.zh}（{'；'.join(notes)}）")
    return told(language, words.en, words.zh)
