"""`python -m studio recipe`: what a picture, workflow or text was made with, and the same as other programs write it."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.commands import Command, told
from studio.commands.parser import CommandLineError
from studio.disk import write_atomically
from studio.exchange import a1111, inkstone
from studio.exchange.comfy.shelved import workflow
from studio.exchange.comfy.writing import targets
from studio.exchange.files import read_file
from studio.exchange.on_shelf import on_shelf
from studio.exchange.picture import Recalled
from studio.letters import visible
from studio.presets import Presets
from studio.requests import GenerateRequest, LoraUse
from studio.settings import Settings
from studio.shelf import Shelf
from studio.words import Language, Said, Text

FORMS = ("comfyui-api", "comfyui-ui", "a1111", "inkstone")
COMFY = FORMS[:2]
_TEXTS = {"a1111": a1111.FORMAT, "inkstone": inkstone.FORMAT}

FROM = Text("{file} ({format})", "{file}（{format}）")
MAPPED = Text("Where each value came from", "各参数的来源")
APPROXIMATED = Text("Only near", "近似")
LEFT_OUT = Text("Left out", "未采用")
NO_NODES_THERE = Text(
    "--nodes goes with --to comfyui-api or comfyui-ui", "--nodes 只能与 --to comfyui-api 或 comfyui-ui 同用"
)


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    parser.add_argument("file", metavar=told(say, "FILE", "文件"), help=told(
        say, "A picture with settings inside, a ComfyUI workflow (.json), or copied settings (.txt).",
        "带参数的图片、ComfyUI 工作流（.json），或复制出来的参数文字（.txt）。"))  # fmt: skip
    parser.add_argument("--to", choices=FORMS, help=told(
        say, "Write the recipe in this form instead of telling it.", "把参数写成这种格式，而不是列出来。"))  # fmt: skip
    parser.add_argument("--nodes", choices=list(targets()), help=told(
        say, "The set of ComfyUI nodes to write for; by default the usual one of the model's family.",
        "为哪一组 ComfyUI 节点而写；默认按模型系列选择。"))  # fmt: skip
    parser.add_argument("--out", metavar=told(say, "FILE", "文件"), help=told(
        say, "File to write, replaced if it exists; without it the recipe is printed.",
        "写入的文件，已存在则覆盖；不填则直接打印。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    if given.nodes and given.to not in COMFY:
        raise CommandLineError(None, message=Said(NO_NODES_THERE, {}))
    shelf = Shelf(settings)
    recalled = on_shelf(read_file(given.file), shelf.models(), shelf.loras())
    say = settings.language
    if given.to is None:
        text = "\n".join(map(visible, _lines(Path(given.file).name, recalled, say)))
        notes: list[str] = []
    else:
        text, notes = _in_form(recalled, given.to, given.nodes, settings)
    if given.out:
        write_atomically(Path(given.out), text.encode("utf-8", "replace") + b"\n")
    else:
        print(text)
    for note in notes:
        print(visible(note), file=sys.stderr)
    return 0


def _in_form(recalled: Recalled, form: str, nodes: str | None, settings: Settings) -> tuple[str, list[str]]:
    """The recipe in another program's form, and what in it isn't the same."""
    request = recalled.request
    before = [note.say(settings.language) for note in (*recalled.approximated, *recalled.notices)]
    if form in _TEXTS and (write := _TEXTS[form].write):
        return "\n".join(write(request, recalled.facts).values()), before
    written = workflow(request, Shelf(settings), Presets(settings), nodes, settings.language)
    value = written.api if form == COMFY[0] else written.page
    after = [note.say(settings.language) for note in (*written.approximated, *written.left_out)]
    return json.dumps(value, indent=2), [*before, *after]


def _lines(name: str, recalled: Recalled, say: Language) -> Iterator[str]:
    """The fields that the file tells, by their names on the page, and what became of everything else."""
    yield FROM.say(say, file=name, format=recalled.format)
    for field, setting in GenerateRequest.settings().items():
        if field in recalled.fields:
            yield f"  {setting.label.say(say)}: {_value(getattr(recalled.request, field))}"
    lists = ((MAPPED, recalled.mapped), (APPROXIMATED, recalled.approximated), (LEFT_OUT, recalled.notices))
    for heading, said in lists:
        yield from _listed(heading, said, say)


def _listed(heading: Text, said: Sequence[Said], say: Language) -> Iterator[str]:
    if said:
        yield heading.say(say)
        yield from (f"  {item.say(say)}" for item in said)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_value, value)) or "-"
    if isinstance(value, LoraUse):
        return f"{value.name} × {value.weight:g}"
    return f"{value:g}" if isinstance(value, float) else "-" if value in (None, "") else str(value)


COMMAND = Command(
    Text(
        "Tell what a picture or workflow was made with, or write it for ComfyUI.",
        "列出图片或工作流的生成参数，或转写成 ComfyUI 工作流。",
    ),
    _add_options,
    _run,
)
