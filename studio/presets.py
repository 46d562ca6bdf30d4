"""Named partial requests and styles: TOML and JSON files in presets/, checked against the request's own lines."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import PresetBroken, StudioError, UnknownChoice, UnknownField
from studio.requests import GenerateRequest
from studio.settings import Settings
from studio.words import Language, Said, Text

PRESET = Text("Preset", "预设")
STYLE = Text("Style", "风格")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Preset:
    """A partial request with a name; `broken` says why a file can't be used, and then `values` is empty."""

    name: str
    title: Text
    values: dict[str, Any] = field(default_factory=dict)
    broken: Said | None = None


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
        presets: dict[str, Preset] = {}
        for file in sorted((self._dir / "generate").glob("*.toml")):
            try:
                presets[file.stem] = _read_preset(file)
            except StudioError as error:
                broken = Said(error.text, error.values)
                presets[file.stem] = Preset(file.stem, Text(file.stem, file.stem), broken=broken)
        return presets

    def preset(self, name: str) -> Preset:
        """One usable preset; raises UnknownChoice, UnknownField or PresetBroken."""
        files = {file.stem: file for file in sorted((self._dir / "generate").glob("*.toml"))}
        if name not in files:
            raise UnknownChoice(None, label=PRESET, value=name, known=", ".join(files) or "-")
        return _read_preset(files[name])

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


def _read_preset(file: Path) -> Preset:
    where = f"presets/generate/{file.name}"
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        title, values = Text(**told.pop("title")), told.pop("request")
        for key in told:
            raise UnknownField(key, where=where, key=key, known="title, request")
        GenerateRequest.from_dict(values, where=where)
    except UnknownField:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StudioError) as error:
        raise PresetBroken.because(where, error) from None
    return Preset(file.stem, title, values)


def _style(entry: dict[str, Any]) -> Style:
    def phrase(key: str) -> Text:
        told = entry.get(key, "")
        return Text(**told) if isinstance(told, dict) else Text(str(told), str(told))

    return Style(str(entry["name"]), Text(**entry["title"]), phrase("prompt"), phrase("negative_prompt"),
                 tuple(entry.get("models", ())))  # fmt: skip
