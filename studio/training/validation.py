"""The loss on pictures that are not learnt from, always with the same noise at the same noise levels: only the learning
moves it."""

from collections.abc import Iterator, Sequence

import torch

from studio.train_request import TrainRequest
from studio.training.encoding import Library
from studio.training.stream import Batch, Pick, gather
from studio.training.task import LoraTask

LEVELS = 4
"""Noise levels that each picture is asked at, spread over the scale."""


class Validation:
    """The validation pictures, by their numbers in the library."""

    def __init__(
        self, library: Library, members: Sequence[int], request: TrainRequest, timesteps: int
    ) -> None:
        self._library, self._members, self._request, self._timesteps = library, members, request, timesteps

    def __bool__(self) -> bool:
        return bool(self._members)

    def loss(self, task: LoraTask) -> float:
        """The mean over all pictures and noise levels."""
        lost, count = 0.0, 0
        with torch.no_grad():
            for batch in self._batches():
                losses = task.losses(task.transfer_batch_to_device(batch, task.device, 0))
                lost, count = lost + float(losses.sum()), count + len(losses)
        return lost / count

    def _batches(self) -> Iterator[Batch]:
        by_size: dict[tuple[int, int], list[Pick]] = {}
        for place, member in enumerate(self._members):
            for level in range(LEVELS):
                # a golden-section step apart, so that few pictures cover the scale as well as many
                share = (level + (0.5 + place * 0.618034) % 1) / LEVELS
                seed = self._request.seed * 1_000_003 + place * LEVELS + level
                pick = Pick(member, 0, False, share, seed, 1.0)
                by_size.setdefault(self._library.entries[member].size, []).append(pick)
        each = self._request.batch_size
        for picks in by_size.values():
            for start in range(0, len(picks), each):
                yield gather(self._library, picks[start : start + each], self._timesteps, 0.0)
