"""What the chain tells while it works: plain values that travel through a pipe. No torch here: the page reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from studio.requests import GenerateRequest
from studio.words import Said

Stage = Literal["load", "adapt", "encode", "sample", "decode"]
STAGES: tuple[Stage, ...] = ("load", "adapt", "encode", "sample", "decode")


@dataclass(frozen=True)
class LoraFile:
    """A LoRA of a job: its name, its file, its weight, and by what that is multiplied in some blocks (`LoraUse`)."""

    name: str
    file: Path
    weight: float
    blocks: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Job:
    """A request made ready for the chain: seed chosen, styles woven in, names resolved to places on disk."""

    request: GenerateRequest
    model_dir: Path
    family: str
    loras: tuple[LoraFile, ...] = ()
    previews: bool = True
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    """What the model's card says otherwise than the model's own scheduler configuration."""
    start: Path | None = None
    """The PNG file of the picture to begin with."""
    mask: Path | None = None
    """The PNG file whose white parts are painted anew."""


@dataclass(frozen=True)
class StageStarted:
    """A stage begins. For several pictures sample and decode start once each picture; `picture` counts from 0."""

    stage: Stage
    picture: int = 0


@dataclass(frozen=True)
class StageEnded:
    """A stage's result is there: after how long, how many bytes it keeps, what it holds in words, and whether it
    was reused from an earlier job instead of run."""

    stage: Stage
    seconds: float
    bytes: int
    holds: Said
    reused: bool
    picture: int = 0


@dataclass(frozen=True)
class Step:
    """One denoising step is done (1-based), with a small JPEG of what the picture looks like so far, and the
    seconds that all that remains of the job will take, if that can be told yet. Steps are counted over both passes of an
    enlarged picture; `tile` of `tiles` is being painted."""

    picture: int
    step: int
    steps: int
    preview_jpeg: bytes | None
    seconds_left: float | None
    tile: int = 1
    tiles: int = 1


@dataclass(frozen=True)
class Notice:
    """Something the user should know that is no failure, and the request field it belongs to."""

    said: Said
    field: str | None = None


@dataclass(frozen=True)
class LoraMatch:
    """How a LoRA met the model: layers matched of those in the file, its rank, strength (weight x alpha / rank),
    where alpha came from ("file", "header", or "assumed"), the family it was made for, if anything tells, and how many
    layers more it has for text encoders that the model has."""

    name: str
    matched: int
    total: int
    rank: int
    strength: float
    alpha_source: str
    family: str | None
    text_layers: int = 0


@dataclass(frozen=True)
class Picture:
    """A finished picture: its place in the batch, its seed, and its RGB pixels (height x width x 3 bytes)."""

    index: int
    seed: int
    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True)
class FirstPass:
    """A picture that is about to be enlarged and painted over, as it is before: what is left if that is stopped."""

    picture: Picture


@dataclass(frozen=True)
class Finished:
    """The job is over: total seconds, and the peak memory of the device in bytes (of the process on a CPU)."""

    seconds: float
    peak_bytes: int


Event = StageStarted | StageEnded | Step | Notice | LoraMatch | FirstPass | Picture | Finished
