"""Numbers from strangers' files. JSON holds whole numbers of any length, and Python reads `Infinity` and `1e999` there,
at which `int` and `float` raise OverflowError; these two always answer."""

import math


def as_float(number: float) -> float:
    """A number as a float; a whole number beyond its range is infinite, as `1e999` is."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def as_number(value: object) -> float | None:
    """A finite number, from whatever a file has in its place; None for what is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
