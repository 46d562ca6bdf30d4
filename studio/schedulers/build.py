"""Makes the scheduler of a picture: a sampler on a noise schedule, for the model whose configuration is given."""

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from studio.errors import UnknownChoice
from studio.schedulers import flow
from studio.schedulers.samplers import SAMPLERS, Sampler
from studio.schedulers.schedules import SCHEDULES, timestep_at
from studio.schedulers.start import Start
from studio.schedulers.walk import Scheduler
from studio.words import Text

if TYPE_CHECKING:
    import torch

_OWN_SPACINGS = (
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
    "use_flow_sigmas",
)


def build(
    config: Mapping[str, Any], sampler: str, schedule: str, steps: int, start: Start | None = None
) -> Scheduler:
    """The scheduler for `steps` steps, or for as many at their end as `start`, the picture to begin with, says.
    `config` is the model's own scheduler configuration.

    Raises UnknownChoice for names that are not in SAMPLERS and SCHEDULES, and NotForFlow."""
    chosen = _choose(Text("sampler", "采样器"), "sampler", sampler, SAMPLERS)
    spacing = _choose(Text("noise schedule", "噪声调度"), "schedule", schedule, SCHEDULES)
    if flow.is_flow(config):
        return flow.build(config, sampler, spacing, start)
    if spacing.grid is None and chosen.scheduler == "EulerDiscreteScheduler" and start is None:
        return Scheduler(_scheduler(chosen, config), None, None)
    own = _scheduler(SAMPLERS["euler"], config)
    if spacing.grid is None:
        own.set_timesteps(steps)
        return Scheduler(_scheduler(chosen, config), own.sigmas, own.timesteps.float(), start)
    sigmas, timesteps = _grid(own, schedule, steps)
    settings = {
        **config,
        "timestep_spacing": "linspace",
        "steps_offset": 0,
        **dict.fromkeys(_OWN_SPACINGS, False),
    }
    return Scheduler(_scheduler(chosen, settings), sigmas, timesteps, start)


def _choose(label: Text, field: str, value: str, known: Mapping[str, Any]) -> Any:
    if value not in known:
        raise UnknownChoice(field, label=label, value=value, known=", ".join(known))
    return known[value]


def _scheduler(sampler: Sampler, config: Mapping[str, Any]) -> Any:
    """The diffusers scheduler with those of the model's settings that its class knows."""
    module = importlib.import_module(f"diffusers.schedulers.scheduling_{sampler.module}")
    kind = getattr(module, sampler.scheduler)
    known = inspect.signature(kind.__init__).parameters
    return kind(**{key: value for key, value in {**config, **sampler.settings}.items() if key in known})


def _grid(own: Any, schedule: str, steps: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Sigmas with the closing 0, and the timesteps that the denoiser is told."""
    import numpy as np
    import torch

    share = own.alphas_cumprod.double().numpy()
    table = np.sqrt((1 - share) / share)
    grid = SCHEDULES[schedule].grid
    assert grid is not None
    sigmas = grid(table, steps)
    timesteps = timestep_at(table, sigmas)
    with_end = np.append(sigmas, 0.0)
    return torch.from_numpy(with_end).float(), torch.from_numpy(timesteps).float()
