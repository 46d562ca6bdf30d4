"""One run from its request to its files: load, encode, train, export."""

import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.datasets.folder import difference
from studio.engine.device import peak_bytes, use_threads
from studio.engine.load import open_part
from studio.runs.folder import RunFolder
from studio.runs.runs import CACHE_DIR
from studio.settings import Settings
from studio.train_errors import DatasetChanged
from studio.training.adapters import add_adapter, changes_of, load_trained
from studio.training.averages import Averages
from studio.training.checkpoint import MadeFor, State, load_newest
from studio.training.encoding import Encoding, Library
from studio.training.export import Exporting
from studio.training.fit import fit
from studio.training.objective import Objective
from studio.training.painting import Painter
from studio.training.pictures import Pictures
from studio.training.place import Ground, Place
from studio.training.quantize import check_quantization, quantize
from studio.training.report import Report
from studio.training.sources import Sources
from studio.training.store import Store
from studio.training.stream import Stream
from studio.training.task import LoraTask
from studio.training.validation import Validation
from studio.training.watch import Desk, Outcome, Watch
from studio.words import Said, Text

LOW_RATE = Text(
    "Prodigy multiplies the rate that it finds by the learning rate, now {rate:g}; 1 is usual.",
    "Prodigy 会把自己找到的学习率乘以“学习率”（现在是 {rate:g}）；通常设为 1。",
)
HALF_ON_CPU = Text("A CPU has no 16-mixed; bf16-mixed is used.", "CPU 不支持 16-mixed，改用 bf16-mixed。")


@dataclass(frozen=True)
class Result:
    """What a run came to; `lora` is the finished file, of a finished run's leader."""

    outcome: Outcome
    step: int
    lora: Path | None
    seconds: float
    peak_bytes: int


class _Stopped(Exception):
    """An order to stop, before there was anything to save."""


