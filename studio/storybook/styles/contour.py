"""Which marks make a line drawing: runs of like marks, outlined together so that puffs join into one crown."""

from collections.abc import Iterator
from itertools import groupby

from studio.storybook.shapes import Mark, Role

_TONES: frozenset[Role] = frozenset({"shade", "light", "deep", "blush", "glow", "shadow", "cloud"})
"""Marks that model a form instead of bounding one."""


def runs(marks: tuple[Mark, ...]) -> Iterator[tuple[Role, list[Mark]]]:
    """Consecutive marks of one role, in order."""
    for role, run in groupby(marks, key=lambda mark: mark.role):
        yield role, list(run)


def bounds(role: Role) -> bool:
    """Whether marks of this role get a line of their own."""
    return role not in _TONES
