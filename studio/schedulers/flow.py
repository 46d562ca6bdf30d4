"""Schedulers for flow models, whose noise and picture are mixed in a straight line: x = (1 - sigma) picture + sigma noise
(Lipman et al., arXiv:2210.02747; Liu et al., arXiv:2209.03003).

A flow model shifts its sigmas towards noise, by a fixed amount or by the picture's size, which only its pipeline knows;
so the grid is made when the pipeline asks for it."""

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from studio.errors import NotForFlow
from studio.schedulers.schedules import Schedule
from studio.schedulers.start import Start
from studio.schedulers.walk import Scheduler, install

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

FLOW_SAMPLERS = {
    "euler": "FlowMatchEulerDiscreteScheduler",
    "ddim": "FlowMatchEulerDiscreteScheduler",
    "heun": "FlowMatchHeunDiscreteScheduler",
}
"""The samplers that follow a flow, and diffusers' classes for them."""


class FlowScheduler(Scheduler):
    """A flow scheduler of diffusers. `own` has the model's settings and knows its shift; `inner` takes the steps."""

    def __init__(self, own: Any, inner: Any, schedule: Schedule, start: Start | None = None) -> None:
        super().__init__(inner, None, None, start)
        self._own, self._grid = own, schedule.grid

    @property
    def config(self) -> Any:
        """The model's own settings, which pipelines read its shift from."""
        return self._own.config

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: Any = None,
        sigmas: Any = None,
        mu: float | None = None,
        timesteps: Any = None,
    ) -> None:
        """Begin anew. `mu` is the shift for the picture's size, where the model has one for each size."""
        import torch

        self._own.set_timesteps(num_inference_steps, device=device, sigmas=sigmas, mu=mu, timesteps=timesteps)
        self._last = None
        scale = self._own.config.num_train_timesteps
        grid = self._own.sigmas
        if self._grid is not None:
            falling = self._grid(self._table(mu), len(self._own.timesteps))
            grid = torch.cat([torch.from_numpy(falling).float(), torch.zeros(1)])
        if self._grid is not None or self.inner is not self._own:
            self.inner.set_timesteps(len(grid) - 1, device=device, **self._shift(mu))
            self._install(grid.to(device), (grid[:-1] * scale).to(device), device)
        elif self.start is not None:
            self._install(grid, self._own.timesteps, device)
        self._is_ready = True
        self._mix()

    def denoised(self) -> "torch.Tensor | None":
        """What the model takes the finished latents to be, as of the last step, in float32."""
        if self._last is None:
            return None
        velocity, sample, sigma = (value.float() for value in self._last)
        picture: torch.Tensor = sample - sigma * velocity
        return picture

    def _install(self, sigmas: "torch.Tensor", timesteps: "torch.Tensor", device: Any) -> None:
        if self.start is not None:
            sigmas, timesteps = sigmas[-self.start.steps - 1 :], timesteps[-self.start.steps :]
        self._sigmas = sigmas
        install(self.inner, sigmas, timesteps, device)

    def _noised(self, noise: "torch.Tensor") -> "torch.Tensor":
        assert self.start is not None
        sigma = self._level()
        mixed: torch.Tensor = (1 - sigma) * self.start.latents.to(noise.device) + sigma * noise
        return mixed

    @property
    def _scale(self) -> float:
        return 1.0

    def _shift(self, mu: float | None) -> dict[str, float]:
        return {"mu": mu} if mu is not None and self.inner is self._own else {}

    def _table(self, mu: float | None) -> "NDArray[Any]":
        """Sigmas of all training timesteps, rising, shifted as the model shifts them."""
        import numpy as np

        count, shift = self._own.config.num_train_timesteps, self._own.shift
        plain = np.arange(1, count + 1) / count
        if self._own.config.use_dynamic_shifting:
            shifted: NDArray[Any] = self._own.time_shift(mu, 1.0, plain)
            return shifted
        fixed: NDArray[Any] = shift * plain / (1 + (shift - 1) * plain)
        return fixed


def is_flow(config: Mapping[str, Any]) -> bool:
    """Whether a scheduler's configuration is a flow model's."""
    return str(config.get("_class_name", "")).startswith("FlowMatch")


def check_sampler(sampler: str) -> None:
    """Raise NotForFlow where a sampler can't follow a flow."""
    if sampler not in FLOW_SAMPLERS:
        raise NotForFlow("sampler", value=sampler, known=", ".join(FLOW_SAMPLERS))


def build(
    config: Mapping[str, Any], sampler: str, schedule: Schedule, start: Start | None = None
) -> FlowScheduler:
    """The scheduler for a flow model with this configuration. Raises NotForFlow."""
    check_sampler(sampler)
    own = _made(FLOW_SAMPLERS["euler"], config)
    is_euler = FLOW_SAMPLERS[sampler] == FLOW_SAMPLERS["euler"]
    inner = own if is_euler else _made(FLOW_SAMPLERS[sampler], config)
    return FlowScheduler(own, inner, schedule, start)


def _made(name: str, config: Mapping[str, Any]) -> Any:
    kind = getattr(importlib.import_module("diffusers"), name)
    known = inspect.signature(kind.__init__).parameters
    return kind(**{key: value for key, value in config.items() if key in known})
