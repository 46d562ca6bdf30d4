"""How a worker begins, and what is written down when one has ended without a word."""

import os
import time
from collections.abc import Sequence

from studio.disk import reason_of
from studio.engine.host import QUIET_THREADS
from studio.runs.folder import RunFolder
from studio.runs.process import launch
from studio.runs.record import sentences, this_host
from studio.runs.view import RunView
from studio.settings import ROOT, Settings
from studio.train_errors import WorkerDied, WorkerNotStarted
from studio.words import Text

_NOTHING_SAID = Text("nothing", "（无）")


def start(folder: RunFolder, worker: Sequence[str], settings: Settings) -> bool:
    """Start a worker on a run, and write its pid down before the lock is let go: the worker's `claim` waits for that.
    Where the system refuses, the run has failed, and the answer is False."""
    folder.drop_orders()
    try:
        process = launch(
            [*worker, str(folder.path.absolute())], folder.log_file.absolute(), environment(settings)
        )
    except OSError as error:
        refused = WorkerNotStarted(None, reason=reason_of(error))
        folder.update(state="failed", ended_at=time.time(), message=sentences(refused))
        return False
    now = time.time()
    folder.update(state="running", started_at=now, heartbeat_at=now, host=this_host(),
                  pid=process.pid if process else None,
                  process_started_at=process.started_at if process else None)  # fmt: skip
    return True


def bury(view: RunView) -> None:
    """Mark a run whose worker is gone as interrupted, with the last that is known of it."""
    lines = [line.strip() for line in view.folder.log_tail(20).splitlines() if line.strip()]
    step = _last_step(view.folder) or view.record.step
    died = WorkerDied(None, step=step, line=lines[-1][:300] if lines else _NOTHING_SAID)
    view.folder.drop_orders()
    view.folder.append("ended", state="interrupted")
    view.folder.update(state="interrupted", ended_at=time.time(), step=step, message=sentences(died))


def environment(settings: Settings) -> dict[str, str]:
    """What a worker finds in its environment: the same folders and language, and threads that sleep while they wait."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **QUIET_THREADS,
        **os.environ,
        "INKSTONE_MODELS": str(settings.models_dir.absolute()),
        "INKSTONE_OUTPUT": str(settings.output_dir.absolute()),
        "INKSTONE_RUNS": str(settings.runs_dir.absolute()),
        "INKSTONE_LANGUAGE": settings.language,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _last_step(folder: RunFolder) -> int | None:
    return next(
        (e["step"] for e in reversed(folder.events()[0]) if e["kind"] == "step" and "step" in e), None
    )
