"""What run.json holds: where a run stands, and which process it belongs to."""

import json
import socket
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args, get_type_hints

from studio.errors import StudioError
from studio.runs.process import Process
from studio.words import Language, Text

State = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "interrupted"]
ACTIVE: tuple[State, ...] = ("running", "stopping")
RESUMABLE: tuple[State, ...] = ("stopped", "failed", "interrupted")
SILENCE_S = 120.0
"""A worker on another machine counts as gone when its heartbeat is older than this."""

STATES: dict[State, Text] = {
    "queued": Text("queued", "排队中"),
    "running": Text("running", "训练中"),
    "stopping": Text("stopping", "正在停止"),
    "finished": Text("finished", "已完成"),
    "stopped": Text("stopped", "已停止"),
    "failed": Text("failed", "失败"),
    "interrupted": Text("interrupted", "已中断"),
}


@dataclass(frozen=True)
class Record:
    """One run's state. Times are UNIX seconds, save `process_started_at`, which is the process's own (see Process).
    `resumed_from` is the step that the worker begins after; `message` is {"en", "zh"}; `result` is what a finished run
    leaves: {"lora": file, "seconds", "peak_bytes", …}."""

    state: State = "queued"
    created_at: float = 0.0
    queued_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    host: str = ""
    pid: int | None = None
    process_started_at: float | None = None
    heartbeat_at: float | None = None
    step: int = 0
    steps: int = 0
    resumed_from: int | None = None
    accept_changes: bool = False
    message: dict[str, str] | None = None
    result: dict[str, Any] | None = None

    @property
    def process(self) -> Process | None:
        """The worker, as it was when it began."""
        if self.pid is None or self.process_started_at is None:
            return None
        return Process(self.pid, self.process_started_at)

    @property
    def is_here(self) -> bool:
        """Whether the worker belongs to this machine."""
        return self.host in ("", this_host())

    @property
    def is_alive(self) -> bool:
        """Whether a worker is at it: seen by its process here, by its heartbeat elsewhere."""
        if self.state not in ACTIVE:
            return False
        if self.is_here:
            return self.process is not None and self.process.is_alive
        return time.time() - (self.heartbeat_at or self.started_at or 0.0) < SILENCE_S

    def says(self, language: Language) -> str:
        """The message in one language, empty when there is none."""
        return (self.message or {}).get(language, "")

    def to_json(self) -> bytes:
        """All of it as one JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode("utf-8", "replace")

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """What `to_json` wrote; keys of a later studio are passed over. Raises ValueError."""
        told = json.loads(raw)
        if not isinstance(told, dict):
            raise ValueError("not an object")
        hints = get_type_hints(cls)
        known = {f.name: told[f.name] for f in fields(cls) if f.name in told}
        for name, value in known.items():
            if not _fits(hints[name], value):
                raise ValueError(f"{name} is {value!r}")
        return cls(**known)


def sentences(error: StudioError) -> dict[str, str]:
    """An error as a record keeps it: its sentence in both languages."""
    return {"en": error.say("en"), "zh": error.say("zh")}


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def _fits(hint: Any, value: Any) -> bool:
    if hint is State:
        return value in get_args(State)
    kinds = [getattr(kind, "__origin__", kind) for kind in get_args(hint) or (hint,)]
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds:
        return True
    return any(type(value) is kind for kind in kinds)
