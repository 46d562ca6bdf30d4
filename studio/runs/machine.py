"""What this machine has for a run, and what past runs showed that it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any, Literal

import psutil

from studio.train_request import TrainRequest

Kind = Literal["cpu", "cuda", "mps"]

_MEMORY_FIELDS = (
    "model", "width", "height", "batch_size", "aspect_buckets", "precision", "quantize_base", "adapter",
    "use_gradient_checkpointing", "optimizer", "lora_rank", "lora_target_modules", "ema_decay",
)  # fmt: skip
"""What the memory of a run depends on: runs that agree in all of these need the same."""
_LEAST_STEPS = 8
_QUANTIZERS = {"nf4": "bitsandbytes", "int8": "bitsandbytes"}


@dataclass(frozen=True)
class Machine:
    """The device that learns: its memory for a run (free RAM on a CPU, all of a GPU), and its threads."""

    kind: Kind
    name: str
    memory_bytes: int
    threads: int = 1
    quantizers: tuple[str, ...] = ()


@dataclass(frozen=True)
class PastRun:
    """A run that learnt here: its request, and the pictures a second and peak memory that its events tell."""

    request: TrainRequest
    pictures_per_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Past:
    """The runs that learnt here, the latest first."""

    runs: tuple[PastRun, ...] = ()

    def speed(self, request: TrainRequest) -> PastRun | None:
        """The latest run of the same model: its speed is scaled to the request."""
        return next((run for run in self.runs if run.request.model == request.model), None)

    def memory_bytes(self, request: TrainRequest) -> int | None:
        """What the latest run needed that used memory alike."""
        shape = _shape(request)
        return next(
            (run.memory_bytes for run in self.runs if run.memory_bytes and _shape(run.request) == shape), None
        )


def this_machine(kind: str = "cpu", name: str = "", memory_bytes: int = 0, threads: int = 1) -> Machine:
    """The machine as the engine told of it; before it has, a CPU with the RAM that is free right now."""
    if kind in ("cuda", "mps"):
        able = tuple(bits for bits, package in _QUANTIZERS.items() if kind == "cuda" and find_spec(package))
        return Machine("cuda" if kind == "cuda" else "mps", name, memory_bytes, threads, able)
    free = psutil.virtual_memory().available
    return Machine("cpu", name or "CPU", min(free, memory_bytes) if memory_bytes else free, threads)


def past_run(request: TrainRequest, events: Iterable[Mapping[str, Any]]) -> PastRun | None:
    """What a run's events tell of this machine; None when it learnt too little to tell."""
    steps = [event for event in events if event.get("kind") == "step"]
    speeds = [float(event.get("pictures_per_s") or 0) for event in steps][len(steps) // 4 :]
    if len(steps) < _LEAST_STEPS or not median(speeds):
        return None
    return PastRun(request, median(speeds), max(int(event.get("memory_bytes") or 0) for event in steps))


def _shape(request: TrainRequest) -> tuple[object, ...]:
    return tuple(getattr(request, name) for name in _MEMORY_FIELDS)
