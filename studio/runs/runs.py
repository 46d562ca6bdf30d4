"""The runs of this machine: what there is, the queue, and orders to the one at work.

One lock file stands before every change that the queue makes; reading takes none. There is no supervisor that could
die: whoever looks (page, command line, a worker that ends) calls `tick`, which tells the truth about runs whose
process is gone and starts the next one."""

import logging
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from studio.datasets import folder as datasets
from studio.disk import storage_error
from studio.errors import StudioError
from studio.runs.checks import check, whole_paths
from studio.runs.folder import LOCK_FILE, Order, RunFolder
from studio.runs.lock import locked
from studio.runs.names import free_name, free_path, name_of, slug
from studio.runs.process import Process
from studio.runs.record import ACTIVE, Record, this_host
from studio.runs.start import bury, start
from studio.runs.view import Looking, RunView, queue_of
from studio.settings import Settings
from studio.shelf.loras import lora_files
from studio.train_errors import (
    DatasetChanged,
    NameTaken,
    RunAlive,
    RunMissing,
    RunNotAlive,
    RunNotResumable,
    TrainingNotHere,
)
from studio.train_request import TrainRequest

WORKER = (sys.executable, "-m", "studio.training.worker")
CACHE_DIR = "cache"
_log = logging.getLogger(__name__)


