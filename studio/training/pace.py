"""How fast it goes, and how the loss goes on the whole."""

import time
from collections import deque

WINDOW = 50
"""Laps that the speed is told from."""
SMOOTHING = 0.02
"""How much a step's loss counts in the smoothed one, once there have been many."""


class Pace:
    """Steps and pictures a second, time spent on anything else left out."""

    def __init__(self) -> None:
        self._laps: deque[tuple[float, int, float]] = deque(maxlen=WINDOW)
        self._since = time.perf_counter()
        self.seconds = 0.0

    def begin(self) -> None:
        """What was done since the last lap doesn't count."""
        self._since = time.perf_counter()

    def lap(self, steps: int, pictures: float) -> None:
        """So many steps are done since the last lap or beginning."""
        now = time.perf_counter()
        self._laps.append((now - self._since, steps, pictures))
        self.seconds += now - self._since
        self._since = now

    @property
    def pictures_per_s(self) -> float:
        """Pictures learnt from in a second, lately."""
        return sum(pictures for *_, pictures in self._laps) / max(1e-9, sum(s for s, *_ in self._laps))

    def seconds_for(self, steps: int) -> float:
        """How long so many steps will take."""
        done = sum(count for _, count, _ in self._laps)
        return steps * sum(seconds for seconds, *_ in self._laps) / max(1, done)


def smoothed(before: float | None, loss: float, step: int, steps: int) -> float:
    """The loss as the curve shows it, after `steps` steps more with the mean `loss`, up to `step`: a plain mean at the
    beginning, later one that forgets."""
    share = 1 - (1 - max(SMOOTHING, 1 / step)) ** steps
    return loss if before is None else before + share * (loss - before)
