"""Where the chain runs: in this process, or in one of its own. Importing this module brings in no torch."""

import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

from studio.engine.events import Event, Job

QUIET_THREADS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Environment of a process with an engine, to be set before torch is imported. Threads that wait must sleep and not
spin: beside one busy program on a 2-core machine a small network took 18 ms instead of 27, while on an idle machine
sleeping costs 3 to 5 %. And nothing is ever fetched from a hub behind the reader's back."""


@dataclass(frozen=True)
class Facts:
    """What an engine runs on."""

    device: str
    name: str
    memory_bytes: int
    precision: str
    threads: int
    torch: str


class Engine(Protocol):
    """Makes pictures. One job at a time; the caller sees to that."""

    @property
    def is_ready(self) -> bool:
        """Whether a job would begin at once."""

    def start(self) -> None:
        """Begin to get ready; returns at once."""

    def run(self, job: Job) -> Generator[Event, None, None]:
        """The events of a job. Closing stops it and leaves nothing behind. Raises StudioError."""

    def describe(self) -> Facts | None:
        """What the engine runs on, once that is known."""

    def close(self) -> None:
        """Let go of the device and of all memory."""


class InlineEngine:
    """The chain in this process, made at the first job: for the command line, tests, and hosts that lend their device
    only inside a call."""

    def __init__(self) -> None:
        self._chain: Any = None

    @property
    def is_ready(self) -> bool:
        """Whether torch is in and the device is known."""
        return self._chain is not None

    def start(self) -> None:
        """Nothing to do ahead of the first job."""

    def run(self, job: Job) -> Generator[Event, None, None]:
        """The events of a job; the device is chosen now, if it wasn't before."""
        yield from self._ready_chain().run(job)

    def describe(self) -> Facts | None:
        """The device; choosing it imports torch."""
        return facts_of(self._ready_chain())

    def close(self) -> None:
        """Forget the models and all results."""
        self._chain = None

    def _ready_chain(self) -> Any:
        if self._chain is None:
            self._chain = make_chain()
        return self._chain


def make_chain() -> Any:
    """A chain on the best device of this machine."""
    for name, value in QUIET_THREADS.items():
        os.environ.setdefault(name, value)
    from studio.engine.chain import Chain
    from studio.engine.device import use_threads

    use_threads()
    return Chain()


def facts_of(chain: Any) -> Facts:
    """What a chain runs on."""
    import torch

    from studio.engine.device import pick_dtype

    device = chain.device
    precision = str(pick_dtype(device, "auto", False)).removeprefix("torch.")
    return Facts(
        device.kind,
        device.name,
        device.memory_bytes,
        precision,
        torch.get_num_threads(),
        str(torch.__version__),
    )
