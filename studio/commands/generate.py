"""`python -m studio generate`: pictures without the page."""

import argparse
import errno
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.batch import pictures
from studio.commands import Command, options, told
from studio.commands.parser import CommandLineError
from studio.commands.progress import ProgressLine
from studio.disk import check_writable, reason_of, write_atomically
from studio.engine.events import Event, Finished, Notice
from studio.engine.host import InlineEngine
from studio.errors import StudioError
from studio.exchange.picture import read_settings
from studio.history import Entry, History
from studio.presets import Presets
from studio.requests import GenerateRequest
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES
from studio.settings import Settings
from studio.shelf import Shelf
from studio.starts import Starts
from studio.studio import Saved, Studio, Waiting
from studio.words import Said, Text

_PNG_ONLY = Text("--out must end in .png, not '{ending}'", "--out 应以 .png 结尾，而不是“{ending}”")


class NameRefused(StudioError):
    """A file name that the system doesn't take."""

    text = Text(
        "--out {file} can't be written ({reason}). Choose another name.",
        "无法写入 --out {file}（{reason}）。请换一个文件名。",
    )


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    presets = Presets(settings)
    choices = {
        "model": [card.name for card in Shelf(settings).models()],
        "sampler": list(SAMPLERS),
        "schedule": list(SCHEDULES),
    }
    options.add_options(parser, GenerateRequest, say, choices, positional="prompt")
    known = ", ".join(presets.generate())
    parser.add_argument("--preset", metavar=told(say, "NAME", "名称"), help=told(
        say, f"Start from a preset ({known}).", f"从预设开始（{known}）。"))  # fmt: skip
    parser.add_argument("--out", metavar=told(say, "FILE", "文件"), help=told(
        say, "PNG file to write, replaced if it exists; several pictures get -1, -2, … before the ending. The history "
        "keeps each picture too.", "写入的 PNG 文件，已存在则覆盖；多张图片会加上 -1、-2……。历史记录里也会保存。"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=told(
        say, "Print one JSON object instead of file names.", "输出一个 JSON 对象，而不是文件名。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    request = _request(given, settings)
    out = _out_files(given.out, pictures(request))
    if out:
        check_writable(out[0].parent)
        _check_names(out)
    line = ProgressLine(settings.language)
    made: list[dict[str, Any]] = []
    notices: list[str] = []
    finished: Finished | None = None
    for event in _pictures(request, settings):
        line.show(event)
        if isinstance(event, Notice):
            notices.append(event.said.say(settings.language))
        elif isinstance(event, Finished):
            finished = event
        elif isinstance(event, Saved):
            line.clear()
            file = _copy(event.entry, out[len(made)]) if out else event.entry.file
            made.append(_told(event.entry, file))
            if not given.json:
                print(file, flush=True)
    line.clear()
    if given.json:
        whole = {"seconds": finished.seconds, "peak_bytes": finished.peak_bytes} if finished else {}
        json.dump({"pictures": made, "notices": notices, **whole}, sys.stdout, ensure_ascii=False, indent=2)
        print()
    return 0


def _request(given: argparse.Namespace, settings: Settings) -> GenerateRequest:
    """The request: what was given, over the preset, over what suits the model, over the defaults."""
    typed = options.values(GenerateRequest, given)
    starts = Starts(settings, History(settings).begun_with)
    typed |= {name: starts.keep(Path(typed[name]), name) for name in ("start", "mask") if typed.get(name)}
    preset = Presets(settings).preset(given.preset).values if given.preset else {}
    model = typed.get("model", preset.get("model", GenerateRequest().model))
    suits: dict[str, Any] = next((c.defaults for c in Shelf(settings).models() if c.name == model), {})
    return GenerateRequest.from_dict({**suits, **preset, **typed})


def _pictures(request: GenerateRequest, settings: Settings) -> Iterator[Event | Saved | Waiting]:
    """The studio's events, from an engine in this process that goes away with the last of them."""
    studio = Studio(settings, InlineEngine(), may_name_files=True)
    try:
        studio.history.check()
        yield from studio.generate(request)
    finally:
        studio.close()


def _out_files(out: str | None, count: int) -> list[Path]:
    if out is None:
        return []
    file = Path(out)
    if file.suffix.lower() != ".png":
        raise CommandLineError(None, message=Said(_PNG_ONLY, {"ending": file.suffix}))
    return [file] if count == 1 else [file.with_stem(f"{file.stem}-{n}") for n in range(1, count + 1)]


def _check_names(files: list[Path]) -> None:
    """See that the system takes these names, before work is spent on what gets them. Raises NameRefused."""
    for file in files:
        try:
            if stat.S_ISDIR(file.stat().st_mode):
                raise IsADirectoryError(errno.EISDIR, "")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NameRefused(None, file=file, reason=reason_of(error)) from None


def _copy(entry: Entry, file: Path) -> Path:
    write_atomically(file, entry.file.read_bytes())
    return file


def _told(entry: Entry, file: Path) -> dict[str, Any]:
    facts = read_settings(entry.file).facts
    return {"file": str(file), "id": entry.id, "seed": entry.seed, "seconds": entry.seconds,
            "request": entry.request.to_dict(),
            "read": {name: facts.get(name, "") for name in ("prompt", "negative_prompt")}}  # fmt: skip


COMMAND = Command(Text("Make pictures from a prompt.", "根据提示词生成图片。"), _add_options, _run)
