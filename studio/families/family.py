"""What a family tells the engine: the parts of its folder and how the diffusers pipeline is asked for each stage.

Each stage is asked with only the parts that it depends on. Sampling never sees a text encoder, so that the engine is
free to have put it away. No module here imports torch at its top: the page lists families without it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from studio.errors import TokenizerMissing, WeightsMissing
from studio.words import Text

if TYPE_CHECKING:
    import torch

Parts = Mapping[str, Any]
"""Part name to the opened part: a network, a tokenizer or a scheduler's configuration."""

Conditioning = dict[str, "torch.Tensor"]
"""What one text becomes: tensors by the name that the pipeline's call gives them, for the positive side."""

OnStep = Callable[[int, int, "torch.Tensor"], None]
"""Called after each call of the denoiser: index from 0, how many there will be, latents as the scheduler keeps them.
May raise to stop the sampling."""

Guidance = Literal["free", "distilled"]
"""What the guidance of a request means: classifier-free, against a negative prompt and off at 1; or distilled, a number
that the denoiser is told, without a negative prompt."""


def as_kept(latents: "torch.Tensor", *size_px: int) -> "torch.Tensor":
    """Latents of a family whose scheduler keeps them in rows and columns already."""
    return latents


@dataclass(frozen=True)
class Checkpoint:
    """How a network stands in a file that holds a whole model: how its tensors' names begin there, and how they become
    the network's own."""

    prefixes: tuple[str, ...]
    convert: "Callable[[Any, dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]"

    def knows(self, names: Iterable[str]) -> bool:
        """Whether a file with these tensors is such a one."""
        return any(name.startswith(self.prefixes) for name in names)


@dataclass(frozen=True)
class Part:
    """One subfolder of a model. `open` makes it from the folder: for a network without its weights, on no device."""

    name: str
    open: Callable[[Path], Any]
    needs: tuple[str, ...]
    """Files that must be there besides the weights."""
    is_network: bool = True
    settings_file: str = ""
    """The one of `needs` that the family has constants for: a model that isn't in diffusers' layout may lack it."""
    elsewhere: tuple[str, ...] = ()
    """Other folders, from the model's, where the part may lie."""
    source: str = ""
    """Where to copy the needed files from, for a part that some layouts come without."""
    takes_pickles: bool = False
    """Whether its makers gave the weights only as pickles; read as numbers, never run."""
    from_checkpoint: Checkpoint | None = None
    takes_text_loras: bool = False
    """Whether it is an encoder that LoRAs for text encoders are made for."""
    unused: tuple[str, ...] = ()
    """Submodules that no stage calls: dropped, and free to be missing from the weights."""
    renames: tuple[tuple[str, str], ...] = ()
    """Pattern and replacement that bring a tensor's name in a weight file to the network's own, for names that the
    network doesn't know; the first that gives a known one counts."""

    def needed(self, model_dir: Path) -> tuple[str, ...]:
        """Files that must be there, for this model."""
        is_whole = (model_dir / "model_index.json").is_file()
        return tuple(file for file in self.needs if is_whole or file != self.settings_file)

    def missing(self, model_dir: Path, file: str) -> WeightsMissing:
        """The sentence for a needed file that isn't there."""
        told = {"name": model_dir.name, "file": f"{self.name}/{file}"}
        if self.source:
            return TokenizerMissing("model", **told, source=self.source)
        return WeightsMissing("model", **told)


@dataclass(frozen=True)
class Tokens:
    """How a prompt met the tokenizer: tokens used, tokens that fit, and the words that were cut off; and, where it is read
    in windows, how many it fills and how many are read at most."""

    used: int
    most: int
    cut: str
    windows: int = 1
    most_windows: int = 1


@dataclass(frozen=True)
class Sampling:
    """What one picture's denoising needs besides the parts. `negative` is None without guidance."""

    positive: Conditioning
    negative: Conditioning | None
    width: int
    height: int
    steps: int
    guidance: float
    generator: "torch.Generator"
    begin: "Callable[[torch.Tensor], None] | None" = None
    """Mixes the picture to begin with into the noise that the pipeline has drawn, in place."""


@dataclass(frozen=True)
class Family:
    """A family of models that share classes, stages and LoRA layers."""

    name: str
    title: Text
    size_multiple: int
    parts: tuple[Part, ...]
    denoiser: str
    """The part that LoRAs attach to."""
    for_encode: tuple[str, ...]
    for_sample: tuple[str, ...]
    for_decode: tuple[str, ...]
    for_picture: tuple[str, ...]
    """The parts that each stage depends on; `for_picture` is the way from a picture to latents."""
    fp16_is_safe: bool
    """Whether the denoiser stays finite in half precision."""
    tokens: Callable[[Parts, str], Tokens]
    encode: Callable[[Parts, str], Conditioning]
    sample: Callable[[Parts, Any, Sampling, OnStep], "torch.Tensor"]
    """Parts, scheduler, sampling, callback to latents (1, C, H/8, W/8), whatever the pipeline packs them into."""
    decode: Callable[[Parts, "torch.Tensor"], "torch.Tensor"]
    """Latents (1, C, H/8, W/8) to RGB (1, 3, H, W) in [0, 1]."""
    encode_picture: Callable[[Parts, "torch.Tensor"], "tuple[torch.Tensor, torch.Tensor]"]
    """RGB (B, 3, H, W) in [-1, 1] to the mean and the standard deviation (B, C, H/8, W/8) of its latents, scaled as
    the denoiser sees them."""
    predict: Callable[[Any, "torch.Tensor", "torch.Tensor", Conditioning, "torch.Tensor"], "torch.Tensor"]
    """What training asks: denoiser, noisy latents (B, C, h, w), timesteps (B,), conditioning of B texts, and sizes
    (B, 6) in pixels (original height and width, top and left of the crop, height and width), to the denoiser's answer
    (B, C, h, w), in whatever convention the scheduler's configuration names. A flow family takes sigmas in [0, 1] for
    timesteps and answers with the velocity, noise - picture."""
    guidance: Guidance = "free"
    is_flow: bool = False
    """Whether noise and picture are mixed in a straight line (flow matching)."""
    pack: Callable[["torch.Tensor"], "torch.Tensor"] = as_kept
    """Latents (1, C, H/8, W/8) to latents as the scheduler keeps them."""
    unpack: Callable[["torch.Tensor", int, int], "torch.Tensor"] = as_kept
    """The other way round, with width and height in pixels."""
    pipelines: tuple[str, ...] = ()
    """The classes that a model_index.json of this family names: how a folder without a card is recognised."""
    encode_caption: Callable[[Parts, str], Conditioning] | None = None
    """What training reads of a caption, where `encode` gives texts of different lengths; the same shape for all."""
    weighs_words: bool = False
    """Whether `encode` weighs `(words:1.2)`; other text encoders read the brackets as they stand."""

    def is_in(self, names: Iterable[str]) -> bool:
        """Whether a file with these tensors holds all networks of such a model."""
        told, held = [part.from_checkpoint for part in self.parts if part.from_checkpoint], list(names)
        return bool(told) and all(checkpoint.knows(held) for checkpoint in told)

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)
