"""What is known of each download, kept beside the models: whoever fetches writes it, everybody reads it, and a reloaded
page or another program sees the same. One writer a model: whoever holds its lock."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from studio.disk import storage_error
from studio.errors import StudioError
from studio.fetch.errors import BeingFetched, FetchDied
from studio.fetch.progress import Progress
from studio.runs.lock import locked
from studio.runs.process import Process
from studio.settings import Settings
from studio.train_errors import RunsBusy
from studio.words import Said, Text

State = Literal["running", "finished", "stopped", "failed", "interrupted"]
FOLDER = ".downloads"
_AT_ONCE_S = 0.0


@dataclass(frozen=True)
class Download:
    """One download as it stands: of which model, from which hub, by which process, how far; `doing` and `message` in both
    languages, `message` saying why it failed."""

    name: str
    hub: str
    state: State
    pid: int = 0
    process_started_at: float = 0.0
    file: str = ""
    done: int = 0
    total: int = 0
    bytes_per_s: float | None = None
    seconds_left: float | None = None
    doing: Text | None = None
    message: Text | None = None
    updated_at: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it goes on by itself."""
        return self.state == "running"

    def by(self, process: Process) -> "Download":
        """The same, in the hands of a process."""
        return replace(self, pid=process.pid, process_started_at=process.started_at)

    def at(self, progress: Progress) -> "Download":
        """The same, so much further."""
        doing = progress.doing
        return replace(
            self, file=progress.file, done=progress.done, total=progress.total, bytes_per_s=progress.bytes_per_s,
            seconds_left=progress.seconds_left, doing=both(doing) if doing else None,
        )  # fmt: skip

    def ended(self, state: State, error: StudioError | None = None) -> "Download":
        """The same, over."""
        message = both(error) if error else None
        return replace(self, state=state, bytes_per_s=None, seconds_left=None, doing=None, message=message)

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """What `Records.write` wrote; raises TypeError for anything else."""
        words = {key: Text(**told[key]) for key in ("doing", "message") if told.get(key)}
        return cls(**{**told, **words})


class Records:
    """The downloads of one models folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.weights_dir / FOLDER

    def all(self) -> list[Download]:
        """Every download that is remembered, by model."""
        files = sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []
        return [found for file in files if (found := self.of(file.stem))]

    def of(self, name: str) -> Download | None:
        """The download of a model; one whose process is gone is told as interrupted."""
        try:
            told = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
            found = Download.read(told)
        except (OSError, ValueError, TypeError):
            return None
        if found.is_running and not Process(found.pid, found.process_started_at).is_alive:
            return found.ended("interrupted", FetchDied("model", name=name, log=f"{FOLDER}/{name}.log"))
        return found

    def write(self, download: Download) -> None:
        """Remember how it stands. Raises DiskFull or NotWritable."""
        file = self._folder / f"{download.name}.json"
        part = file.with_suffix(f".{os.getpid()}.part")
        words = json.dumps(asdict(replace(download, updated_at=time.time())), ensure_ascii=False)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(words, encoding="utf-8")
            part.replace(file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise storage_error(error, self._folder) from None

    def forget(self, name: str) -> None:
        """Remember nothing of a model's download."""
        for file in (f"{name}.json", f"{name}.stop", f"{name}.log"):
            (self._folder / file).unlink(missing_ok=True)

    def log_file(self, name: str) -> Path:
        """Where a process in the background writes what nobody foresaw."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{name}.log"

    def ask_stop(self, name: str) -> None:
        """Ask whoever fetches a model to stop."""
        with suppress(FileNotFoundError):
            (self._folder / f"{name}.stop").touch()

    def is_stop_asked(self, name: str) -> bool:
        """Whether somebody asked."""
        return (self._folder / f"{name}.stop").exists()

    @contextmanager
    def claimed(self, name: str) -> Iterator[None]:
        """Be the only one who writes on a model. Raises BeingFetched when another process does."""
        with self._locked(name, name):
            (self._folder / f"{name}.stop").unlink(missing_ok=True)
            yield

    @contextmanager
    def starting(self, name: str) -> Iterator[None]:
        """Be the only one who starts a download."""
        with self._locked(".start", name):
            yield

    @contextmanager
    def _locked(self, lock: str, name: str) -> Iterator[None]:
        try:
            with locked(self._folder / f"{lock}.lock", _AT_ONCE_S):
                yield
        except RunsBusy:
            found = self.of(name)
            raise BeingFetched("model", name=name, pid=found.pid if found else "?") from None


def both(said: StudioError | Said) -> Text:
    """A sentence in both languages, with nothing left to fill in."""
    return Text(said.say("en"), said.say("zh"))
