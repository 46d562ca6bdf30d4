"""The training process: `python -m studio.training.worker <run folder>`.

All that it has to say it writes into the run's folder; what it prints goes to worker.log. Lightning starts it once more
for every further device: of all of them only the leader writes."""

import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio.engine.host import QUIET_THREADS
from studio.errors import StudioError
from studio.runs.folder import RunFolder
from studio.runs.record import sentences
from studio.runs.runs import Runs
from studio.settings import Settings
from studio.train_errors import LossNotFinite
from studio.training.errors import NothingKept
from studio.training.place import Place

_log = logging.getLogger("inkstone.training")


def main(path: Path, settings: Settings | None = None) -> int:
    """Train the run in a folder, then see that the queue goes on. Gives the exit code: 0 for a run that was finished or
    stopped, 1 for one that failed, 2 for one that couldn't be begun."""
    for name, value in {**QUIET_THREADS, "MKL_DYNAMIC": "FALSE"}.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = settings or Settings.from_environment()
    folder, place = RunFolder(path), Place.found()
    if not place.is_leader:
        return _follow(folder, settings, place)
    try:
        folder.claim()
        code = _lead(folder, settings, place)
        Runs(settings).tick()
    except (
        StudioError
    ) as error:  # a folder that isn't ours or can't be written: there is nowhere else to tell it
        _log.error("%s", error)
        return 2
    return code


def _lead(folder: RunFolder, settings: Settings, place: Place) -> int:
    from studio.engine.device import settle_imports
    from studio.training.failure import explain
    from studio.training.session import Session

    settle_imports()
    try:
        session = Session(folder, settings, place)
        result = session.run()
    except Exception as error:
        told = sentences(explain(error, folder))
        folder.update(state="failed", ended_at=time.time(), message=told)
        folder.append("message", level="error", **told)
        folder.append("ended", state="failed")
        return 1
    left: dict[str, Any] = {"lora": str(result.lora)} if result.lora else {}
    left |= {"seconds": round(result.seconds, 1), "peak_bytes": result.peak_bytes}
    folder.update(state=result.outcome, ended_at=time.time(), step=result.step, result=left)
    folder.append("ended", state=result.outcome)
    return 0


def _follow(folder: RunFolder, settings: Settings, place: Place) -> int:
    """One of the others. A loss that goes off all of them see alike, and the leader tells it; anything else ends this
    process with an error, at which the launcher ends them all."""
    from studio.training.session import Session

    with suppress(LossNotFinite, NothingKept):
        Session(folder, settings, place).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
