"""A run as it is now: what its folder says, checked against the process that it names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from studio.runs.folder import RECORD_FILE, REQUEST_FILE, RunFolder
from studio.runs.record import ACTIVE, RESUMABLE, STATES, Record, State
from studio.train_errors import RunBroken
from studio.train_request import TrainRequest
from studio.words import Text

_BROKEN = Text("broken", "已损坏")


@dataclass(frozen=True)
class RunView:
    """One run as it was when it was looked at. `state` is what is true now, even where run.json doesn't know it yet;
    `position` counts from 1 while it waits; `broken` says why a folder can't be read, and then record and request are
    empty ones."""

    folder: RunFolder
    state: State | Literal["broken"]
    record: Record = field(default_factory=Record)
    request: TrainRequest = field(default_factory=TrainRequest)
    position: int = 0
    broken: RunBroken | None = None

    @property
    def id(self) -> str:
        """The run's id: its folder's name."""
        return self.folder.id

    @property
    def name(self) -> str:
        """The name of its LoRA; its id when that can't be read."""
        return self.request.name or self.id

    @property
    def title(self) -> Text:
        """The state in words."""
        return _BROKEN if self.state == "broken" else STATES[self.state]

    @property
    def is_active(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ACTIVE

    @property
    def can_resume(self) -> bool:
        """Whether it can go on from its last checkpoint, or else from its beginning."""
        return self.state in RESUMABLE


class Looking:
    """Looks at run folders, and reads again only what has changed: hundreds of ended runs cost next to nothing."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[object, RunView]] = {}

    def look(self, paths: Sequence[Path]) -> list[RunView]:
        """The runs in these folders, readable or not; their places in the queue are for others to say."""
        before = self._seen
        stamps = {path: _stamp(path) for path in paths}
        views = [
            before[path][1] if path in before and before[path][0] == stamp else _look(RunFolder(path))
            for path, stamp in stamps.items()
        ]
        self._seen = {
            path: (stamp, view)
            for (path, stamp), view in zip(stamps.items(), views, strict=True)
            if view.state not in ACTIVE
        }
        return views


def _look(folder: RunFolder) -> RunView:
    try:
        # the orders before the record: a worker writes "stopping" there before it takes the order
        orders = folder.waiting_orders()
        record, request = folder.record(), folder.request()
    except RunBroken as broken:
        return RunView(folder, "broken", broken=broken)
    state = record.state
    if state in ACTIVE and not record.is_alive:
        state = "interrupted"
    elif state == "running" and "stop" in orders:
        state = "stopping"
    return RunView(folder, state, record, request)


def _stamp(path: Path) -> object:
    """Changes whenever request or record do: a file that is replaced is another one."""
    marks: list[tuple[int, ...] | None] = []
    for name in (RECORD_FILE, REQUEST_FILE):
        try:
            stat = (path / name).stat()
            marks.append((stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        except OSError:
            marks.append(None)
    return marks


def queue_of(views: Sequence[RunView]) -> list[str]:
    """Ids of the runs that wait, the next one first."""
    waiting = [view for view in views if view.state == "queued"]
    return [view.id for view in sorted(waiting, key=lambda view: (view.record.queued_at, view.id))]
