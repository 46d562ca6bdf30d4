"""Every word in both languages, every word used, and no word outside the lists."""

import ast
import json
import re
import string
from functools import cache
from pathlib import Path

import pytest

from studio.settings import ROOT
from studio.ui.speech import LANGUAGES, Speech, as_language, load_words

UI = ROOT / "studio" / "ui"
LISTS = {
    language: json.loads((UI / "locales" / f"{language}.json").read_text("utf-8")) for language in LANGUAGES
}
FILES = sorted(UI.rglob("*.py"))
SHOWN = ("label", "info", "placeholder", "value", "title", "choices", "message")
"""Arguments whose strings a visitor reads."""


def placeholders(line: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(line)} - {None}


@cache
def literals(file: Path) -> list[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@cache
def patterns(file: Path) -> list[str]:
    """f-strings that build keys, as regular expressions: f"chain.{name}.help" becomes chain\\..+\\.help."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [
                re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in node.values
            ]
            found.append("".join(parts))
    return found


def test_both_lists_have_the_same_keys():
    assert LISTS["en"].keys() == LISTS["zh"].keys()


def test_lines_are_filled_and_hold_the_same_placeholders():
    empty = [key for lines in LISTS.values() for key, line in lines.items() if not line.strip()]
    assert not empty
    other = [key for key, line in LISTS["en"].items() if placeholders(line) != placeholders(LISTS["zh"][key])]
    assert not other


def test_chinese_lines_use_chinese_punctuation():
    mixed = re.compile(r"[一-鿿][,;:?!]|[,;:?!][一-鿿]")
    assert not [line for line in LISTS["zh"].values() if mixed.search(line)]


def test_every_line_is_used():
    words = {word for file in FILES for word in literals(file)}
    shapes = {shape for file in FILES for shape in patterns(file) if shape.count("\\.") and shape != ".+"}
    any_shape = re.compile("|".join(shapes))
    unsaid = [key for key in LISTS["en"] if key not in words and not any_shape.fullmatch(key)]
    assert not unsaid, "nobody says these"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_components_get_their_words_from_the_lists(file):
    known = load_words()["en"]
    for call in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        if name.endswith((".put", "self.put")):
            words = call.args[1]
            assert isinstance(words, ast.Dict | ast.Name), f"{file.name}: {ast.unparse(words)}"
            for value in words.values if isinstance(words, ast.Dict) else []:
                if isinstance(value, ast.Constant):
                    assert value.value in known, f"{file.name}: no line '{value.value}'"
        if name.startswith("gr.") and name not in ("gr.update", "gr.State", "gr.Blocks", "gr.Error"):
            spoken = [k for k in call.keywords if k.arg in SHOWN and isinstance(k.value, ast.Constant)]
            spoken = [
                k
                for k in spoken
                if isinstance(k.value.value, str) and re.search(r"[^\W\d_]{2}", k.value.value)
            ]
            spoken = [k for k in spoken if k.value.value not in ("random", "fixed", "en")]
            assert not spoken, f"{file.name}: {ast.unparse(call)}"
        if name in ("gr.Warning", "gr.Info", "gr.Error"):
            assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), (
                f"{file.name}: {ast.unparse(call)}"
            )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_code_holds_no_chinese_but_names_and_paired_texts(file):
    tree = ast.parse(file.read_text("utf-8"))
    paired = {
        id(arg)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Text", "told")
        for arg in ast.walk(call)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in paired:
            assert not re.search(r"[一-鿿]", node.value.replace("中文", "")), node.value


def test_first_paint_lines_are_plain_for_gradios_formatter():
    """gradio's I18n reads `{` and `<` as commands: lines that are painted by it hold neither."""
    for file in FILES:
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(call, ast.Call)
                and ast.unparse(call.func).endswith(".put")
                and isinstance(call.args[1], ast.Dict)
            ):
                for value in call.args[1].values:
                    if isinstance(value, ast.Constant) and value.value in LISTS["en"]:
                        assert not any(set("{<") & set(lines[value.value]) for lines in LISTS.values()), (
                            value.value
                        )


def test_a_missing_line_is_noticed_when_the_page_is_drawn():
    with pytest.raises(KeyError, match="no words for 'nowhere'"):
        Speech().key("nowhere")


@pytest.mark.parametrize(
    ("held", "language"), [("zh", "zh"), ("en", "en"), (None, "en"), ("<b>", "en"), (7, "en")]
)
def test_only_two_languages_come_out_of_the_switch(held, language):
    assert as_language(held) == language


def test_updates_reach_every_carrier(desk):
    speech, button = desk.sheet.speech, desk.on.generate
    speech.tell(lambda language: {button: {"variant": language}})
    told = speech.changes("zh")
    assert told[button] == {"value": "生成", "variant": "zh"}
    assert set(told) == set(speech.carriers)
