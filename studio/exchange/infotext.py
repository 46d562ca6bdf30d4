"""The parts of a text in A1111's form: prompt, negative prompt, and the pairs of its last line. Several programs and
sites write it, each with quirks; nothing that is read here is more than words."""

import json
import re
from collections.abc import Iterator

_NEGATIVE = "Negative prompt:"
_FEWEST_PAIRS = 3
_MOST_AFTER = 8
"""Lines of extensions, such as `Template:`, that may follow the line of pairs."""

_JSON = ("[{", '{"', "[]", "{}")
_MOST_JSON = 8
"""Values in brackets that one line may hold; more would be an attack."""

_KEY_NAME = re.compile(r"\w[\w \-/]{1,60}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FIRST_PAIR = re.compile(r"Steps: ?\d")


def parts(text: str) -> tuple[str, str, dict[str, str]] | None:
    """Prompt, negative prompt and pairs; None without a line of at least three pairs."""
    lines = text.strip().split("\n")
    found = _settings_line(lines)
    if found is None:
        return None
    at, pairs = found
    for line in lines[at + 1 :]:
        key, _, value = line.partition(":")
        if _KEY_NAME.fullmatch(key):
            pairs.setdefault(key, value.strip())
    sides: tuple[list[str], list[str]] = ([], [])
    in_negative = False
    for line in lines[:at]:
        if line.startswith(_NEGATIVE):
            in_negative, line = True, line.removeprefix(_NEGATIVE).strip()
        sides[in_negative].append(line)
    return "\n".join(sides[0]), "\n".join(sides[1]), pairs


def _settings_line(lines: list[str]) -> tuple[int, dict[str, str]] | None:
    """Where the line of pairs is, and what it holds: the last one, or one with only extensions' lines behind it."""
    for back in range(1, min(_MOST_AFTER, len(lines)) + 1):
        line = lines[-back]
        if back == 1 or _FIRST_PAIR.match(line):
            pairs = dict(_pairs(line))
            if len(pairs) >= _FEWEST_PAIRS:
                return len(lines) - back, pairs
    return None


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """`key: value` pairs in one pass; a value in quotes is JSON, and one in brackets is JSON that wasn't quoted."""
    at = tried = 0
    while (colon := line.find(":", at)) >= 0:
        key = line[max(at, colon - 80) : colon].rpartition(",")[2].strip()
        at = colon + 1
        while line[at : at + 1] == " ":
            at += 1
        end = _json_end(line, at) if line.startswith(_JSON, at) and tried < _MOST_JSON else None
        tried += line.startswith(_JSON, at)
        quoted = None if end else _QUOTED.match(line, at)
        if end:
            at, value = end, line[at:end]
        elif quoted:
            at, value = quoted.end(), _unquote(quoted[0])
        else:
            comma = line.find(",", at)
            end = len(line) if comma < 0 else comma
            at, value = end, line[at:end].strip()
        if _KEY_NAME.fullmatch(key):
            yield key, value


def _json_end(line: str, at: int) -> int | None:
    """Where a list or an object that begins here ends."""
    try:
        return json.JSONDecoder().raw_decode(line, at)[1]
    except (ValueError, RecursionError):
        return None


def _unquote(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError:
        return value
