"""What a browser kept is a stranger's word: taken only when it is of the sort that the control holds."""

import math

MOST_LETTERS = 200_000
MOST_ITEMS = 64


def is_like(default: object, value: object, is_seed: bool) -> bool:
    """Whether a kept value is of the sort of the default; a seed may also be missing."""
    if is_seed:
        return value is None or (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        )
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, list):
        return (
            isinstance(value, list)
            and len(value) < MOST_ITEMS
            and all(isinstance(item, str) for item in value)
        )
    return isinstance(value, str) and len(value) < MOST_LETTERS
