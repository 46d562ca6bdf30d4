"""The numbers behind models/storybook: how much is painted, how large each network is, how long each trains."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


class Pace:
    """How far a stage of so many steps and seconds has come. `agree` makes a team of processes keep one pace."""

    def __init__(
        self,
        steps: int,
        seconds: float,
        step: int = 0,
        spent_s: float = 0.0,
        agree: Callable[[float], float] | None = None,
    ) -> None:
        self.steps, self.seconds, self.step = steps, seconds, step
        self._began = time.monotonic() - spent_s
        self._agree = agree
        self.share = self._measure()
        """How much of the stage is done, from 0 to 1."""

    @property
    def spent_s(self) -> float:
        """Seconds since the stage began, those before a resumption included."""
        return time.monotonic() - self._began

    def advance(self) -> None:
        """Count one step; a team compares its clocks every tenth."""
        self.step += 1
        if self._agree is None or self.step % 10 == 0:
            self.share = self._measure()

    def rate(self, warm_up: int) -> float:
        """Learning rate factor: linear warm-up over so many steps, then half a cosine down to 2 %."""
        slow = min(1.0, (self.step + 1) / warm_up)
        return slow * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.share)))

    def __str__(self) -> str:
        return f"step {self.step} ({self.share:.0%}, {self.spent_s:.0f} s)"

    def _measure(self) -> float:
        share = min(1.0, max(self.step / self.steps, self.spent_s / self.seconds))
        return share if self._agree is None else self._agree(share)


@dataclass(frozen=True)
class Recipe:
    """One way to make the model. Steps count optimizer steps, seconds those spent in a training loop: a stage ends with
    whichever comes first. Learning rates are peaks of a cosine over that stretch."""

    shard: int = 256
    """Pictures in one file of the pool; all of one size and style."""
    flat_shards: int = 500
    """Shards of the flat style: what the denoiser learns from."""
    styled_shards: int = 84
    """Shards of the other styles: with some flat ones, what the autoencoder and the judge learn from."""
    validation: int = 96
    """Held-out pictures of each style for the autoencoder's PSNR."""
    wordings: int = 8
    """Captions of each picture, half English, half Chinese."""
    vocabulary: int = 1000

    vae_channels: tuple[int, ...] = (32, 64, 128, 128)
    vae_layers: int = 2
    """Residual blocks at each resolution of the encoder; the decoder has one more."""
    vae_crop: int = 192
    vae_batch: int = 80
    vae_steps: int = 9000
    vae_seconds: float = 360
    vae_rate: float = 1.5e-3

    reading_scenes: int = 80_000
    reading_batch: int = 1024
    reading_steps: int = 6000
    reading_seconds: float = 70
    reading_rate: float = 6e-4

    text_layers: int = 5
    text_width: int = 192
    unet_channels: tuple[int, ...] = (64, 160, 192)
    batch: int = 512
    """Latents of a step in each process of the team."""
    draws: int = 2
    """Noise levels drawn for each picture and caption of a batch: the text is encoded once for all of them."""
    steps: int = 30_000
    seconds: float = 950
    rate: float = 1e-3
    caption_dropout: float = 0.1
    thing_weight: float = 4.0
    """How much more an error counts where things are: they cover a sixth of a picture, and the captions' point."""
    ema: float = 0.9995

    judge_width: int = 32
    judge_batch: int = 192
    judge_steps: int = 4000
    judge_seconds: float = 60
    judge_rate: float = 2e-3


FULL = Recipe()
SMOKE = Recipe(
    shard=8, flat_shards=3, styled_shards=7, validation=2, wordings=2, vocabulary=800,
    vae_channels=(8, 8, 16, 16), vae_layers=1, vae_crop=64, vae_batch=2, vae_steps=4,
    reading_scenes=40, reading_batch=8, reading_steps=4,
    text_layers=2, text_width=32, unet_channels=(32, 32, 32), batch=4, steps=4,
    judge_width=8, judge_batch=4, judge_steps=4,
)  # fmt: skip
"""Everything once, in a minute on a CPU: shows that the road is open, not that it leads anywhere."""
