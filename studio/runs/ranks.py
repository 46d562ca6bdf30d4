"""One run for many processes: torchrun and SLURM start every rank of a training by themselves, each with the same
command line, and all of them must work on the same run.

Rank 0 makes the run and leaves its id in `<runs>/.ranks/<key>`; the others wait for that file. The key is a word that
all ranks of one launch know and no other launch does (`launch_key`). As it stays the same when the launcher starts its
ranks anew (torchrun's restarts, a SLURM job that was preempted and requeued), rank 0 then finds its run again, and the
training goes on from the last checkpoint. Needed is only that all ranks see the same folder of runs."""

import hashlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from studio.disk import write_atomically
from studio.runs.folder import RunFolder
from studio.runs.process import Process
from studio.runs.runs import Runs
from studio.train_errors import RanksApart, RunNotResumable, TrainingNameless
from studio.train_request import TrainRequest

PATIENCE_S = 120.0
_RANKS_DIR = ".ranks"
_PAUSE_S = 0.1


def launched_rank(environment: Mapping[str, str] = os.environ) -> int | None:
    """This process's rank among those that torchrun or SLURM's srun started; None when neither did."""
    for ranks, rank in (("WORLD_SIZE", "RANK"), ("SLURM_NTASKS", "SLURM_PROCID")):
        if environment.get(ranks, "").isdigit() and environment.get(rank, "").isdigit():
            return int(environment[rank])
    return None


def launch_key(environment: Mapping[str, str] = os.environ) -> str:
    """A word for this launch: INKSTONE_RUN, else the SLURM job and step, else torchrun's --rdzv-id, else, on one
    machine, the process that started all ranks. Raises TrainingNameless where none of these is there."""
    job = environment.get("SLURM_JOB_ID", "")
    rendezvous = environment.get("TORCHELASTIC_RUN_ID", "none")
    starter = Process.found(os.getppid())
    if told := environment.get("INKSTONE_RUN", ""):
        key = f"run-{told}"
    elif job:
        key = f"slurm-{job}-{environment.get('SLURM_STEP_ID', '0')}"
    elif rendezvous != "none":
        key = f"torchrun-{rendezvous}"
    elif environment.get("LOCAL_WORLD_SIZE") == environment.get("WORLD_SIZE") and starter is not None:
        key = f"process-{starter.pid}-{starter.started_at:.2f}"
    else:
        raise TrainingNameless(None)
    mark = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', key)[:60]}-{mark}"


def shared_run(
    runs: Runs, request: TrainRequest, rank: int, environment: Mapping[str, str] = os.environ
) -> RunFolder:
    """The run that all ranks of this launch work on; rank 0 makes it, or takes it up again. Raises RanksApart when
    rank 0 doesn't, RunNotResumable when the launch's run is finished, and what `Runs.create` raises."""
    meeting = runs.dir / _RANKS_DIR / launch_key(environment)
    if rank == 0:
        return _lead(runs, request, meeting)
    deadline = time.monotonic() + PATIENCE_S
    while not (id := _read(meeting)) or not (runs.dir / id).is_dir():
        if time.monotonic() > deadline:
            raise RanksApart(None, rank=rank, seconds=round(PATIENCE_S))
        time.sleep(_PAUSE_S)
    return _unfinished(runs, id)


def _lead(runs: Runs, request: TrainRequest, meeting: Path) -> RunFolder:
    for old in meeting.parent.glob("[!.]*"):
        if not (runs.dir / _read(old)).is_dir():
            old.unlink(missing_ok=True)
    id = _read(meeting)
    if id and (runs.dir / id).is_dir():
        return runs.resume_here(_unfinished(runs, id).id)
    folder = runs.begin_here(request)
    write_atomically(meeting, folder.id.encode())
    return folder


def _unfinished(runs: Runs, id: str) -> RunFolder:
    view = runs.get(id)
    if view.state == "finished":
        raise RunNotResumable(None, id=id, state=view.title)
    return view.folder


def _read(meeting: Path) -> str:
    try:
        return meeting.read_text(encoding="utf-8")
    except OSError:
        return ""