class Runs:
    """All runs under one folder. `worker` is the command that is given a run's folder and trains it."""

    def __init__(self, settings: Settings, worker: Sequence[str] = WORKER) -> None:
        self._settings, self._worker = settings, tuple(worker)
        self.dir = settings.runs_dir
        self._looking = Looking()

    def list(self) -> list[RunView]:
        """Every run, the newest first; unreadable ones too."""
        folders = [p for p in self.dir.glob("[!.]*") if p.is_dir() and p.name != CACHE_DIR]
        views = self._looking.look(folders)
        queue = queue_of(views)
        placed = [replace(v, position=queue.index(v.id) + 1) if v.id in queue else v for v in views]
        kept = [v for v in placed if not v.broken or v.folder.path.is_dir()]  # not deleted while we looked
        return sorted(kept, key=lambda view: (view.id[:15], view.record.created_at, view.id), reverse=True)

    def get(self, id: str) -> RunView:
        """One run; raises RunMissing. An id is only looked up, never made into a path."""
        views = {view.id: view for view in self.list()}
        if id not in views:
            raise RunMissing(None, id=id[:80], known=", ".join(list(views)[:8]) or "-")
        return views[id]

    def create(self, request: TrainRequest) -> RunView:
        """Put a new run into the queue and see that the queue moves. Raises what keeps it from starting: a name that
        is taken, a dataset, model or path that isn't there, a disk without room."""
        made = self._make(request, Record(queued_at=time.time()))
        self.tick()
        return self.get(made.id)

    def begin_here(self, request: TrainRequest) -> RunFolder:
        """A new run whose worker is this very process, past the queue: for launchers that start the processes
        themselves. Raises as `create` does."""
        return self._make(request, Record(**_here()))

    def tick(self) -> None:
        """Mark runs whose process is gone as interrupted, and start the next one if none is at work here."""
        if not self.dir.is_dir():
            return
        with self._lock():
            self._sweep()
            views = self.list()
            for view in views:
                if view.state == "interrupted" and view.record.state in ACTIVE:
                    bury(view)
            is_idle = not any(view.is_active and view.record.is_here for view in views)
            waiting = queue_of(views)
            while is_idle and waiting:
                is_idle = not start(RunFolder(self.dir / waiting.pop(0)), self._worker, self._settings)

    def watch(self, every_s: float = 2.0) -> None:
        """Tick from now on in a thread of its own, for as long as this process lives: with nobody looking at the page,
        a worker that was killed must not hold up the queue."""

        def ticks() -> None:
            while True:
                try:
                    self.tick()
                except StudioError as error:  # a full disk may have room again later
                    _log.warning("runs: %s", error)
                time.sleep(every_s)

        threading.Thread(target=ticks, name="runs", daemon=True).start()

    def stop(self, id: str) -> RunView:
        """Take a run out of the queue, or have its worker save and stop. Raises RunNotAlive."""
        with self._lock():
            view = self._readable(id)
            if view.state == "queued":
                view.folder.append("ended", state="stopped")
                view.folder.update(state="stopped", ended_at=time.time())
            else:
                self._order(view, "stop")
        return self.get(id)

    def save_now(self, id: str) -> None:
        """Have the worker write a checkpoint at its next step. Raises RunNotAlive."""
        self._order(self._readable(id), "save")

    def sample_now(self, id: str) -> None:
        """Have the worker paint samples at its next step. Raises RunNotAlive."""
        self._order(self._readable(id), "sample")

    def kill(self, id: str) -> RunView:
        """End the worker at once; what came after its last checkpoint is lost. Raises RunNotAlive."""
        view = self._readable(id)
        process = view.record.process
        if not view.is_active or process is None or not view.record.is_here:
            raise RunNotAlive(None, id=id, state=view.title)
        process.kill()
        self.tick()
        return self.get(id)

    def resume(self, id: str, accept_changes: bool = False) -> RunView:
        """Queue a run that ended early, to go on from its last whole checkpoint. Raises RunNotResumable, DatasetChanged
        (unless changes are accepted), or what `create` raises for things that went away."""
        self._take_up(id, accept_changes, state="queued", queued_at=time.time(), pid=None)
        self.tick()
        return self.get(id)

    def resume_here(self, id: str) -> RunFolder:
        """Go on with a run in this very process, past the queue. Raises as `resume` does."""
        self._take_up(id, False, **_here())
        return RunFolder(self.dir / id)

    def rerun(self, id: str, **changes: Any) -> RunView:
        """A new run with the same request, some fields changed; without a new name it gets one that is free."""
        request = self._readable(id).request.with_(**changes)
        if "name" not in changes:
            request = request.with_(name=free_name(request.name, self._taken_names()))
        return self.create(request)

    def delete(self, id: str) -> None:
        """Remove a run and all it holds, save the finished LoRA. Raises RunAlive, NotWritable."""
        with self._lock():
            view = self.get(id)
            if view.is_active:
                raise RunAlive(None, id=id, state=view.title)
            gone = self.dir / f".gone-{secrets.token_hex(4)}"
            try:
                view.folder.path.rename(gone)
            except OSError as error:
                raise storage_error(error, view.folder.path) from None
        shutil.rmtree(gone, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with locked(self.dir / LOCK_FILE):
            yield

    def _readable(self, id: str) -> RunView:
        view = self.get(id)
        if view.broken:
            raise view.broken
        return view

    def _may_train(self) -> None:
        if not self._settings.may_train:
            raise TrainingNotHere(None, host=self._settings.host)

    def _taken_names(self) -> set[str]:
        """Names of LoRAs that are there, and of those on their way, in lower case."""
        there = set(lora_files(self._settings.loras_dir))
        coming = {view.name for view in self.list() if view.state == "queued" or view.is_active}
        return {name.lower() for name in there | coming}

    def _make(self, request: TrainRequest, record: Record) -> RunFolder:
        self._may_train()
        request = whole_paths(request)
        check(request, self._settings)
        with self._lock():
            taken = self._taken_names()
            if request.name.lower() in taken:
                raise NameTaken("name", name=request.name, free=free_name(request.name, taken))
            if not request.name:
                request = request.with_(name=free_name(name_of(Path(request.dataset_path)), taken))
            part = self.dir / f".new-{secrets.token_hex(4)}"
            now = datetime.now()
            try:
                part.mkdir()
                RunFolder(part).make(request, replace(record, created_at=now.timestamp()))
                path = free_path(self.dir, f"{now:%Y%m%d-%H%M%S}-{slug(request.name)}")
                part.rename(path)
            except OSError as error:
                raise storage_error(error, self.dir) from None
        return RunFolder(path)

    def _order(self, view: RunView, command: Order) -> None:
        if not view.is_active:
            raise RunNotAlive(None, id=view.id, state=view.title)
        view.folder.order(command)

    def _take_up(self, id: str, accept_changes: bool, **changes: Any) -> None:
        self._may_train()
        view = self._readable(id)
        points = view.folder.checkpoints()
        step = points[-1].step if points else 0
        self._check_resumable(view)
        check(view.request, self._settings)
        if not accept_changes:
            self._compare(view)
        with self._lock():
            self._check_resumable(self._readable(id))  # somebody else may have been quicker
            view.folder.drop_orders()
            view.folder.update(**changes, ended_at=None, message=None, step=step, accept_changes=accept_changes,
                               resumed_from=step if points else None)  # fmt: skip

    def _check_resumable(self, view: RunView) -> None:
        if not view.can_resume:
            raise RunNotResumable(None, id=view.id, state=view.title)

    def _compare(self, view: RunView) -> None:
        before = view.folder.marks()
        if before is None:
            return
        pictures = datasets.read_folder(Path(view.request.dataset_path))
        if change := datasets.difference(before, datasets.marks(pictures.items)):
            raise DatasetChanged("dataset_path", **vars(change))

    def _sweep(self) -> None:
        """Remove what a crash left half made or half deleted."""
        for left in (*self.dir.glob(".new-*"), *self.dir.glob(".gone-*")):
            shutil.rmtree(left, ignore_errors=True)


def _here() -> dict[str, Any]:
    """What a record says when this process is the worker."""
    this, now = Process.this(), time.time()
    return {"state": "running", "queued_at": now, "started_at": now, "heartbeat_at": now, "host": this_host(),
            "pid": this.pid, "process_started_at": this.started_at}  # fmt: skip
