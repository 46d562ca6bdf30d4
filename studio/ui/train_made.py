"""What a run has made so far: its LoRA at each checkpoint that is kept, and the finished one; and how one of them is
put on the shelf for Generate."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from studio.disk import write_atomically
from studio.runs import RunView
from studio.settings import Settings

FINAL = "final"
_LOOKS = 4
_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Made:
    """A LoRA of a run: the step it was saved at, its file, and the value that stands for it in a choice."""

    step: int
    value: str
    file: Path


def made_by(view: RunView, settings: Settings) -> list[Made]:
    """The LoRAs of a run that are on the disk, by step. The finished one stands for a checkpoint of the same step."""
    if view.broken:
        return []
    points = [Made(point.step, str(point.step), point.lora_file) for point in view.folder.checkpoints()]
    file = settings.loras_dir / f"{view.name}.safetensors"
    if view.state == "finished" and file.is_file():
        points = [point for point in points if point.step != view.record.steps]
        points.append(Made(view.record.steps, FINAL, file))
    return points


def settled(look: Callable[[], _Seen]) -> _Seen:
    """What a look at the LoRAs of a run gives. A run at work clears old ones away: when one goes between being listed and
    being opened, look again."""
    for _ in range(_LOOKS - 1):
        with suppress(FileNotFoundError):
            return look()
    return look()


def pick(made: list[Made], value: str | None) -> Made | None:
    """The one that was picked; the latest when there is no such one."""
    return next((point for point in made if point.value == value), made[-1] if made else None)


def shelf_name(view: RunView, point: Made) -> str:
    """What Generate calls a LoRA of a run."""
    return view.name if point.value == FINAL else f"{view.name}-step-{point.step}"


def shelve(view: RunView, point: Made, sample: Path | None, settings: Settings) -> str:
    """Put a LoRA where Generate finds it, if it isn't there, and return its name. A checkpoint gets the run's name with
    its step, its trigger word, and its sample as thumbnail. Raises DiskFull or NotWritable."""
    name = shelf_name(view, point)
    if point.value == FINAL:
        return name
    file = settings.loras_dir / f"{name}.safetensors"
    content = point.file.read_bytes()
    if not file.is_file() or file.read_bytes() != content:
        told = {
            "title": name,
            "base_model": view.request.model,
            "trigger_words": [view.request.trigger_word] if view.request.trigger_word else [],
        }
        write_atomically(file.with_suffix(".json"), json.dumps(told, ensure_ascii=False).encode())
        if sample is not None and sample.is_file():
            write_atomically(file.with_suffix(".png"), sample.read_bytes())
        write_atomically(file, content)
    return name
