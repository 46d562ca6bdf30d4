"""`python -m studio doctor`: what this machine has, what would fail on it, and the way out."""

import argparse
import json
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from studio import __version__
from studio.commands import Command, told
from studio.disk import check_writable, free_bytes
from studio.errors import ModelNotHere, StudioError
from studio.families import families
from studio.presets import Presets
from studio.requests import GenerateRequest
from studio.settings import Settings
from studio.shelf import ModelCard, Shelf
from studio.words import Language, Said, Text

_PACKAGES = ("gradio", "torch", "diffusers", "transformers", "peft", "safetensors", "accelerate", "pytorch-lightning",
             "huggingface_hub", "sentencepiece", "protobuf", "pillow", "numpy", "opencv-python-headless",
             "defusedxml")  # fmt: skip
_OLDEST_PYTHON = (3, 11)
_LOW_DISK_BYTES = 2**30

_OLD_PYTHON = Text(
    "Python {found} is too old. Install Python {oldest} or later.",
    "Python {found} 太旧，请安装 {oldest} 或更新版本。",
)
_NO_PACKAGE = Text(
    "The package {name} is missing. Run: pip install -r requirements.txt",
    "缺少软件包 {name}。请运行：pip install -r requirements.txt",
)
_NO_DEVICE = Text(
    "torch does not start ({reason}). Install it again: pip install -r requirements.txt",
    "torch 无法启动（{reason}）。请重新安装：pip install -r requirements.txt",
)
_LOW_DISK = Text(
    "Only {free} are free under {folder}. Free some space.", "{folder} 所在磁盘仅剩 {free}。请腾出空间。"
)
_NO_MODEL = Text(
    "No model can be used. Copy the folder models/storybook again, complete.",
    "没有可用的模型。请重新复制完整的 models/storybook 文件夹。",
)


@dataclass(frozen=True)
class Report:
    """What was found. `problems` are sentences in the reader's language; nothing else needs translating."""

    versions: dict[str, str | None]
    system: str
    host: str
    device: dict[str, Any] | None
    folder: str
    free_bytes: int
    models: list[dict[str, Any]]
    loras: list[dict[str, Any]]
    presets: list[str]
    problems: list[str]


def examine(settings: Settings) -> Report:
    """Look at everything; nothing found is an exception."""
    problems: list[Said | StudioError] = []
    versions = _versions(problems)
    device = _device(problems)
    free = _disk(settings, problems)
    shelf, presets = Shelf(settings), Presets(settings)
    problems += [*shelf.broken_cards(), *shelf.unknown_models()]
    models = [_model(card, settings.language, problems, device is not None) for card in shelf.models()]
    if not any(model["is_usable"] for model in models):
        problems.append(Said(_NO_MODEL, {}))
    loras = []
    for card in shelf.loras():
        loras.append(
            {"name": card.name, "family": card.family, "rank": card.rank, "is_usable": card.broken is None}
        )
        problems += [card.broken] if card.broken else []
    named = presets.generate()
    problems += [preset.broken for preset in named.values() if preset.broken]
    try:
        presets.styles()
    except StudioError as error:
        problems.append(error)
    return Report(
        versions=versions, system=f"{platform.system()} {platform.release()} {platform.machine()}", host=settings.host,
        device=device, folder=str(settings.output_dir), free_bytes=free, models=models, loras=loras,
        presets=list(named), problems=[problem.say(settings.language) for problem in problems],
    )  # fmt: skip


def _versions(problems: list[Said | StudioError]) -> dict[str, str | None]:
    found: dict[str, str | None] = {"inkstone": __version__, "python": platform.python_version()}
    if sys.version_info[:2] < _OLDEST_PYTHON:
        oldest = ".".join(map(str, _OLDEST_PYTHON))
        problems.append(Said(_OLD_PYTHON, {"found": platform.python_version(), "oldest": oldest}))
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
            problems.append(Said(_NO_PACKAGE, {"name": name}))
    return found


def _device(problems: list[Said | StudioError]) -> dict[str, Any] | None:
    try:
        from studio.engine.device import pick_device

        return asdict(pick_device())
    except (ImportError, OSError, RuntimeError) as error:
        problems.append(Said(_NO_DEVICE, {"reason": str(error).splitlines()[0][:200]}))
        return None


def _disk(settings: Settings, problems: list[Said | StudioError]) -> int:
    free = free_bytes(settings.output_dir)
    try:
        check_writable(settings.output_dir)
        if free < _LOW_DISK_BYTES:
            problems.append(Said(_LOW_DISK, {"free": _size(free), "folder": settings.output_dir}))
    except StudioError as error:
        problems.append(error)
    return free


def _model(
    card: ModelCard, language: Language, problems: list[Said | StudioError], has_device: bool
) -> dict[str, Any]:
    error: StudioError | None = None
    try:
        card.check()
    except StudioError as found:
        error = found
        if not isinstance(found, ModelNotHere):  # a model that wasn't downloaded is no problem
            problems.append(found)
    return {"name": card.name, "family": card.family, "is_usable": error is None, "missing": card.missing,
            "folder": str(card.folder), "source": card.source_url, "error": error.say(language) if error else None,
            "memory": _memory(card).say(language) if has_device and card.family in families() and not error else None}  # fmt: skip


def _memory(card: ModelCard) -> Said:
    """What a picture by the model's own settings takes of the memory here, and by which plan it would be made."""
    from studio.engine.device import pick_device
    from studio.engine.models import Models

    request = GenerateRequest.from_dict(card.defaults)
    return Models(pick_device()).at(families()[card.family], card.folder, request).plan.said


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--json", action="store_true", help=told(
        settings.language, "Print one JSON object.", "输出一个 JSON 对象。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    report = examine(settings)
    if given.json:
        json.dump(asdict(report), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print("\n".join(_lines(report, settings.language)))
    return 1 if report.problems else 0


def _lines(report: Report, language: Language) -> list[str]:
    def say(en: str, zh: str, **values: object) -> str:
        return Text(en, zh).say(language, **values)

    device = report.device
    lines = [
        say("Versions", "版本"),
        *(f"  {name} {found or '-'}" for name, found in report.versions.items()),
    ]
    lines += [say("Machine", "本机"), f"  {report.system} ({report.host})"]
    if device:
        lines.append(f"  {device['name']} ({device['kind']}), {_size(device['memory_bytes'])}")
    lines.append(
        say(
            "  {free} free under {folder}",
            "  {folder} 剩余 {free}",
            free=_size(report.free_bytes),
            folder=report.folder,
        )
    )
    lines.append(say("Models", "模型"))
    for model in report.models:
        ready = say("ready", "可用") + (f"; {model['memory']}" if model["memory"] else "")
        lines.append(f"  {model['name']}: {model['error'] or ready}")
    lines.append(say("LoRAs", "LoRA"))
    lines += [f"  {lora['name']}" + ("" if lora["is_usable"] else " ✗") for lora in report.loras] or ["  -"]
    lines.append(say("What would fail", "会出问题的地方"))
    lines += [f"  ✗ {problem}" for problem in report.problems] or [say("  Nothing.", "  没有。")]
    return lines


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB"


COMMAND = Command(
    Text("Say what this machine has and what would fail.", "检查本机环境，指出会出问题的地方及解决办法。"),
    _add_options,
    _run,
)
