"""A picture to begin with, where sampling would otherwise begin with noise alone (SDEdit, arXiv:2108.01073)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Start:
    """The picture's latents in float32 as the scheduler keeps them, and how many steps at the end of the grid are walked.

    `mask` has the latents' shape: 1 where they are painted anew, 0 where they stay; None paints everywhere. `noise`
    takes the place of what the pipeline draws. `is_whole` begins with noise alone, at the grid's first step."""

    latents: "torch.Tensor"
    steps: int
    mask: "torch.Tensor | None" = None
    noise: "torch.Tensor | None" = None
    is_whole: bool = False


def shortened(steps: int, strength: float) -> tuple[int, int]:
    """How many steps are walked at this strength (0 to 1), and how many the grid has that they are the end of.

    round(steps x strength) of the asked steps; where that would be none or all of them, the grid is made finer, so that
    a model of one or two steps can begin with a picture too."""
    walked = round(steps * strength)
    if 0 < walked < steps or strength >= 1:
        return walked, steps
    walked = max(walked, 1)
    return walked, math.ceil(walked / strength - 1e-9)
