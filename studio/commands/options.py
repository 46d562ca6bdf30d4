"""Command-line options made from a request's own field lines, so that neither can say what the other doesn't."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from studio.commands import told
from studio.errors import WrongType
from studio.requests import Request, Setting
from studio.words import Language, Text

Kind = TypeVar("Kind", bound=Request)

_ONE_BY_ONE = {"loras": "--lora", "styles": "--style"}
"""Fields that hold a list, and the option that adds one entry."""
_FORMS = {"loras": Text("NAME:0.8", "名称:0.8"), "styles": Text("NAME", "名称")}
_WANTED = {int: Text("a whole number", "整数"), float: Text("a number", "数字")}


def add_options(
    parser: argparse.ArgumentParser,
    kind: type[Request],
    language: Language,
    choices: Mapping[str, Sequence[str]],
    positional: str | None = None,
) -> None:
    """An option for every field of a request, with its help, range and, where they are known, its choices. Options
    that are not given leave no trace."""
    for name, setting in kind.settings().items():
        words: dict[str, Any] = {"help": _help(kind, name, setting, language, choices.get(name, ()))}
        words["default"] = argparse.SUPPRESS
        if name == positional:
            parser.add_argument(name, nargs="?", metavar=setting.label.say(language), **words)
        elif name in _ONE_BY_ONE:
            form = _FORMS[name].say(language)
            parser.add_argument(_ONE_BY_ONE[name], dest=name, action="append", metavar=form, **words)
        else:
            parser.add_argument(option(name), dest=name, metavar=setting.label.say(language), **words)


def values(kind: type[Request], given: argparse.Namespace) -> dict[str, Any]:
    """The fields that were given, as plain values; raises WrongType for a word that is no number."""
    told_fields = {name: text for name, text in vars(given).items() if name in kind.settings()}
    return {name: _value(kind, name, text) for name, text in told_fields.items()}


def option(name: str) -> str:
    """The option of a field."""
    return _ONE_BY_ONE.get(name, f"--{name.replace('_', '-')}")


def _value(kind: type[Request], name: str, text: Any) -> Any:
    hint = get_type_hints(kind)[name]
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


def _help(
    kind: type[Request], name: str, setting: Setting, language: Language, choices: Sequence[str]
) -> str:
    notes = [", ".join(choices)] if choices else []
    if setting.low is not None and setting.high is not None:
        notes.append(f"{setting.low:.15g}–{setting.high:.15g}")
    default = getattr(kind(), name)
    if default not in ("", None, ()):
        notes.append(Text("default {value}", "默认 {value}").say(language, value=default))
    words = setting.help
    if notes:
        words = Text(f"{words.en} ({'; '.join(notes)})", f"{words.zh}（{'；'.join(notes)}）")
    return told(language, words.en, words.zh)
