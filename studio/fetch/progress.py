"""How far a download is, how fast it goes, and how long it still takes."""

from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from studio.words import Said

_SPAN_S = 8.0
"""Speed is what has come within the last seconds: over the whole time it would hide that a connection has died."""
_MARK_S = 0.1


@dataclass(frozen=True)
class Progress:
    """What is being fetched: a file, bytes so far and in all of the whole model, bytes a second, seconds left; `doing`
    says what happens instead of receiving. None for what isn't known yet."""

    file: str
    done: int
    total: int
    bytes_per_s: float | None = None
    seconds_left: float | None = None
    doing: Said | None = None


@dataclass
class Pace:
    """Counts what arrives."""

    total: int
    done: int = 0
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, count: int) -> None:
        """So many more bytes are here; negative when some are thrown away."""
        now = monotonic()
        if not self._marks:
            self._marks.append((now, self.done))
        self.done += count
        if len(self._marks) > 1 and now - self._marks[-2][0] < _MARK_S:
            self._marks.pop()
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[1][0] > _SPAN_S:
            self._marks.popleft()

    def rest(self) -> None:
        """Nothing arrives for a while: what came before says nothing of what comes after."""
        self._marks.clear()

    def told(self, file: str, doing: Said | None = None) -> Progress:
        """As it stands."""
        speed = self._speed()
        left = (self.total - self.done) / speed if speed else None
        return Progress(file, self.done, self.total, speed, left, doing)

    def _speed(self) -> float | None:
        if len(self._marks) < 2:
            return None
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - start) if end - start > 0.5 and after > before else None
