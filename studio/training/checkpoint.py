"""Points that a run can be taken up from: all its state in one file, and the LoRA as it was then beside it.

Our own file and not Lightning's: it holds the adapter and no base weights, is read without unpickling objects, and one
process writes it for all, because under DDP everybody has the same. The LoRA is written first; the state, once it is
there, means that both are whole."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch

from studio.disk import write_atomically
from studio.runs.folder import Checkpoint, RunFolder
from studio.train_errors import OtherAdapter, OtherBase
from studio.train_request import TrainRequest
from studio.words import Said, Text

FORMAT = 1
UNREADABLE = Text(
    "The checkpoint of step {step} can't be read; an earlier one is taken.",
    "第 {step} 步的检查点无法读取，改用更早的一个。",
)
_LABELS = {
    "adapter": Text("adapter", "适配器类型"),
    "rank": Text("rank", "秩"),
    "alpha": Text("alpha", "alpha"),
    "targets": Text("target layers", "目标层"),
    "optimizer": Text("optimizer", "优化器"),
}


@dataclass(frozen=True)
class MadeFor:
    """What a state fits: a base by name and by the mark of its weights, and the shape of the adapter."""

    model: str
    base: str
    adapter: str
    rank: int
    alpha: float
    targets: str
    optimizer: str

    @classmethod
    def of(cls, request: TrainRequest, base: str) -> Self:
        """What a run of this request makes, on the denoiser with the mark `base`."""
        return cls(request.model, base, request.adapter, request.lora_rank, request.lora_alpha,
                   ",".join(request.targets), request.optimizer)  # fmt: skip


@dataclass(frozen=True)
class State:
    """All that going on needs after `step` steps. `marks` are those of the pictures; `smoothed` the loss as the curve
    shows it."""

    step: int
    made_for: MadeFor
    marks: Mapping[str, str]
    trained: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    scaler: Mapping[str, Any]
    averages: Mapping[str, torch.Tensor] | None
    smoothed: float | None
    seconds: float

    def to_bytes(self) -> bytes:
        """A torch file without objects."""
        told = {f: getattr(self, f) for f in self.__dataclass_fields__} | {
            "format": FORMAT,
            "made_for": asdict(self.made_for),
        }
        written = io.BytesIO()
        torch.save(told, written)
        return written.getvalue()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """What `to_bytes` gave. Raises ValueError, whatever is wrong with it."""
        try:
            told = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
            if told.pop("format") != FORMAT:
                raise ValueError("another format")
            return cls(**told | {"made_for": MadeFor(**told["made_for"])})
        except Exception as error:  # torch and pickle raise many kinds at broken files
            raise ValueError(str(error)[:200]) from None

    def check(self, made_for: MadeFor) -> None:
        """See that it fits a run. Raises OtherBase or OtherAdapter."""
        theirs = self.made_for
        if theirs.base != made_for.base:
            raise OtherBase("model", step=self.step, was=_name(theirs), now=_name(made_for))
        for name, label in _LABELS.items():
            was, now = getattr(theirs, name), getattr(made_for, name)
            if was != now:
                raise OtherAdapter("lora_rank", step=self.step, label=label, was=was, now=now)


def load_newest(folder: RunFolder, made_for: MadeFor) -> tuple[State | None, list[Said]]:
    """The state of the newest checkpoint that can be read, and what is to be said of newer ones that can't; None where
    the run has none. Raises OtherBase or OtherAdapter."""
    said: list[Said] = []
    for point in reversed(folder.checkpoints()):
        try:
            state = State.from_bytes(point.state_file.read_bytes())
        except (OSError, ValueError):
            said.append(Said(UNREADABLE, {"step": point.step}))
            continue
        state.check(made_for)
        return state, said
    return None, said


def file_of(folder: RunFolder, step: int) -> Checkpoint:
    """Where the checkpoint of a step is kept."""
    state_file = folder.checkpoints_dir / f"step-{step:06d}.ckpt"
    return Checkpoint(step, state_file, state_file.with_suffix(".safetensors"))


def keep(folder: RunFolder, state: State, lora: bytes, most: int) -> Checkpoint:
    """Write a checkpoint, then drop the oldest beyond `most`. Raises StorageError, with the earlier ones untouched."""
    point = file_of(folder, state.step)
    write_atomically(point.lora_file, lora)
    write_atomically(point.state_file, state.to_bytes())
    _drop(folder.checkpoints()[:-most])
    return point


def _drop(points: Sequence[Checkpoint]) -> None:
    for point in points:
        point.state_file.unlink(missing_ok=True)
        point.lora_file.unlink(missing_ok=True)


def _name(made_for: MadeFor) -> str:
    return f"{made_for.model} ({made_for.base[:8]})"
