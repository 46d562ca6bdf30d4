"""Which device computes, in which number format, with how many threads: chosen here, by itself."""

import gc
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.engine.plan import Room
from studio.errors import UnknownChoice
from studio.words import Text

if TYPE_CHECKING:
    import torch

PRECISIONS: dict[str, Text] = {
    "auto": Text("Auto", "自动"),
    "fp32": Text("fp32 (exact, slow on GPUs)", "fp32（最精确，GPU 上较慢）"),
    "bf16": Text("bf16 (fast on recent GPUs)", "bf16（新显卡上快）"),
    "fp16": Text("fp16 (fast, may overflow)", "fp16（快，可能溢出）"),
}


@dataclass(frozen=True)
class Device:
    """A device as torch calls it, and as its maker does."""

    kind: Literal["cuda", "mps", "cpu"]
    name: str
    memory_bytes: int


def pick_device() -> Device:
    """The best device of this machine."""
    import torch

    if torch.cuda.is_available():
        facts = torch.cuda.get_device_properties(0)
        return Device("cuda", facts.name, facts.total_memory)
    if torch.backends.mps.is_available():
        return Device("mps", "Apple GPU", _machine_memory())
    return cpu()


def cpu() -> Device:
    """The processor of this machine."""
    return Device("cpu", f"CPU × {threads()}", _machine_memory())


def room(device: Device) -> Room:
    """The memory that a job may fill: what is free and what this process holds already, which it can give up. On a CPU all
    of it, so that a plan doesn't hang on what else is open."""
    import torch

    main = _machine_memory()
    if device.kind == "cpu":
        return Room(main, main, "cpu")
    if device.kind == "mps":
        return Room(torch.mps.recommended_max_memory(), main, "mps")
    free, total = torch.cuda.mem_get_info()
    allowed = int(torch.cuda.get_per_process_memory_fraction() * total)
    return Room(min(free + torch.cuda.memory_reserved(), allowed), main)


def pick_dtype(device: Device, precision: str, fp16_is_safe: bool, parameters: int = 0) -> "torch.dtype":
    """The number format for a family's networks of `parameters` numbers in all.

    On a CPU float32, unless the weights would not fit so, and the same in place of float16, in which a CPU takes minutes
    for what it does in seconds; on a GPU bfloat16 where the hardware has it, else float16 where the family stands it.
    Raises UnknownChoice for a precision that is not in PRECISIONS."""
    import torch

    formats = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision in formats and not (precision == "fp16" and device.kind == "cpu"):
        return formats[precision]
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise UnknownChoice("precision", label=Text("precision", "精度"), value=precision, known=known)
    if device.kind == "cpu":
        return torch.bfloat16 if 4 * parameters > 0.6 * device.memory_bytes else torch.float32
    if _has_bf16(device):
        return torch.bfloat16
    return torch.float16 if fp16_is_safe else torch.float32


def use_threads() -> None:
    """Hold torch to the threads that there are for it: containers hide how few cores are theirs."""
    import torch

    if torch.get_num_threads() > threads():
        torch.set_num_threads(threads())


def threads() -> int:
    """Cores that this process may really use: its affinity, cut to the container's share, or OMP_NUM_THREADS."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(seen, _container_cores()))


def settle_imports() -> None:
    """Tell the garbage collector that what is there now stays: of the half a million objects that the libraries bring,
    none is ever garbage, and going through them took 0.4 s each time that memory is freed."""
    gc.collect()
    gc.freeze()


def free_memory(device: Device) -> None:
    """Give back what nothing holds any more."""
    import torch

    gc.collect()
    if device.kind == "cuda":
        torch.cuda.empty_cache()
    elif device.kind == "mps":
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device, or the machine, has no memory left."""
    import torch

    words = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)
    )


def peak_bytes(device: Device) -> int:
    """The most memory in use so far: the device's, or on a CPU this process's; 0 where nobody can tell."""
    import torch

    if device.kind == "cuda":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _has_bf16(device: Device) -> bool:
    import torch

    if device.kind == "cuda":
        return torch.cuda.get_device_capability(0) >= (8, 0)
    try:
        torch.zeros(1, dtype=torch.bfloat16, device=device.kind)
    except (TypeError, RuntimeError):
        return False
    return True


def _machine_memory() -> int:
    """Bytes of main memory for this process: the machine's, cut to the container's share."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        machine = 8 * 2**30
    share = _read("/sys/fs/cgroup/memory.max")
    return min(machine, int(share)) if share.isdigit() else machine


def _container_cores() -> int:
    """Cores of this container's share, rounded up; a large number without one."""
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    return math.ceil(int(quota) / int(period)) if quota.isdigit() and period.isdigit() else 10_000


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except OSError:
        return ""
