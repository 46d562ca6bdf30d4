"""The engine in a process of its own: page and engine come up side by side, and a crash of one leaves the other.

A plain subprocess and not `multiprocessing`: that one imports the starting program again in the child, gradio and all,
and refuses to start from a daemon. Not a thread: measured, page and engine then each take about twice as long to come
up, and the page stalls by a third of a second at a time."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from studio.engine import wire
from studio.engine.events import Event, Job
from studio.engine.host import QUIET_THREADS, Facts
from studio.errors import EngineDied
from studio.words import Text

MOST_EARLY_DEATHS = 3
"""Workers that may die before they were ever ready; then something is wrong that starting again won't mend."""
CANCEL_PATIENCE_S = 60.0
WITH_CODE = Text("exit code {code}", "退出码 {code}")
BY_SIGNAL = Text("killed by {name}", "被 {name} 终止")
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class WarmModel:
    """A model to be loaded before anyone asks for it."""

    family: str
    folder: Path


class ProcessEngine:
    """The chain in a worker process, which is started again whenever it dies."""

    def __init__(self, warm: WarmModel | None = None, log_file: Path | None = None) -> None:
        self._warm, self._log_file = warm, log_file
        self._guard = threading.RLock()
        self._one_job = threading.Lock()
        self._numbers = itertools.count(1)
        self._worker: _Process | None = None
        self._early_deaths = 0
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether the worker has brought in what it needs and waits for jobs."""
        worker = self._worker
        return worker is not None and worker.is_alive and worker.facts is not None

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._worker.process.pid if self._worker else None

    def start(self) -> None:
        """Start the worker, unless it is there; returns at once."""
        self._early_deaths = 0
        self._current()

    def run(self, job: Job) -> Generator[Event, None, None]:
        """The events of a job. Closing stops the worker's job and waits until it has. Raises StudioError, EngineDied
        as soon as the worker is gone; by then the next one is on its way."""
        with self._one_job:
            worker = self._current()
            number = next(self._numbers)
            worker.order("run", number, job)
            is_over = False
            try:
                while not is_over:
                    kind, about, told = worker.inbox.get()
                    is_over = kind == "died" or (kind in ("done", "error") and about == number)
                    if kind == "event" and about == number:
                        yield told
                    elif is_over and kind != "done":
                        raise told
            finally:
                if not is_over:
                    worker.cancel(number)

    def describe(self) -> Facts | None:
        """What the worker runs on; None until it is ready."""
        return self._worker.facts if self._worker else None

    def close(self) -> None:
        """End the worker."""
        with self._guard:
            self._is_closed = True
            if self._worker is not None:
                self._worker.end()
                self._worker = None

    def _current(self) -> "_Process":
        with self._guard:
            if self._worker is None or not self._worker.is_alive:
                self._is_closed = False
                self._worker = _Process(self._warm, self._log_file, self._died)
            return self._worker

    def _died(self, worker: "_Process") -> None:
        """Start the next worker, unless this one was ended by us or none ever gets ready."""
        with self._guard:
            if worker is not self._worker or self._is_closed:
                return
            self._early_deaths = 0 if worker.facts is not None else self._early_deaths + 1
            if self._early_deaths < MOST_EARLY_DEATHS:
                self._worker = _Process(self._warm, self._log_file, self._died)


class _Process:
    """One worker process, and the thread that hears it."""

    def __init__(self, warm: WarmModel | None, log_file: Path | None, on_death: Any) -> None:
        self.facts: Facts | None = None
        self.inbox: SimpleQueue[tuple[str, int, Any]] = SimpleQueue()
        self._writing = threading.Lock()
        self._on_death = on_death
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "studio.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**QUIET_THREADS, **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._send((warm, log_file))
        threading.Thread(target=self._hear, name="engine", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def order(self, order: str, number: int, job: Job | None = None) -> None:
        """Send an order down; a worker that is gone says so in its inbox."""
        self._send((order, number, job))

    def cancel(self, number: int) -> None:
        """Stop a job and wait until it has stopped; a worker that doesn't is ended, and started again."""
        self.order("cancel", number)
        deadline = time.monotonic() + CANCEL_PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            with suppress(Exception):
                kind, about, _ = self.inbox.get(timeout=left)
                if kind == "died" or (kind in ("done", "error") and about == number):
                    return
        self.process.kill()

    def end(self) -> None:
        """Close its input, which ends it; kill it should it linger."""
        with suppress(OSError):
            _pipe(self.process.stdin).close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _send(self, message: Any) -> None:
        with self._writing, suppress(OSError, ValueError):
            wire.send(_pipe(self.process.stdin), message)

    def _hear(self) -> None:
        stream = _pipe(self.process.stdout)
        with suppress(EOFError, OSError, ValueError):
            while True:
                kind, about, told = wire.receive(stream)
                if kind == "ready":
                    self.facts = told
                else:
                    self.inbox.put((kind, about, told))
        code = self.process.wait()
        with suppress(OSError):
            stream.close()
            _pipe(self.process.stdin).close()
        self._on_death(self)
        self.inbox.put(("died", 0, EngineDied(reason=_reason(code))))


def _reason(code: int) -> Text:
    if code >= 0:
        return Text(WITH_CODE.say("en", code=code), WITH_CODE.say("zh", code=code))
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return Text(BY_SIGNAL.say("en", name=name), BY_SIGNAL.say("zh", name=name))


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
