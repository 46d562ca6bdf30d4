"""JSON from strangers: its size is looked at before it is parsed, its depth before it is walked."""

import json
from typing import Any

from studio.exchange.comfy.errors import WorkflowBroken, WorkflowTooDeep, WorkflowTooLarge
from studio.words import Text

MOST_BYTES = 8 * 2**20
MOST_DEPTH = 64
_MOST_DIGITS = 25
_LISTS = Text("lists", "列表")
NO_JSON = Text("it is no JSON", "不是 JSON")


def load(text: str) -> Any:
    """The value of a JSON text. NaN, infinity and numbers without end, which ComfyUI's own files may hold (a node's
    `is_changed`), become None. Raises WorkflowTooLarge, WorkflowTooDeep or WorkflowBroken."""
    if len(text) > MOST_BYTES:
        raise WorkflowTooLarge(None, size=f"{len(text) / 2**20:.1f} MB", most=f"{MOST_BYTES // 2**20} MB")
    try:
        value = json.loads(text, parse_constant=_nothing, parse_int=_whole)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise WorkflowBroken(None, reason=NO_JSON) from None
    _check_depth(value)
    return value


def _nothing(_word: str) -> None:
    """What stands for a number that is none."""


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> WorkflowTooDeep:
    return WorkflowTooDeep(None, what=_LISTS, most=MOST_DEPTH)
