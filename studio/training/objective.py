"""What the denoiser is taught: from a model's scheduler configuration, how pictures are noised and what is asked for.

The schedule is the one that sampling uses, so that zero-terminal-SNR models are trained as they are asked. A flow
model's levels are not evenly spaced: they are the quantiles of a logit-normal distribution, shifted towards noise as the
model shifts its pictures (Esser et al., arXiv:2403.03206, sections 3.1 and 5.3.2), so that an even draw among them is a
draw from that distribution."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from studio.schedulers.build import build
from studio.schedulers.flow import is_flow

VELOCITY = "velocity"
FLOW_LEVELS = 1000


@dataclass(frozen=True)
class Objective:
    """Signal and noise strength at every timestep (T,), and the convention: "epsilon" (Ho et al., arXiv:2006.11239),
    "v_prediction" (Salimans and Ho, arXiv:2202.00512) or "velocity" (Liu et al., arXiv:2209.03003)."""

    signal: Tensor
    noise: Tensor
    prediction: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """The objective of a model with this scheduler configuration."""
        if is_flow(config):
            sigmas = flow_sigmas(config)
            return cls(1 - sigmas, sigmas, VELOCITY)
        kept = build(config, "euler", "auto", 1).alphas_cumprod.float()
        return cls(kept.sqrt(), (1 - kept).sqrt(), str(config.get("prediction_type", "epsilon")))

    @property
    def timesteps(self) -> int:
        """How many noise levels there are."""
        return len(self.signal)

    def noisy(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Latents (B, C, h, w) with noise, each at its timestep."""
        signal, amount = self._at(timesteps)
        return signal * latents + amount * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the denoiser should answer."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == VELOCITY:
            return noise - latents
        signal, amount = self._at(timesteps)
        return signal * noise - amount * latents

    def told(self, timesteps: Tensor) -> Tensor:
        """What the denoiser is told of its timesteps (B,): themselves, or a flow model its sigmas."""
        return self.noise[timesteps] if self.prediction == VELOCITY else timesteps

    def weights(self, timesteps: Tensor, gamma: float) -> Tensor:
        """What a timestep's loss counts (B,): min-SNR (Hang et al., arXiv:2303.09556), or 1 without `gamma` and
        for flow models, whose density takes its place."""
        if not gamma or self.prediction == VELOCITY:
            return torch.ones_like(timesteps, dtype=torch.float32)
        signal, amount = self._at(timesteps)
        snr = (signal / amount).flatten() ** 2
        capped = snr.clamp(max=gamma)
        return capped / (snr + 1) if self.prediction == "v_prediction" else capped / snr.clamp(min=1e-12)

    def on(self, device: torch.device) -> Self:
        """The same on a device: timesteps are looked up there, without waiting for it."""
        return replace(self, signal=self.signal.to(device), noise=self.noise.to(device))

    def _at(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise (B, 1, 1, 1)."""
        shape = (-1, 1, 1, 1)
        return self.signal[timesteps].reshape(shape), self.noise[timesteps].reshape(shape)


def flow_sigmas(config: Mapping[str, Any]) -> Tensor:
    """A flow model's noise levels, rising; a model that shifts by size gets the shift of its largest pictures."""
    shift = float(config.get("shift") or 1.0)
    if config.get("use_dynamic_shifting"):
        shift = math.exp(float(config.get("max_shift") or 1.15))
    quantiles = (torch.arange(FLOW_LEVELS, dtype=torch.float64) + 0.5) / FLOW_LEVELS
    drawn = torch.sigmoid(torch.special.ndtri(quantiles))
    return (shift * drawn / (1 + (shift - 1) * drawn)).float()
