"""The sample stage: noise of a seed to latents, a step at a time, with previews."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.engine.cache import Kept
from studio.engine.events import Step
from studio.engine.once import once
from studio.engine.preview import Preview
from studio.engine.stepwise import Hand, stepwise
from studio.errors import NotFinite
from studio.families.family import Conditioning, Family, OnStep, Parts, Sampling
from studio.requests import GenerateRequest
from studio.schedulers.build import build
from studio.schedulers.start import Start, shortened
from studio.schedulers.walk import Scheduler
from studio.words import Said, Text

if TYPE_CHECKING:
    import torch

LATENTS = Text("latents {shape}, seed {seed}", "潜变量 {shape}，种子 {seed}")
SAMPLE = Text("sample", "采样")


@dataclass(frozen=True)
class Begin:
    """What sampling begins with instead of noise: latents (1, C, h, w), a mask of the same shape (1 where painted anew)
    if there is one, and how far it goes from them, 0 to 1."""

    latents: "torch.Tensor"
    mask: "torch.Tensor | None"
    strength: float
    noise: "torch.Tensor | None" = None
    """Takes the place of the noise that the pipeline draws."""


@dataclass(frozen=True)
class Canvas:
    """The latents of a whole picture, and which of them are being painted: for previews."""

    latents: "torch.Tensor"
    here: Any

    def with_(self, painted: "torch.Tensor") -> "torch.Tensor":
        """All of them, with what is being painted."""
        whole = self.latents.clone()
        whole[self.here] = painted.to(whole)
        return whole


@dataclass(frozen=True)
class Work:
    """One picture's sampling, and what is known of the rest of the job."""

    family: Family
    parts: Parts
    request: GenerateRequest
    positive: Conditioning
    negative: Conditioning | None
    seed: int
    index: int
    preview: Preview | None
    pictures_left: int
    decode_seconds: float
    hand: Hand
    begin: Begin | None = None
    before: int = 0
    after: int = 0
    """Steps of the same picture before and after these."""
    canvas: Canvas | None = None
    tile: tuple[int, int] = (1, 1)
    """Which part of the picture this is, of how many."""

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps are taken, and how many the grid has that they are the end of."""
        return shortened(self.request.steps, self.begin.strength if self.begin else 1)


def run(work: Work) -> Generator[Step, None, Kept]:
    """Denoise one picture. Raises NotFinite where the latents overflowed."""
    import torch

    request = work.request
    _, steps = work.steps
    scheduler = build(work.parts["scheduler"], request.sampler, request.schedule, steps, _start(work))
    noise = torch.Generator().manual_seed(
        work.seed
    )  # on the CPU, so that a seed gives the same noise anywhere
    sampling = Sampling(
        work.positive, work.negative, request.width, request.height, steps, request.guidance, noise,
        scheduler.begin if work.begin else None,
    )  # fmt: skip

    def call(on_step: OnStep) -> "torch.Tensor":
        with once(work.parts[work.family.denoiser]):
            return work.family.sample(work.parts, scheduler, sampling, on_step)

    latents = yield from _steps(work, scheduler, call)
    if not bool(torch.isfinite(latents).all()):
        raise NotFinite("guidance", stage=SAMPLE)
    shape = "x".join(str(n) for n in latents.shape[1:])
    return Kept(latents, latents.nbytes, Said(LATENTS, {"shape": shape, "seed": work.seed}))


def _start(work: Work) -> Start | None:
    """The beginning as the scheduler keeps latents. At full strength only what is outside the mask comes from it."""
    begin, pack = work.begin, work.family.pack
    if begin is None:
        return None
    mask = None if begin.mask is None else pack(begin.mask)
    noise = None if begin.noise is None else pack(begin.noise)
    return Start(pack(begin.latents), work.steps[0], mask, noise, is_whole=begin.strength >= 1)


def _steps(
    work: Work, scheduler: Scheduler, call: "Callable[[OnStep], torch.Tensor]"
) -> "Generator[Step, None, torch.Tensor]":
    """The events of one sampling call; some samplers call the denoiser more than once a step.

    Previews are made inside the call, on its thread: torch's helper threads are there already."""
    started, done = time.perf_counter(), 0

    def reporting(report: Callable[["bytes | _Within | None"], None]) -> "torch.Tensor":
        def on_step(index: int, calls: int, _: "torch.Tensor") -> None:
            is_whole = index + 1 == calls or not scheduler.is_within_step
            report(_preview(work, scheduler) if is_whole else _WITHIN)

        return call(on_step)

    calls = stepwise(reporting, work.hand)
    try:
        while True:
            preview = next(calls)
            if not isinstance(preview, _Within):
                done += 1
                steps = work.before + work.steps[0] + work.after
                left = _left(work, started, done)
                yield Step(work.index, work.before + done, steps, preview, left, *work.tile)
    except StopIteration as over:
        latents: torch.Tensor = over.value
        return latents
    finally:
        calls.close()


class _Within:
    """Reported where a step isn't done yet."""


_WITHIN = _Within()


def _preview(work: Work, scheduler: Scheduler) -> bytes | None:
    denoised = scheduler.denoised() if work.preview else None
    if work.preview is None or denoised is None:
        return None
    latents = work.family.unpack(denoised, work.request.width, work.request.height)
    return work.preview.jpeg(work.canvas.with_(latents) if work.canvas else latents)


def _left(work: Work, started: float, done: int) -> float:
    """Seconds until the last picture of the job, if all goes on as it went so far."""
    a_step = (time.perf_counter() - started) / done
    steps = work.steps[0] + work.after
    left = steps - done + (work.before + steps) * work.pictures_left
    return a_step * left + work.decode_seconds * (work.pictures_left + 1)
