"""What the worker tells of itself, in the run's folder. Only the leader has a folder; the others say nothing."""

import logging
import os
import time
from typing import Any, Literal

from studio.runs.folder import RunFolder
from studio.words import Said

StageName = Literal["load", "encode", "train", "sample", "export"]

BEAT_S = 1.0
"""The record is written anew, as a sign of life, at most so often."""
PAUSE_S = 0.5
"""Progress within a stage is told at most so often."""
_log = logging.getLogger("inkstone.training")


class Report:
    """Events and signs of life of one run."""

    def __init__(self, folder: RunFolder | None) -> None:
        self._folder = folder
        self._last_beat = self._last_stage = 0.0
        self._stage: StageName | None = None

    def started(self, resumed_from: int | None) -> None:
        """The worker is at it."""
        self._append("started", pid=os.getpid(), resumed_from=resumed_from)
        if self._folder is not None:
            self._folder.update(resumed_from=resumed_from, step=resumed_from or 0)

    def stage(self, name: StageName, done: int = 0, total: int = 0) -> None:
        """How far a stage is; between its beginning and its end not too often."""
        now = time.monotonic()
        is_edge = name != self._stage or done >= total
        if is_edge or now - self._last_stage >= PAUSE_S:
            self._append("stage", name=name, done=done, total=total)
            self._stage, self._last_stage = name, now
        self.beat()

    def step(self, step: int, **facts: Any) -> None:
        """One step of learning, or the last of several."""
        self._append("step", step=step, **facts)
        self.beat(step=step)

    def validation(self, step: int, loss: float) -> None:
        """The loss on pictures that are not learnt from."""
        self._append("validation", step=step, loss=loss)

    def sample(self, step: int, index: int, prompt: str, seed: int, file: str) -> None:
        """A picture was painted."""
        self._append("sample", step=step, index=index, prompt=prompt, seed=seed, file=file)

    def checkpoint(self, step: int, file: str, lora: str) -> None:
        """A point was kept that the run can be taken up from."""
        self._append("checkpoint", step=step, file=file, lora=lora)

    def say(self, said: Said, level: Literal["info", "warning", "error"] = "info") -> None:
        """A sentence for the reader."""
        self._append("message", level=level, en=said.say("en"), zh=said.say("zh"))
        if self._folder is not None:
            _log.info("%s", said.say("en"))

    def beat(self, **changes: Any) -> None:
        """A sign of life, now and then."""
        now = time.monotonic()
        if self._folder is not None and now - self._last_beat >= BEAT_S:
            self._folder.update(heartbeat_at=time.time(), **changes)
            self._last_beat = now

    def _append(self, kind: str, **facts: Any) -> None:
        if self._folder is not None:
            self._folder.append(kind, **facts)
