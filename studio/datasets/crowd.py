"""Many files asked about at once, by processes that may die of one: a worker a core, each with a thread that feeds it.

Plain subprocesses and not `multiprocessing`, which would import the starting program again in each, page and all; and a
pool that loses a worker there can't tell which file it was."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from studio.datasets.errors import LookFailed
from studio.disk import reason_of

_ROOT = Path(__file__).resolve().parent.parent.parent
_AHEAD = 64
_WORTH_A_PROCESS = 16
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_LOG_LEVEL": "OFF",
}


def ask_many(files: Sequence[str], processes: int = 0) -> Generator[str, None, None]:
    """What `studio.datasets.looker` answers for each file, in order; an empty string for one that kills it. Closing
    ends the processes. Raises LookFailed when none can be started."""
    crowd = _Crowd(files)
    threads = [threading.Thread(target=crowd.work, daemon=True) for _ in range(_count(len(files), processes))]
    for thread in threads:
        thread.start()
    try:
        for index in range(len(files)):
            yield crowd.answer(index)
    finally:
        crowd.stop()
        for thread in threads:
            thread.join()


def _count(files: int, processes: int) -> int:
    most = processes or len(
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    return min(most, -(-files // _WORTH_A_PROCESS))


class _Crowd:
    """Files, and the answers that have come but were not asked for yet; no worker runs far ahead of who asks."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._changed = threading.Condition()
        self._next = 0
        self._asked = 0
        self._answers: dict[int, str] = {}
        self._failure: LookFailed | None = None
        self._is_stopped = False

    def answer(self, index: int) -> str:
        """Wait for the answer about a file."""
        with self._changed:
            self._asked = index
            self._changed.notify_all()
            self._changed.wait_for(lambda: index in self._answers or self._failure)
            if self._failure:
                raise self._failure
            return self._answers.pop(index)

    def stop(self) -> None:
        """Take no more files."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def work(self) -> None:
        """A thread's life: one worker after the other, until no file is left."""
        worker: _Worker | None = None
        try:
            while (index := self._take()) is not None:
                worker = worker or _Worker()
                answer = worker.ask(self._files[index])
                if not answer:
                    worker.end()
                    worker = None
                with self._changed:
                    self._answers[index] = answer
                    self._changed.notify_all()
        except LookFailed as failure:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()
        finally:
            if worker is not None:
                worker.end()

    def _take(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._next < self._asked + _AHEAD)
            if self._is_stopped or self._next >= len(self._files):
                return None
            self._next += 1
            return self._next - 1


class _Worker:
    """One process that answers a line for a line."""

    def __init__(self) -> None:
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "studio.datasets.looker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)},
            )
        except OSError as error:
            self._said.close()
            raise LookFailed(None, reason=reason_of(error)) from None
        if not self._line():  # its first line says that it is ready
            self.end()
            raise LookFailed(None, reason=self._last_words)

    def ask(self, file: str) -> str:
        """The answer about a file; empty when the process died of it."""
        with suppress(OSError):  # a pipe that nobody reads any more
            stream = self._pipe(self._process.stdin)
            stream.write(json.dumps(file).encode() + b"\n")
            stream.flush()
        return self._line()

    def end(self) -> None:
        """Close its input, which ends it, and wait."""
        with suppress(OSError):
            self._pipe(self._process.stdin).close()
        self._pipe(self._process.stdout).close()
        self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        self._last_words = lines[-1][:200] if lines else f"exit code {self._process.returncode}"
        self._said.close()

    def _line(self) -> str:
        line = self._pipe(self._process.stdout).readline()
        return line.decode() if line.endswith(b"\n") else ""

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None
        return stream
