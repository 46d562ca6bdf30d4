"""Times, sizes and shares as people say them."""

import math

from studio.ui.speech import Speech
from studio.words import Language

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def duration(seconds: float, speech: Speech, language: Language) -> str:
    """A span of time in one unit, or two where the first alone would be coarse."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(1, round(seconds))
    if whole < _MINUTE_S + 30:
        return speech.say(language, "train.time.seconds", seconds=whole)
    if whole < _HOUR_S:
        return speech.say(language, "train.time.minutes", minutes=round(whole / _MINUTE_S))
    if whole < _DAY_S:
        hours, rest = divmod(round(whole / _MINUTE_S), 60)
        return speech.say(language, "train.time.hours", hours=hours, minutes=rest)
    return speech.say(language, "train.time.days", days=round(whole / _DAY_S, 1))


def amount(count: float) -> str:
    """Bytes in the unit that suits them."""
    for unit, size in (("GB", 2**30), ("MB", 2**20)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 100 * size else f"{count / size:.0f} {unit}"
    return f"{max(0, count) / 2**10:.0f} KB"
