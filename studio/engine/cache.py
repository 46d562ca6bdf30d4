"""Keeps the latest results of the stages under a byte budget."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from studio.engine.events import Event
from studio.words import Said


@dataclass(frozen=True)
class Kept:
    """A stage's result: its value, the bytes that it takes, what it holds in words, and what it had to tell."""

    value: Any
    bytes: int
    holds: Said
    tells: tuple[Event, ...] = ()


class Cache:
    """Results by key, the least recently used dropped first; the newest always stays."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def get(self, key: Hashable) -> Kept | None:
        """The result under a key, now the most recently used."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Hashable, kept: Kept) -> Kept:
        """Keep a result, and drop old ones until the budget holds."""
        self._kept[key] = kept
        self._kept.move_to_end(key)
        self.make_room(0)
        return kept

    def make_room(self, needed_bytes: int) -> None:
        """Drop old results until `needed_bytes` more would fit, but never the newest unless it has to make way."""
        least = 0 if needed_bytes else 1
        while len(self._kept) > least and self.bytes + needed_bytes > self.budget_bytes:
            self._kept.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget one result."""
        self._kept.pop(key, None)

    def items(self) -> list[tuple[Hashable, Kept]]:
        """All that is kept, the least recently used first."""
        return list(self._kept.items())

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    @property
    def bytes(self) -> int:
        """Bytes of all that is kept."""
        return sum(kept.bytes for kept in self._kept.values())
