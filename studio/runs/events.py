"""What happens in a run, one JSON object a line, only ever added to.

| kind | says |
| --- | --- |
| started | pid, resumed_from (a step, or null) |
| stage | name (load, encode, train, sample, export), done, total |
| step | step, loss, smoothed, lr, pictures_per_s, eta_s, memory_bytes |
| validation | step, loss |
| sample | step, index, prompt, seed, file (relative to the run) |
| checkpoint | step, file, lora (relative to the run) |
| message | level (info, warning, error), en, zh |
| ended | state |

Each also has `t`, UNIX seconds."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.disk import storage_error

Event = dict[str, Any]


def append(file: Path, kind: str, facts: Event) -> None:
    """Add one line in one write; raises DiskFull or NotWritable. A line that a crash left torn is closed first."""
    told = json.dumps({"t": round(time.time(), 3), "kind": kind, **facts}, ensure_ascii=False)
    line = told.encode("utf-8", "replace") + b"\n"
    try:
        with file.open("a+b", buffering=0) as stream:
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else b"\n" + line
            stream.write(line)
    except OSError as error:
        raise storage_error(error, file.parent) from None


def read(file: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Whole lines from a byte offset on, and the offset of what comes next. A torn or unreadable line is no event; a
    file that has become shorter is read from its beginning."""
    try:
        with file.open("rb") as stream:
            if offset > stream.seek(0, os.SEEK_END):
                offset = 0
            stream.seek(offset)
            raw = stream.read()
    except OSError:
        return [], offset
    whole = raw[: raw.rfind(b"\n") + 1]
    return [event for line in whole.splitlines() if (event := _event(line))], offset + len(whole)


def settled(events: Iterable[Event]) -> list[Event]:
    """The events of the course that counts: what a run did beyond the step that it was later resumed from is dropped."""
    kept: list[Event] = []
    for event in events:
        if event["kind"] == "started":
            last = event.get("resumed_from") or 0
            kept = [e for e in kept if "step" not in e or e["step"] <= last]
        kept.append(event)
    return kept


def _event(line: bytes) -> Event | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("kind"), str) else None
