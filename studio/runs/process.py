"""Processes as a run folder knows them: a number alone may belong to another process tomorrow, so it goes with the
time at which the process began."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SAME_S = 0.02
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Process:
    """One process, for all time: its id, and when it began (seconds since some moment that is the same for all)."""

    pid: int
    started_at: float

    @classmethod
    def found(cls, pid: int) -> Self | None:
        """The process that has this id now; None when none runs."""
        started_at = _started_at(pid) if pid > 0 else None
        return None if started_at is None else cls(pid, started_at)

    @classmethod
    def this(cls) -> Self:
        """The process that asks."""
        found = cls.found(os.getpid())
        assert found is not None
        return found

    @property
    def is_alive(self) -> bool:
        """Whether it still runs: neither gone, nor a zombie, nor followed by another under the same id."""
        now = Process.found(self.pid)
        return now is not None and abs(now.started_at - self.started_at) < _SAME_S

    def kill(self) -> None:
        """End it and what it started, at once, and wait until it is gone."""
        if not self.is_alive:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                os.kill(self.pid, signal.SIGTERM)
            elif os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE_S
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(_SAME_S)


def launch(words: Sequence[str], log_file: Path, environment: Mapping[str, str]) -> Process | None:
    """Start a program that outlives this one, in the folder of its log. None when it was over at once; raises OSError
    when there is no such program."""
    detached = 0
    if sys.platform == "win32":
        detached = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=log_file.parent,
            env=dict(environment),
            start_new_session=True,
            creationflags=detached,
        )
    process = Process.found(child.pid)
    threading.Thread(target=child.wait, name=f"wait {child.pid}", daemon=True).start()  # leaves no zombie
    return process


def _started_at(pid: int) -> float | None:
    """On Linux seconds since the machine came up, which no change of the clock can move."""
    if sys.platform != "linux":
        return _started_at_elsewhere(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _started_at_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
