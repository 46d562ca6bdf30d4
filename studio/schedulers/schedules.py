"""The noise schedules: how many steps to which sigmas.

A schedule is a function from a model's noise table and a number of steps to the sigmas that the steps start from,
falling, without the closing 0. The table holds the model's sigma at each training timestep, rising; sigma is the
noise's standard deviation beside a picture of scale 1 (Karras et al. 2022, arXiv:2206.00364). We compute the grids
ourselves, because the same `timestep_spacing` gives different grids in different diffusers classes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.words import Text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sigmas = NDArray[np.float64]

MOST_CROWDED_SIGMA = 20.0
"""Where Karras and exponential spacing begin at the latest. A model with zero terminal signal starts at sigma 4096,
where nothing can be seen yet: spacing from there would spend most steps on pure noise. Such a model takes its first
step from its own sigma, so that the picture begins as it was trained, and the spacing covers the rest."""


@dataclass(frozen=True)
class Schedule:
    """A name for the reader, and the grid; None stands for the model's own."""

    label: Text
    grid: "Callable[[Sigmas, int], Sigmas] | None"


def sigma_at(table: "Sigmas", timesteps: "Sigmas") -> "Sigmas":
    """Sigmas at fractional training timesteps, straight between table entries in log sigma."""
    import numpy as np

    return np.exp(np.interp(timesteps, np.arange(len(table)), np.log(table)))


def timestep_at(table: "Sigmas", sigmas: "Sigmas") -> "Sigmas":
    """The fractional training timesteps of sigmas: `sigma_at` the other way round."""
    import numpy as np

    return np.interp(np.log(sigmas), np.log(table), np.arange(len(table)))


def normal(table: "Sigmas", steps: int) -> "Sigmas":
    """Even in time from the noisiest timestep to the cleanest."""
    import numpy as np

    return sigma_at(table, np.linspace(len(table) - 1, 0, steps))


def sgm_uniform(table: "Sigmas", steps: int) -> "Sigmas":
    """Even in time, the cleanest timestep left out: the last step goes on to 0 from further up."""
    import numpy as np

    return sigma_at(table, np.linspace(len(table) - 1, 0, steps + 1)[:-1])


def simple(table: "Sigmas", steps: int) -> "Sigmas":
    """Every (T / steps)-th entry of the table, counted from the noisiest."""
    import numpy as np

    picked: Sigmas = table[len(table) - 1 - (np.arange(steps) * (len(table) / steps)).astype(int)]
    return picked


def trailing(table: "Sigmas", steps: int) -> "Sigmas":
    """Even in time, counted down from the end (arXiv:2305.08891, table 2); right for zero-terminal-SNR models."""
    import numpy as np

    return sigma_at(table, len(table) * (1 - np.arange(steps) / steps) - 1)


def ddim_uniform(table: "Sigmas", steps: int) -> "Sigmas":
    """Whole strides counted up from timestep 1, as DDIM was published; the noisiest timesteps may be left out."""
    import numpy as np

    if steps == 1:
        return table[-1:]
    stride = max(len(table) // steps, 1)
    return sigma_at(table, np.minimum(np.arange(steps)[::-1] * stride + 1.0, len(table) - 1))


def karras(table: "Sigmas", steps: int) -> "Sigmas":
    """Even in sigma to the power 1/7: many small steps at the clean end (arXiv:2206.00364, equation 5)."""
    import numpy as np

    return _crowded(table, steps, lambda high, low, n: np.linspace(high ** (1 / 7), low ** (1 / 7), n) ** 7)


def exponential(table: "Sigmas", steps: int) -> "Sigmas":
    """Even in log sigma."""
    import numpy as np

    return _crowded(table, steps, lambda high, low, n: np.exp(np.linspace(np.log(high), np.log(low), n)))


def beta(table: "Sigmas", steps: int) -> "Sigmas":
    """Timesteps at the quantiles of Beta(0.6, 0.6): denser at both ends (arXiv:2407.12173)."""
    import numpy as np

    quantiles = _beta_quantiles(1 - np.arange(steps) / steps)
    return sigma_at(table, quantiles * (len(table) - 1))


def _crowded(table: "Sigmas", steps: int, spacing: "Callable[[float, float, int], Sigmas]") -> "Sigmas":
    import numpy as np

    high, low = float(table[-1]), float(table[0])
    if high <= 4 * MOST_CROWDED_SIGMA or steps == 1:
        return spacing(high, low, steps)
    return np.concatenate([[high], spacing(MOST_CROWDED_SIGMA, low, steps - 1)])


def _beta_quantiles(shares: "Sigmas", shape: float = 0.6) -> "Sigmas":
    """Inverse of the symmetric beta distribution, summed over theta with x = sin(theta)^2, where it is smooth."""
    import numpy as np

    theta = np.linspace(0, np.pi / 2, 20_001)
    middles = (theta[1:] + theta[:-1]) / 2
    density = (np.sin(middles) * np.cos(middles)) ** (2 * shape - 1)
    below = np.concatenate([[0.0], np.cumsum(density)])
    return np.sin(np.interp(shares, below / below[-1], theta)) ** 2


SCHEDULES: dict[str, Schedule] = {
    "auto": Schedule(Text("Auto (the model's own)", "自动（模型自带）"), None),
    "normal": Schedule(Text("Normal", "Normal（均匀）"), normal),
    "simple": Schedule(Text("Simple", "Simple（简单）"), simple),
    "sgm_uniform": Schedule(Text("SGM uniform", "SGM uniform"), sgm_uniform),
    "karras": Schedule(Text("Karras", "Karras"), karras),
    "exponential": Schedule(Text("Exponential", "Exponential（指数）"), exponential),
    "beta": Schedule(Text("Beta", "Beta"), beta),
    "ddim_uniform": Schedule(Text("DDIM uniform", "DDIM uniform"), ddim_uniform),
    "trailing": Schedule(Text("Trailing", "Trailing（尾对齐）"), trailing),
}
