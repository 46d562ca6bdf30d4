"""Named partial requests and styles: TOML and JSON files in presets/, checked against the request's own lines."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import PresetBroken, StudioError, UnknownChoice, UnknownField
from studio.requests import GenerateRequest, Request
from studio.settings import Settings
from studio.train_request import TrainRequest
from studio.words import Language, Said, Text

PRESET = Text("Preset", "预设")
STYLE = Text("Style", "风格")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NEARLY = 1.1
"""A device sold as 8 GB shows a little less than that."""
_SECTIONS: dict[type[Request], set[str]] = {
    GenerateRequest: {"title", "request"},
    TrainRequest: {"title", "request", "memory"},
}


@dataclass(frozen=True)
class Preset:
    """A partial request with a name; `broken` says why a file can't be used, and then `values` is empty. `memory` is
    what to change for a device of so many GB."""

    name: str
    title: Text
    values: dict[str, Any] = field(default_factory=dict)
    memory: dict[int, dict[str, Any]] = field(default_factory=dict)
    broken: Said | None = None

    def for_memory(self, gb: float) -> dict[str, Any]:
        """The values for a device of that size: those of the largest entry that it reaches, or of the smallest one."""
        reached = [size for size in self.memory if size <= gb * _NEARLY] or [min(self.memory, default=0)]
        return self.values | self.memory.get(max(reached), {})


@dataclass(frozen=True)
class Style:
    """Phrases that are woven around a prompt, in the prompt's language; `models` are those it was made for, none
    meaning all."""

    name: str
    title: Text
    prompt: Text
    negative_prompt: Text = Text("", "")
    models: tuple[str, ...] = ()


class Presets:
    """The presets and styles of one installation; reads its files each time it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._dir = settings.presets_dir

    def generate(self) -> dict[str, Preset]:
        """Presets for pictures by name, the broken ones too."""
        return self._all("generate", GenerateRequest)

    def preset(self, name: str) -> Preset:
        """One usable preset for pictures; raises UnknownChoice, UnknownField or PresetBroken."""
        return self._one("generate", GenerateRequest, name)

    def train(self) -> dict[str, Preset]:
        """Presets for training by name, the broken ones too."""
        return self._all("train", TrainRequest)

    def train_preset(self, name: str) -> Preset:
        """One usable preset for training; raises UnknownChoice, UnknownField or PresetBroken."""
        return self._one("train", TrainRequest, name)

    def styles(self) -> dict[str, Style]:
        """Styles by name; raises PresetBroken when the file can't be read."""
        file = self._dir / "styles.json"
        if not file.is_file():
            return {}
        try:
            styles = [_style(entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise PresetBroken.because("presets/styles.json", error) from None
        return {style.name: style for style in styles}

    def _files(self, folder: str) -> dict[str, Path]:
        return {file.stem: file for file in sorted((self._dir / folder).glob("*.toml"))}

    def _all(self, folder: str, kind: type[Request]) -> dict[str, Preset]:
        presets: dict[str, Preset] = {}
        for name, file in self._files(folder).items():
            try:
                presets[name] = read_preset(file, kind)
            except StudioError as error:
                presets[name] = Preset(name, Text(name, name), broken=Said(error.text, error.values))
        return presets

    def _one(self, folder: str, kind: type[Request], name: str) -> Preset:
        files = self._files(folder)
        if name not in files:
            raise UnknownChoice(None, label=PRESET, value=name, known=", ".join(files) or "-")
        return read_preset(files[name], kind)


def weave(request: GenerateRequest, styles: Mapping[str, Style]) -> GenerateRequest:
    """The request with its styles written into both prompts and its list of styles empty; raises UnknownChoice.

    `{prompt}` in a style stands for the prompt so far; a style without it is appended after a comma."""
    language: Language = "zh" if _CHINESE.search(request.prompt) else "en"
    prompt, negative = request.prompt, request.negative_prompt
    for name in request.styles:
        if name not in styles:
            raise UnknownChoice("styles", label=STYLE, value=name, known=", ".join(styles) or "-")
        comma = "，" if language == "zh" else ", "
        prompt = _expand(styles[name].prompt.say(language), prompt, comma)
        negative = _expand(styles[name].negative_prompt.say(language), negative, comma)
    return request.with_(prompt=prompt, negative_prompt=negative, styles=())


def styles_for(model: str, styles: Mapping[str, Style]) -> dict[str, Style]:
    """The styles to offer with a model: its own if it has any, for then it knows no other words; else those that
    are marked for no model."""
    own = {name: style for name, style in styles.items() if model in style.models}
    return own or {name: style for name, style in styles.items() if not style.models}


def _expand(phrase: str, prompt: str, comma: str) -> str:
    if "{prompt}" not in phrase:
        return comma.join(part for part in (prompt, phrase) if part)
    woven = phrase.replace("{prompt}", prompt)
    return woven if prompt else woven.strip(",， ")


def read_preset(file: Path, kind: type[Request]) -> Preset:
    """The preset in a TOML file; raises UnknownField or PresetBroken, naming the file."""
    where = "/".join(file.parts[-3:])
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        title, values = Text(**told["title"]), told["request"]
        memory = {int(gb): told["memory"][gb] for gb in told.get("memory", {})}
        for key in told.keys() - _SECTIONS[kind]:
            raise UnknownField(key, where=where, key=key, known=", ".join(sorted(_SECTIONS[kind])))
        for changes in ({}, *memory.values()):
            kind.from_dict(values | changes, where=where)
    except UnknownField:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StudioError) as error:
        raise PresetBroken.because(where, error) from None
    return Preset(file.stem, title, values, memory)


def _style(entry: dict[str, Any]) -> Style:
    def phrase(key: str) -> Text:
        told = entry.get(key, "")
        return Text(**told) if isinstance(told, dict) else Text(str(told), str(told))

    return Style(str(entry["name"]), Text(**entry["title"]), phrase("prompt"), phrase("negative_prompt"),
                 tuple(entry.get("models", ())))  # fmt: skip
