"""What happens beside the learning, step by step: telling, orders, averages, validation, checkpoints and samples.

One device reads its loss at every step; a GPU is asked for it at most twice a second, since each answer makes it wait. Of
several devices all must decide alike, so they go by the step's number and not by the clock."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from studio.disk import write_atomically
from studio.engine.device import Device, free_memory, is_out_of_memory, peak_bytes
from studio.errors import NotFinite
from studio.runs.folder import RunFolder
from studio.train_errors import LossNotFinite
from studio.training.averages import Averages
from studio.training.checkpoint import MadeFor, State, keep
from studio.training.errors import NothingKept
from studio.training.pace import Pace, smoothed
from studio.training.painting import Painter
from studio.training.report import Report
from studio.training.task import LoraTask
from studio.training.validation import Validation
from studio.words import Said, Text

Outcome = Literal["finished", "stopped"]

ABSURD_LOSS = 1e3
"""No learning loses so much: targets have a variance of 1."""
TELL_S = 0.5
TEAM_STEPS = 10
"""On GPUs, a team looks at its loss and orders after so many steps."""
LOOK_S = 0.2
"""Orders are looked for at most so often."""
OVERFLOWED = Text(
    "The sample at step {step} overflowed (NaN) and was left out; training goes on.",
    "第 {step} 步的试画出现溢出（NaN），已略过；训练继续进行。",
)
NO_ROOM = Text(
    "There was no memory for the sample at step {step}; it was left out, and training goes on.",
    "内存不足，第 {step} 步的试画已略过；训练继续进行。",
)

NO_MEMORY = Text(
    "DeepSpeed spreads the optimizer's memory over its processes; it begins anew, and the loss takes another course.",
    "DeepSpeed 把优化器状态分散在各进程中；优化器将重新开始，损失曲线会有所不同。",
)


@dataclass(frozen=True)
class Desk:
    """What the leader has at hand and the others have not."""

    folder: RunFolder
    painter: Painter
    validation: Validation
    made_for: MadeFor
    marks: dict[str, str]
    lora: Callable[[int], bytes]
    """The LoRA file as it would be at a step, from the network as it is."""


class Watch(Callback):
    """Stands beside the trainer. `desk` is None for all but the leader; `device` is what computes."""

    def __init__(
        self,
        report: Report,
        device: Device,
        averages: Averages | None,
        desk: Desk | None,
        begun_from: State | None = None,
    ) -> None:
        self.outcome: Outcome = "finished"
        self._report, self._device, self._averages, self._desk = report, device, averages, desk
        self._begun_from = begun_from
        self._smoothed = begun_from.smoothed if begun_from else None
        self._kept_at = begun_from.step if begun_from else 0
        self._spent = begun_from.seconds if begun_from else 0.0
        self._pace, self._told_to_stop = Pace(), False
        self._orders: set[str] = set()
        self._looked = self._read_at = 0.0
        self._sum: Tensor | None = None
        self._read_step = 0

    def on_train_start(self, trainer: Trainer, task: LoraTask) -> None:  # type: ignore[override]
        """Lightning's. Its own handling of signals ends at once; ours saves first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._read_step = task.step
        if self._begun_from is not None and self._begun_from.optimizer:
            trainer.optimizers[0].load_state_dict(dict(self._begun_from.optimizer))
            trainer.precision_plugin.load_state_dict(dict(self._begun_from.scaler))
        elif self._begun_from is not None:
            self._report.say(Said(NO_MEMORY, {}), "warning")
        if task.step == 0:
            self._validate(trainer, task)
        self._report.stage("train", task.step, task.steps)
        self._pace.begin()

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: Trainer, task: LoraTask, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning's, after each batch; the optimizer has stepped when a step's last one is done."""
        self._sum = outputs["told"] if self._sum is None else self._sum + outputs["told"]
        if (batch_idx + 1) % task.request.accumulate_grad_batches:
            return
        task.step += 1
        if self._averages is not None:
            self._averages.update(task.step)
        self._look_for_orders()
        if self._is_time(trainer, task):
            is_stopping = self._read(trainer, task)
            self._pace.begin()
            self._beside(trainer, task, is_stopping)
            self._pace.begin()

    def _on_signal(self, *_: Any) -> None:
        self._told_to_stop = True

    def _look_for_orders(self) -> None:
        now = time.monotonic()
        if self._desk is not None and now - self._looked >= LOOK_S:
            self._looked = now
            self._orders |= self._desk.folder.take_orders()

    def _is_time(self, trainer: Trainer, task: LoraTask) -> bool:
        """Whether to look at the loss now."""
        request, step = task.request, task.step
        intervals = (request.validation_every, request.checkpoint_every, request.sample_every)
        if self._device.kind == "cpu" or step == task.steps or any(n and step % n == 0 for n in intervals):
            return True
        if trainer.world_size > 1:
            return step % TEAM_STEPS == 0
        return bool(self._orders) or self._told_to_stop or time.monotonic() - self._read_at >= TELL_S

    def _read(self, trainer: Trainer, task: LoraTask) -> bool:
        """Tell of the steps since the last time; gives whether somebody wants to stop. Raises LossNotFinite or
        NothingKept, in all processes alike."""
        assert self._sum is not None
        wants_to_stop = "stop" in self._orders or self._told_to_stop
        told = torch.cat([self._sum, torch.tensor([float(wants_to_stop)], device=self._sum.device)])
        if trainer.world_size > 1:
            torch.distributed.all_reduce(told)
        lost, count, stopping = told.tolist()
        steps, self._sum = task.step - self._read_step, None
        self._read_step, self._read_at = task.step, time.monotonic()
        loss = lost / count
        self._pace.lap(steps, count)
        if not math.isfinite(loss) or loss > ABSURD_LOSS:
            raise self._lost(task, loss)
        self._smoothed = smoothed(self._smoothed, loss, task.step, steps)
        self._report.step(
            task.step,
            loss=loss,
            smoothed=self._smoothed,
            lr=task.rate_of(task.step - 1),
            pictures_per_s=round(self._pace.pictures_per_s, 3),
            eta_s=round(self._pace.seconds_for(task.steps - task.step), 1),
            memory_bytes=peak_bytes(self._device),
        )
        return bool(stopping)

    def _lost(self, task: LoraTask, loss: float) -> LossNotFinite | NothingKept:
        """What to raise when the learning has gone off."""
        facts = {"value": f"{loss:.4g}", "step": task.step, "rate": task.request.learning_rate}
        if self._kept_at:
            return LossNotFinite("learning_rate", kept=self._kept_at, **facts)
        return NothingKept("learning_rate", **facts)

    def _beside(self, trainer: Trainer, task: LoraTask, is_stopping: bool) -> None:
        """What is due at this step, or was ordered."""
        request, step = task.request, task.step
        is_last = step == task.steps
        if _is_due(request.validation_every, step, is_last) and not is_stopping:
            self._validate(trainer, task)
        if "save" in self._orders or is_last or is_stopping or _is_due(request.checkpoint_every, step):
            self._keep(trainer, task)
        wants_sample = "sample" in self._orders or _is_due(request.sample_every, step)
        if is_last or (wants_sample and not is_stopping):
            self._paint(task)
        self._orders.clear()
        if is_stopping and not is_last:
            self.outcome = "stopped"
            trainer.should_stop = True

    def _validate(self, trainer: Trainer, task: LoraTask) -> None:
        if self._desk is not None and self._desk.validation and task.request.validation_every:
            with self._averaged(), trainer.precision_plugin.forward_context():
                self._report.validation(task.step, self._desk.validation.loss(task))

    def _keep(self, trainer: Trainer, task: LoraTask) -> None:
        """Write a checkpoint; but not of weights that this very step has turned to NaN."""
        if not all(bool(torch.isfinite(p).all()) for p in task.trained.values()):
            raise self._lost(task, math.nan)
        self._kept_at = task.step
        if self._desk is None:
            return
        with self._averaged():
            lora = self._desk.lora(task.step)
        keeps_memory = not task.request.training_strategy.startswith("deepspeed")
        state = State(
            step=task.step,
            made_for=self._desk.made_for,
            marks=self._desk.marks,
            trained={name: p.detach().cpu() for name, p in task.trained.items()},
            optimizer=_on_cpu(trainer.optimizers[0].state_dict()) if keeps_memory else {},
            scaler=trainer.precision_plugin.state_dict(),
            averages=self._averages.state() if self._averages else None,
            smoothed=self._smoothed,
            seconds=self._spent + self._pace.seconds,
        )
        point = keep(self._desk.folder, state, lora, task.request.checkpoints_kept)
        names = [
            str(file.relative_to(self._desk.folder.path)) for file in (point.state_file, point.lora_file)
        ]
        self._report.checkpoint(task.step, *names)

    def _paint(self, task: LoraTask) -> None:
        if self._desk is None:
            return
        prompts, seed = self._desk.painter.prompts, task.request.sample_seed
        self._report.stage("sample", 0, len(prompts))
        try:
            with self._averaged():
                for index, picture in enumerate(self._desk.painter.paint(task.denoiser)):
                    file = self._desk.folder.samples_dir / f"step-{task.step:06d}-{index}.png"
                    write_atomically(file, picture)
                    self._report.sample(task.step, index, prompts[index], seed, f"samples/{file.name}")
                    self._report.stage("sample", index + 1, len(prompts))
        except NotFinite:
            self._report.say(Said(OVERFLOWED, {"step": task.step}), "warning")
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._report.say(Said(NO_ROOM, {"step": task.step}), "warning")
        free_memory(self._device)
        self._report.stage("train", task.step, task.steps)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        with self._averages.in_place() if self._averages else nullcontext():
            yield


def _is_due(every: int, step: int, is_last: bool = False) -> bool:
    return bool(every) and (step % every == 0 or is_last)


def _on_cpu(state: Any) -> Any:
    """A state with its tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().cpu()
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    return type(state)(_on_cpu(value) for value in state) if isinstance(state, list | tuple) else state