class Session:
    """A run in this process; every process of a team has one."""

    def __init__(self, folder: RunFolder, settings: Settings, place: Place) -> None:
        self.request = folder.request()
        self.report = Report(folder if place.is_leader else None)
        self._folder, self._settings, self._place = folder, settings, place
        self._began = time.time()
        self._state: State | None = None

    def run(self) -> Result:
        """All of it, from the newest checkpoint on. Raises StudioError, or whatever torch raises out of memory."""
        use_threads()
        self.report.stage("load", 0, 2)
        self._open()
        self._take_up()
        pictures = self._read_pictures()
        self._speak(pictures)
        try:
            library = self._encode(pictures)
        except _Stopped:
            return self._result("stopped", self._step)
        self.report.stage("load", 1, 2)
        task = self._task(pictures, library)
        averages = self._averages(task)
        self.report.stage("load", 2, 2)
        return self._learn(pictures, library, task, averages)

    def _learn(
        self, pictures: Pictures, library: Library, task: LoraTask, averages: Averages | None
    ) -> Result:
        exporting = Exporting(self.request, self._sources.card, pictures.plan, pictures.size, self._began)
        desk = self._desk(pictures, library, task, exporting) if self._place.is_leader else None
        watch = Watch(self.report, self._ground.device, averages, desk, self._state)
        if task.step < task.steps:
            fit(task, watch, self._ground.for_trainer(self.request))
        lora = None
        if desk is not None and watch.outcome == "finished":
            with averages.in_place() if averages else nullcontext():
                lora = self._export(exporting, task)
        return self._result(watch.outcome, task.step, lora)

    def _result(self, outcome: Outcome, step: int, lora: Path | None = None) -> Result:
        return Result(outcome, step, lora, time.time() - self._began, peak_bytes(self._ground.device))

    @property
    def _step(self) -> int:
        """The step that the run is taken up after."""
        return self._state.step if self._state else 0

    def _open(self) -> None:
        """See that everything is there that will be needed."""
        self._place.check(self.request)
        self._sources = Sources.of(self.request, self._settings)
        family = self._sources.family
        self._ground = Ground.found(self.request, family, self._place, self._sources.parameters())
        self._ground.for_trainer(self.request)
        check_quantization(self.request, self._ground)

    def _take_up(self) -> None:
        """Find the newest checkpoint that can be read."""
        base = self._sources.fingerprint(self._sources.family.denoiser)
        self._made_for = MadeFor.of(self.request, base)
        self._state, said = load_newest(self._folder, self._made_for)
        self.report.started(self._state.step if self._state else None)
        for sentence in said:
            self.report.say(sentence, "warning")

    def _read_pictures(self) -> Pictures:
        """Raises DatasetChanged where they are no more what the run was begun with, unless that was accepted."""
        sources = self._sources
        pictures = Pictures.of(self.request, sources.card.sizes, sources.family.size_multiple)
        if self._state is not None and not self._folder.record().accept_changes:
            change = difference(self._state.marks, pictures.marks)
            if change:
                raise DatasetChanged("dataset_path", **vars(change))
        if self._place.is_leader:
            self._folder.keep_marks(pictures.marks)
            self._folder.update(steps=pictures.plan.steps)
        return pictures

    def _speak(self, pictures: Pictures) -> None:
        for said in pictures.said:
            self.report.say(said)
        if self.request.optimizer == "prodigy" and self.request.learning_rate < 0.1:
            self.report.say(Said(LOW_RATE, {"rate": self.request.learning_rate}), "warning")
        if self.request.precision == "16-mixed" and self._ground.device.kind == "cpu":
            self.report.say(Said(HALF_ON_CPU, {}), "warning")

    def _encode(self, pictures: Pictures) -> Library:
        store = Store(self._settings.runs_dir / CACHE_DIR)
        encoding = Encoding(self._sources, self._ground, self._place, store, self._tell_encoded)
        prompts = pictures.prompts(self.request)
        return encoding.run(self.request, pictures.items, pictures.sizes, prompts)

    def _tell_encoded(self, done: int, total: int) -> None:
        """How far encoding is. An order to stop is obeyed here, unless others would wait in vain for this share."""
        self.report.stage("encode", done, total)
        if self._place.is_leader and self._place.together == 1 and "stop" in self._folder.waiting_orders():
            self._folder.take_orders()
            raise _Stopped

    def _denoiser(self) -> Any:
        """The frozen denoiser, on the device."""
        is_whole = self.request.quantize_base == "none"
        opened = self._part(self._sources.family.denoiser, self._ground.device.kind if is_whole else "cpu")
        if self.request.use_gradient_checkpointing:
            opened.enable_gradient_checkpointing()
        return quantize(opened, self.request, self._ground)

    def _task(self, pictures: Pictures, library: Library) -> LoraTask:
        denoiser, family, request = self._denoiser(), self._sources.family, self.request
        trained = add_adapter(denoiser, request, self._sources.card.title.en)
        if self._state is not None:
            load_trained(trained, self._state.trained)
        objective = Objective.of({**self._part("scheduler", "cpu"), **self._sources.card.scheduler})

        def stream_for(rank: int, world: int) -> Stream:
            return Stream(pictures.plan, library, request, objective.timesteps, rank, world)

        steps = pictures.plan.steps
        return LoraTask(request, family, denoiser, trained, objective, stream_for, steps, self._step)

    def _averages(self, task: LoraTask) -> Averages | None:
        if not self.request.ema_decay:
            return None
        averages = Averages(task.trained, self.request.ema_decay)
        if self._state is not None and self._state.averages is not None:
            averages.restore(self._state.averages)
        return averages

    def _desk(self, pictures: Pictures, library: Library, task: LoraTask, exporting: Exporting) -> Desk:
        prompts = pictures.prompts(self.request)
        aside = range(len(pictures.train), len(pictures.items))
        return Desk(
            self._folder,
            Painter(self._sources, self._ground, library, self.request, prompts, pictures.size),
            Validation(library, aside, self.request, task.objective.timesteps),
            self._made_for,
            pictures.marks,
            lambda step: exporting.lora(changes_of(task.denoiser), step),
        )

    def _export(self, exporting: Exporting, task: LoraTask) -> Path:
        self.report.stage("export", 0, 1)
        samples = sorted(self._folder.samples_dir.glob("step-*-0.png"))
        thumbnail = samples[-1].read_bytes() if samples else None
        changes = changes_of(task.denoiser)
        lora = exporting.leave(changes, task.step, self._settings.loras_dir, thumbnail)
        self.report.stage("export", 1, 1)
        return lora

    def _part(self, name: str, device: str) -> Any:
        sources = self._sources
        return open_part(
            sources.family.part(name), sources.card.folder, device, self._ground.dtype, sources.parts[name]
        )
