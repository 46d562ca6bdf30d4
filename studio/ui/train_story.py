"""What a run's events tell: its curve, its samples, how far it is. Read piece by piece as the file grows, so that a
tick of the page costs the same after ten thousand steps as after ten."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.runs.folder import RunFolder
from studio.words import Text

MOST_KEPT = 12
"""Stories of so many runs are kept in memory; the others are read again when somebody looks."""


@dataclass(frozen=True)
class Point:
    """One step: losses, learning rate, and how the machine did."""

    step: int
    loss: float
    smoothed: float
    lr: float
    pictures_per_s: float = 0.0
    eta_s: float | None = None
    memory_bytes: int = 0


@dataclass(frozen=True)
class Sample:
    """A picture made on the way, and what it was asked for; `file` is inside the run's folder."""

    step: int
    index: int
    prompt: str
    seed: int
    file: str


@dataclass
class Story:
    """All of a run's events, as far as they go. After a resume, what came after the checkpoint is forgotten."""

    points: list[Point] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    samples: dict[tuple[int, int], Sample] = field(default_factory=dict)
    stage: str = ""
    done: int = 0
    total: int = 0
    messages: list[tuple[str, Text]] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def last(self) -> Point | None:
        """The latest step."""
        return self.points[-1] if self.points else None

    def take(self, event: Mapping[str, Any]) -> None:
        """Note an event; of kinds that this studio doesn't know, nothing."""
        match event.get("kind"):
            case "started":
                self._begin(int(event.get("resumed_from") or 0))
            case "stage":
                self.stage, self.done = str(event["name"]), int(event.get("done") or 0)
                self.total = int(event.get("total") or 0)
            case "step":
                self._step(event)
            case "validation":
                self.validation.append((int(event["step"]), float(event["loss"])))
            case "sample":
                sample = Sample(int(event["step"]), int(event["index"]), str(event.get("prompt", "")),
                                int(event.get("seed") or 0), str(event["file"]))  # fmt: skip
                self.samples[sample.step, sample.index] = sample
            case "message":
                words = Text(str(event["en"]), str(event["zh"]))
                self.messages.append((str(event.get("level", "info")), words))

    def _begin(self, resumed_from: int) -> None:
        self.points = [point for point in self.points if point.step <= resumed_from]
        self.validation = [told for told in self.validation if told[0] <= resumed_from]
        self.samples = {key: kept for key, kept in self.samples.items() if key[0] <= resumed_from}
        self.messages, self.stage, self.done, self.total = [], "", 0, 0

    def _step(self, event: Mapping[str, Any]) -> None:
        eta = event.get("eta_s")
        point = Point(
            int(event["step"]), _figure(event["loss"]), _figure(event.get("smoothed", event["loss"])),
            _figure(event.get("lr", 0)), _figure(event.get("pictures_per_s", 0)),
            None if eta is None else float(eta), int(event.get("memory_bytes") or 0),
        )  # fmt: skip
        self.points.append(point)
        self.stage = "train"
        self.peak_bytes = max(self.peak_bytes, point.memory_bytes)


class Stories:
    """The stories of the runs that somebody looks at, each read as far as its file went."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[int, Story]] = {}
        self._lock = threading.Lock()

    def of(self, folder: RunFolder) -> Story:
        """The story of a run up to now."""
        with self._lock:
            offset, story = self._read.pop(folder.path, (0, Story()))
            events, end = folder.events(offset)
            if end < offset:  # another run under the same name: the file is shorter than what was read
                story = Story()
                events, end = folder.events(0)
            for event in events:
                with suppress(KeyError, TypeError, ValueError):  # as little an event as a torn line is
                    story.take(event)
            self._read[folder.path] = (end, story)
            while len(self._read) > MOST_KEPT:
                del self._read[next(iter(self._read))]
            return story


def _figure(value: Any) -> float:
    """A number of an event; JSON has no NaN, so a lost one may be None."""
    return float("nan") if value is None else float(value)
