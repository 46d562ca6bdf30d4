"""Where this process stands among those that train together, and what it computes on.

Lightning starts the others of a machine itself; torchrun and SLURM start all of them. Each says so in its own
environment variables, and they are needed before Lightning is asked: only the leader writes to the run's folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from studio.engine.device import Device, pick_device, pick_dtype
from studio.families.family import Family
from studio.train_errors import DevicesMissing, PackageMissing
from studio.train_request import TrainRequest
from studio.training.errors import NotSplit, TeamDiffers

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Place:
    """`rank` counts all processes, `local_rank` those of this machine; `together` is how many were started at once by
    somebody else (1 where Lightning will start the rest itself)."""

    rank: int = 0
    local_rank: int = 0
    together: int = 1

    @classmethod
    def found(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """What torchrun, SLURM or Lightning wrote into the environment."""

        def number(name: str, otherwise: int = 0) -> int:
            return int(environment[name]) if environment.get(name, "").isdigit() else otherwise

        if "TORCHELASTIC_RUN_ID" in environment:
            return cls(number("RANK"), number("LOCAL_RANK"), number("WORLD_SIZE", 1))
        if number("SLURM_NTASKS", 1) > 1 and "SLURM_PROCID" in environment:
            return cls(number("SLURM_PROCID"), number("SLURM_LOCALID"), number("SLURM_NTASKS", 1))
        return cls(number("LOCAL_RANK") + number("NODE_RANK") * number("WORLD_SIZE", 1), number("LOCAL_RANK"))

    @property
    def is_leader(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    def check(self, request: TrainRequest) -> None:
        """See that as many processes were started as the request counts on. Raises TeamDiffers."""
        wanted = request.devices * request.num_nodes
        if self.together not in (1, wanted) or (request.num_nodes > 1 and self.together == 1):
            facts = {"started": self.together, "devices": request.devices, "nodes": request.num_nodes}
            raise TeamDiffers("devices", **facts)


@dataclass(frozen=True)
class Ground:
    """The device of this process; `precision` in Lightning's words; `dtype` is what the frozen network is held in."""

    device: Device
    precision: str
    dtype: "torch.dtype"

    @classmethod
    def found(cls, request: TrainRequest, family: Family, place: Place, parameters: int) -> Self:
        """The best device of this machine, and the precision asked for or fit for a model of `parameters` numbers.
        Raises DevicesMissing."""
        import torch

        device = pick_device()
        if device.kind == "cuda":
            here = torch.cuda.device_count()
            if request.devices > here:
                raise DevicesMissing("devices", wanted=request.devices, found=here)
            torch.cuda.set_device(place.local_rank)
            torch.set_float32_matmul_precision("high")
        precision = _precision(request.precision, device, family, parameters)
        formats = {"32": torch.float32, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
        return cls(device, "32-true" if precision == "32" else precision, formats[precision])

    def for_trainer(self, request: TrainRequest) -> dict[str, Any]:
        """What Lightning's Trainer is told of devices. Raises NotSplit or PackageMissing."""
        strategy, more = request.training_strategy, dict[str, Any]()
        if strategy == "deepspeed_stage_3":
            raise NotSplit("training_strategy", value=strategy)
        if strategy.startswith("deepspeed"):
            need("deepspeed", "training_strategy", strategy, "auto")
            more["gradient_clip_val"] = request.gradient_clip or None  # it clips by itself
        else:
            strategy = "ddp" if request.devices * request.num_nodes > 1 else "auto"
        return more | {
            "accelerator": {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}[self.device.kind],
            "devices": request.devices,
            "num_nodes": request.num_nodes,
            "strategy": strategy,
            "precision": self.precision,
        }


def need(package: str, field: str, value: str, instead: str) -> None:
    """See that a package is there for what `field` asks. Raises PackageMissing."""
    if find_spec(package) is None:
        label = TrainRequest.settings()[field].label
        raise PackageMissing(field, label=label, value=value, package=package, instead=instead)


def _precision(asked: str, device: Device, family: Family, parameters: int) -> str:
    """Auto is what the engine would pick. Lightning has no float16 on a CPU: bfloat16 stands in for it."""
    import torch

    if asked == "auto":
        dtype = pick_dtype(device, "auto", family.fp16_is_safe, parameters)
        return {torch.float32: "32", torch.float16: "16-mixed", torch.bfloat16: "bf16-mixed"}[dtype]
    return "bf16-mixed" if asked == "16-mixed" and device.kind == "cpu" else asked
