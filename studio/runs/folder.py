"""One run on disk. Worker, queue, page and command line all go through here.

    request.toml   what was asked for, never changed
    run.json       the Record: replaced whole, by one writer at a time
    events.jsonl   what happened: only ever added to
    worker.log     what the worker printed
    dataset.json   a mark of each picture that it learns from
    checkpoints/   step-000120.ckpt (all that resuming needs) and step-000120.safetensors (the LoRA)
    samples/       pictures made along the way
    commands/      orders to the worker: empty files named stop, save, sample

The worker calls `claim` first, then writes with `update` and `append`."""

import json
import re
import time
import tomllib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from studio import toml
from studio.disk import reason_of, write_atomically
from studio.errors import StudioError
from studio.headers import BadHeader, read_header
from studio.runs import events
from studio.runs.events import Event
from studio.runs.lock import locked
from studio.runs.process import Process
from studio.runs.record import Record, this_host
from studio.train_errors import RunBroken, RunTaken
from studio.train_request import TrainRequest
from studio.words import Said, Text

Order = Literal["stop", "save", "sample"]

LOCK_FILE = ".lock"
REQUEST_FILE, RECORD_FILE = "request.toml", "run.json"
_TAIL_BYTES = 2**17
_END = "# end of request\n"
_STATE_FILE = re.compile(r"step-(\d{6,})\.ckpt")
_CUT_SHORT = Text("it was cut short", "文件不完整")
_GONE = Text("it is missing", "文件缺失")


@dataclass(frozen=True)
class Checkpoint:
    """A point that a run can be taken up from: all its state, and the LoRA as it was then."""

    step: int
    state_file: Path
    lora_file: Path


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints_dir = path / "checkpoints"
        self.samples_dir = path / "samples"
        self.log_file = path / "worker.log"
        self._request_file = path / REQUEST_FILE
        self._record_file = path / RECORD_FILE
        self._events_file = path / "events.jsonl"
        self._marks_file = path / "dataset.json"
        self._commands_dir = path / "commands"

    @property
    def id(self) -> str:
        """The run's id: its folder's name."""
        return self.path.name

    def make(self, request: TrainRequest, record: Record) -> None:
        """Lay out a new run; raises DiskFull or NotWritable."""
        write_atomically(
            self._request_file, (toml.dumps(request.to_dict()) + _END).encode("utf-8", "replace")
        )
        for folder in (self.checkpoints_dir, self.samples_dir, self._commands_dir):
            folder.mkdir(exist_ok=True)
        write_atomically(self._record_file, record.to_json())

    def request(self) -> TrainRequest:
        """What was asked for; raises RunBroken."""
        text = self._read(self._request_file).decode("utf-8", "replace")
        if not text.endswith(_END):
            raise self._broken(self._request_file, _CUT_SHORT)
        try:
            return TrainRequest.from_dict(tomllib.loads(text), where=f"runs/{self.id}/request.toml")
        except StudioError as error:
            raise self._broken(self._request_file, Said(error.text, error.values)) from None
        except ValueError as error:
            raise self._broken(self._request_file, str(error)[:120]) from None

    def record(self) -> Record:
        """Where it stands; raises RunBroken."""
        raw = self._read(self._record_file)
        try:
            return Record.from_json(raw)
        except (ValueError, RecursionError) as error:
            raise self._broken(self._record_file, str(error)[:120]) from None

    def update(self, **changes: Any) -> Record:
        """Change fields of the record; for its one writer only. Raises RunBroken, DiskFull or NotWritable."""
        record = replace(self.record(), **changes)
        write_atomically(self._record_file, record.to_json())
        return record

    def claim(self) -> Record:
        """Make this process the run's worker, and from now on its one writer. The queue has written its pid before it
        lets go of the lock, so neither can overwrite the other. Raises RunTaken when another worker is at it."""
        with locked(self.path.parent / LOCK_FILE):
            record, this = self.record(), Process.this()
            if record.is_alive and record.process != this:
                raise RunTaken(None, id=self.id, pid=record.pid)
            now = time.time()
            return self.update(state="running", started_at=now, ended_at=None, heartbeat_at=now, message=None,
                               host=this_host(), pid=this.pid, process_started_at=this.started_at)  # fmt: skip

    def append(self, kind: str, **facts: Any) -> None:
        """Add one event; raises DiskFull or NotWritable."""
        events.append(self._events_file, kind, facts)

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """The whole events from a byte offset on, and the offset to go on from."""
        return events.read(self._events_file, offset)

    def order(self, command: Order) -> None:
        """Tell the worker to do something at its next step."""
        write_atomically(self._commands_dir / command, b"")

    def waiting_orders(self) -> set[str]:
        """Orders that the worker hasn't taken yet."""
        return {command for command in get_args(Order) if (self._commands_dir / command).is_file()}

    def take_orders(self) -> set[str]:
        """The orders that came since the last call; they are gone from the folder. For the worker: that it is stopping
        stands in the record before the order to stop is gone, so nobody who looks sees a run that is neither."""
        taken = self.waiting_orders()
        if "stop" in taken:
            self.update(state="stopping")
        self._forget(taken)
        return taken

    def drop_orders(self) -> None:
        """Forget orders that no worker is there to take."""
        self._forget(self.waiting_orders())

    def _forget(self, orders: set[str]) -> None:
        for command in orders:
            (self._commands_dir / command).unlink(missing_ok=True)

    def keep_marks(self, marks: dict[str, str]) -> None:
        """Note a mark of each picture that is learnt from, so that a later change can be told before resuming."""
        write_atomically(self._marks_file, json.dumps(marks, ensure_ascii=False).encode("utf-8", "replace"))

    def marks(self) -> dict[str, str] | None:
        """The marks that were noted; None when there are none, or none that can be read."""
        try:
            told = json.loads(self._marks_file.read_bytes())
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints that are whole, by step."""
        found: list[Checkpoint] = []
        for file in self.checkpoints_dir.glob("step-*.ckpt"):
            if match := _STATE_FILE.fullmatch(file.name):
                found.append(Checkpoint(int(match[1]), file, file.with_suffix(".safetensors")))
        return sorted((point for point in found if _is_whole(point)), key=lambda point: point.step)

    def log_tail(self, lines: int = 200) -> str:
        """The last lines that the worker printed."""
        try:
            with self.log_file.open("rb") as stream:
                stream.seek(max(0, self.log_file.stat().st_size - _TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _read(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except FileNotFoundError:
            raise self._broken(file, _GONE) from None
        except OSError as error:
            raise self._broken(file, reason_of(error)) from None

    def _broken(self, file: Path, reason: Text | Said | str) -> RunBroken:
        return RunBroken(None, id=self.id, file=file.name, reason=reason)


def _is_whole(point: Checkpoint) -> bool:
    """Whether both files are there to their last byte: torch's is a zip, whose directory stands at its end."""
    try:
        read_header(point.lora_file)
    except BadHeader:
        return False
    return zipfile.is_zipfile(point.state_file)
