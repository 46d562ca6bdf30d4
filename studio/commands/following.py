"""Following a run in a terminal until it ends. The run goes on by itself; this only looks, and passes Ctrl-C on."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from studio.commands.run_progress import RunLine
from studio.runs import RunFolder, Runs, RunView
from studio.words import Language, Text

FINISHED, FAILED, STOPPED = 0, 2, 130
_LOOK_EVERY_S = 0.2
_TICK_EVERY_S = 1.0
_STOPPING = Text(
    "Stopping after this step, with a checkpoint. Ctrl-C once more ends it at once.",
    "正在保存检查点并停止。再按一次 Ctrl-C 立即结束。",
)
_RESUME = Text(
    "Run {id} is {state} at step {step}. Go on with: python -m studio runs resume {id}",
    "训练 {id} 的状态为“{state}”，停在第 {step} 步。继续训练：python -m studio runs resume {id}",
)


def follow(runs: Runs, id: str, language: Language, offset: int = 0) -> RunView:
    """Show a run's events from a byte offset on until it ends; the first Ctrl-C stops it, the second kills it."""
    line, is_stopping = RunLine(language), False
    ticked = 0.0
    while True:
        try:
            view = runs.get(id)
            if view.state == "queued":
                line.wait(view.position)
            events, offset = view.folder.events(offset)
            for event in events:
                line.show(event, view.record.steps)
            if view.state != "queued" and not view.is_active:
                line.clear()
                runs.tick()  # writes down why, where the worker couldn't
                return runs.get(id)
            if time.monotonic() - ticked > _TICK_EVERY_S:
                runs.tick()
                ticked = time.monotonic()
            time.sleep(_LOOK_EVERY_S)
        except KeyboardInterrupt:
            _interrupt(runs, id, is_stopping)
            is_stopping = True
            line.say(_STOPPING)


@contextmanager
def beside(folder: RunFolder, language: Language) -> Iterator[None]:
    """Show a run's events from now on, while this very process trains it."""
    line, is_over = RunLine(language), threading.Event()
    offset = folder.events()[1]

    def look() -> None:
        nonlocal offset
        was_over = False
        while not was_over:
            was_over = is_over.wait(_TICK_EVERY_S)
            events, offset = folder.events(offset)
            for event in events:
                line.show(event, folder.record().steps)

    thread = threading.Thread(target=look, name="progress")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        line.clear()


def end(view: RunView, language: Language, as_json: bool) -> int:
    """Print how a run ended, and give the exit code: 0 finished, 130 stopped, 2 failed or interrupted."""
    if as_json:
        json.dump(told(view, language), sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif view.state == "finished":
        print((view.record.result or {}).get("lora", view.id))
    if view.record.message:
        print(view.record.says(language), file=sys.stderr)
    if view.can_resume:
        print(_RESUME.say(language, id=view.id, state=view.title, step=view.record.step), file=sys.stderr)
    return {"finished": FINISHED, "stopped": STOPPED}.get(view.state, FAILED)


def told(view: RunView, language: Language) -> dict[str, Any]:
    """A run as one JSON object."""
    record, result = view.record, view.record.result or {}
    return {
        "id": view.id,
        "name": view.name,
        "state": view.state,
        "folder": str(view.folder.path),
        "lora": result.get("lora"),
        "step": record.step,
        "steps": record.steps,
        "seconds": result.get("seconds"),
        "peak_bytes": result.get("peak_bytes"),
        "message": view.broken.say(language) if view.broken else record.says(language) or None,
    }


def _interrupt(runs: Runs, id: str, is_stopping: bool) -> None:
    view = runs.get(id)
    if view.state == "queued" or (view.is_active and not is_stopping):
        runs.stop(id)
    elif view.is_active:
        runs.kill(id)
