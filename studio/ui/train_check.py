"""The pre-flight as the page makes it: reads the pictures, lays out the steps as the worker will, weighs them."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from studio.datasets.folder import PictureFolder, read_folder
from studio.disk import free_bytes
from studio.engine.host import Facts
from studio.errors import StudioError
from studio.families import families
from studio.runs import Runs, RunView
from studio.runs.costs import ModelCosts, read_costs
from studio.runs.estimate import Bench, Pictures
from studio.runs.machine import Machine, Past, PastRun, past_run, this_machine
from studio.runs.names import free_name
from studio.runs.preflight import Preflight, Refusal, preflight
from studio.studio import Studio
from studio.train_errors import NameTaken
from studio.train_plan import Plan, make_plan
from studio.train_request import TrainRequest
from studio.words import Said

MOST_PAST = 6
"""So many of the latest runs are asked how fast this machine is."""
SUPPOSED = 24
"""Pictures of a usual set."""

Mark = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Checked:
    """What was found out about a request: its pictures, its pre-flight, or what is wrong with it. Nothing at all when
    no dataset is chosen yet."""

    folder: PictureFolder | None = None
    weighed: Preflight | None = None
    fault: StudioError | None = None
    refusal: Refusal | None = None

    @property
    def may_start(self) -> bool:
        """Whether a run could begin as things are."""
        return self.folder is not None and self.weighed is not None and self.refusal is None


@dataclass
class Checks:
    """Checks requests. What is read of pictures, models and past runs is kept until the files change."""

    studio: Studio
    runs: Runs
    _folders: dict[Path, tuple[Mark, PictureFolder]] = field(default_factory=dict)
    _costs: dict[tuple[Path, str, str, str], tuple[Mark, ModelCosts]] = field(default_factory=dict)
    _past: dict[str, tuple[int, PastRun | None]] = field(default_factory=dict)
    _facts: Facts | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, request: TrainRequest) -> Checked:
        """All that can be known before the start. Where no folder of this machine may be named, none is looked at: what
        is told is then what as many pictures as usual would take."""
        if not self.studio.settings.may_import_paths:
            return self._supposed(request)
        if not request.dataset_path:
            return Checked()
        folder = None
        try:
            folder = self.pictures(Path(request.dataset_path).expanduser())
            weighed = self._weigh(request, _divided(request, folder))
        except StudioError as error:
            return Checked(folder, fault=error)
        return Checked(folder, weighed, refusal=self._name_refusal(request) or weighed.refusal)

    def pictures(self, path: Path) -> PictureFolder:
        """A picture folder; raises what `read_folder` does."""
        mark = _mark_of(path)
        with self._lock:
            known = self._folders.get(path)
            if known is None or known[0] != mark:
                self._folders.clear()
                known = self._folders[path] = mark, read_folder(path)
            return known[1]

    def machine(self) -> Machine:
        """What the run would have, by what the engine last said of itself."""
        found = self.studio.engine.describe() if self.studio.engine.is_ready else None
        self._facts = found or self._facts
        if self._facts is None:
            return this_machine()
        facts = self._facts
        return this_machine(facts.device, facts.name, facts.memory_bytes, facts.threads)

    def numbers(self, request: TrainRequest) -> int:
        """How many numbers the networks of a request's model hold in all."""
        costs = self._costs_of(request, self.studio.shelf.model(request.model).folder)
        return sum(part.parameters for part in (costs.denoiser, costs.text_encoder, costs.autoencoder))

    def _supposed(self, request: TrainRequest) -> Checked:
        try:
            size = self.studio.shelf.model(request.model).sizes[0]
            return Checked(weighed=self._weigh(request, Pictures((size,) * SUPPOSED, captioned=SUPPOSED)))
        except StudioError as error:
            return Checked(fault=error)

    def _weigh(self, request: TrainRequest, pictures: Pictures) -> Preflight:
        card = self.studio.shelf.model(request.model)
        multiple = families()[card.family].size_multiple

        def planner(asked: TrainRequest) -> Plan:
            return make_plan(asked, pictures.sizes, card.sizes, multiple)

        bench = Bench(self._costs_of(request, card.folder), pictures, self.machine(), self._learnt())
        return preflight(request, planner, bench, free_bytes(self.studio.settings.runs_dir))

    def _costs_of(self, request: TrainRequest, model_dir: Path) -> ModelCosts:
        named = (
            request.pretrained_unet_path,
            request.pretrained_text_encoder_path,
            request.pretrained_fp16_vae_path,
        )
        mark = _mark_of(model_dir)
        with self._lock:
            known = self._costs.get((model_dir, *named))
            if known is None or known[0] != mark:
                known = self._costs[(model_dir, *named)] = mark, read_costs(model_dir, *named)
            return known[1]

    def _learnt(self) -> Past:
        views = [view for view in self.runs.list() if not view.broken and view.record.step][:MOST_PAST]
        return Past(tuple(run for view in views if (run := self._past_of(view))))

    def _past_of(self, view: RunView) -> PastRun | None:
        with self._lock:
            known = self._past.get(view.id)
            if known is None or known[0] != view.record.step:
                found = past_run(view.request, view.folder.events()[0])
                known = self._past[view.id] = view.record.step, found
            return known[1]

    def _name_refusal(self, request: TrainRequest) -> Refusal | None:
        """A name that is taken is told before the start, with one that is free."""
        taken = {card.name.lower() for card in self.studio.shelf.loras()}
        taken |= {view.name.lower() for view in self.runs.list() if view.is_active or view.state == "queued"}
        if not request.name or request.name.lower() not in taken:
            return None
        free = free_name(request.name, taken)
        return Refusal(Said(NameTaken.text, {"name": request.name, "free": free}), "name", {"name": free})


def _divided(request: TrainRequest, folder: PictureFolder) -> Pictures:
    """The pictures as the worker divides them: its own validation folder, or a share of the others."""
    sizes = tuple((item.width, item.height) for item in folder.train)
    captioned = sum(bool(item.caption) for item in folder.train)
    if folder.validation or not request.validation_share:
        return Pictures(sizes, len(folder.validation), captioned)
    held = min(round(len(sizes) * request.validation_share), len(sizes) - 1)
    return Pictures(sizes[held:], held, captioned)


def _mark_of(path: Path) -> Mark:
    """Names, sizes and times of all files under a folder: equal means unchanged."""
    return tuple(sorted(_marks(str(path)))) if path.is_dir() else ()


def _marks(path: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _marks(entry.path)
            else:
                stat = entry.stat()
                yield entry.path, stat.st_size, stat.st_mtime_ns
