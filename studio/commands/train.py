"""`python -m studio train`: a LoRA without the page. The run is the same as the page's, and the page shows it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from studio.commands import Command, following, options, told
from studio.presets import Preset, Presets, read_preset
from studio.runs import Runs
from studio.runs.checks import PARTS
from studio.runs.ranks import launched_rank, shared_run
from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from studio.train_request import TrainRequest
from studio.words import Text

SEED_PRESET = "kolors-seed"
"""What stands behind a command that names the parts of a model, as the well-known Kolors script wants it."""
_MEMORY = "from studio.engine.device import pick_device; print(pick_device().memory_bytes)"


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    known = ", ".join(Presets(settings).train())
    parser.add_argument("preset", nargs="?", metavar=told(say, "PRESET", "预设"), help=told(
        say, f"Preset to start from: a name ({known}) or a .toml file.", f"从哪个预设开始：名称（{known}）或 .toml 文件。"))  # fmt: skip
    options.add_options(
        parser, TrainRequest, say, {"model": [card.name for card in Shelf(settings).models()]}
    )
    parser.add_argument("--queue", action="store_true", help=told(
        say, "Put the run into the queue and don't wait for it.", "只加入队列，不等待完成。"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=told(
        say, "Print one JSON object: run, state, LoRA file, steps, seconds, peak memory.",
        "输出一个 JSON 对象：训练编号、状态、LoRA 文件、步数、用时、内存峰值。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    request = _request(given, settings)
    runs, say = Runs(settings), settings.language
    rank = launched_rank()
    if rank is not None:
        return _run_rank(runs, request, rank, settings, given.json)
    view = runs.create(request)
    if given.queue:
        print(json.dumps(following.told(view, say), ensure_ascii=False, indent=2) if given.json else view.id)
        return following.FINISHED
    return following.end(following.follow(runs, view.id, say), say, given.json)


def _run_rank(runs: Runs, request: TrainRequest, rank: int, settings: Settings, as_json: bool) -> int:
    """One of several ranks that a launcher has started: the worker runs in this very process."""
    from studio.training import worker

    folder, say = shared_run(runs, request, rank), settings.language
    if rank > 0:
        return worker.main(folder.path, settings)
    with following.beside(folder, say):
        worker.main(folder.path, settings)
    return following.end(runs.get(folder.id), say, as_json)


def _request(given: argparse.Namespace, settings: Settings) -> TrainRequest:
    """The request: what was typed, over the preset as it is for this machine's memory, over the defaults."""
    typed = options.values(TrainRequest, given)
    presets = Presets(settings)
    preset: Preset | None = None
    if given.preset and given.preset.endswith(".toml") and Path(given.preset).is_file():
        preset = read_preset(Path(given.preset), TrainRequest)
    elif given.preset:
        preset = presets.train_preset(given.preset)
    elif "model" not in typed and typed.keys() & set(PARTS):
        preset = presets.train_preset(SEED_PRESET)
    return TrainRequest.from_dict({**_values(preset), **typed})


def _values(preset: Preset | None) -> dict[str, Any]:
    if preset is None or not preset.memory:
        return preset.values if preset else {}
    return preset.for_memory(_memory_gb())


def _memory_gb() -> float:
    """Memory of the device that will train, asked in a process that goes away: a driver would hold some of it here."""
    answer = subprocess.run(
        [sys.executable, "-c", _MEMORY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(answer.stdout.split()[-1]) / 2**30


COMMAND = Command(
    Text("Train a LoRA on a folder of pictures.", "用一个图片文件夹训练 LoRA。"), _add_options, _run
)
