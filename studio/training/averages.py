"""A second set of adapter weights: the moving average of the first, which is steadier and is what is saved."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Averages:
    """Averages of parameters by name. The decay rises from 0.1 at the first steps, so that the beginning is soon
    forgotten."""

    def __init__(self, trained: Mapping[str, nn.Parameter], decay: float) -> None:
        self._trained, self._decay = trained, decay
        self._values = {name: p.detach().clone() for name, p in trained.items()}

    def update(self, step: int) -> None:
        """Take in the parameters as they are after `step` steps."""
        keep = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._values.values()), list(self._trained.values()), 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While the block runs, the network has the averages for its weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state(self) -> dict[str, Tensor]:
        """Copies of the averages, on the CPU."""
        return {name: value.cpu().clone() for name, value in self._values.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        for name, value in self._values.items():
            value.copy_(state[name])

    def _swap(self) -> None:
        for name, parameter in self._trained.items():
            parameter.data, self._values[name] = self._values[name], parameter.data
