"""Writing flat TOML, for files that people also read; reading is `tomllib`'s."""

import json
from collections.abc import Mapping
from typing import Any


def dumps(values: Mapping[str, Any]) -> str:
    """One `key = value` line for each entry: text, numbers, booleans, and lists of them. Keys are bare words."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # a TOML string is a JSON string, save that DEL must be escaped too
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
