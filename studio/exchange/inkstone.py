"""Our own format: one versioned JSON object, from which a request comes back exactly."""

import json
import re
from collections.abc import Mapping
from typing import Any

from studio import __version__
from studio.exchange import Facts, Format, Reading
from studio.picture_errors import SettingsTooNew
from studio.requests import GenerateRequest

KEY = "inkstone"
VERSION = 1

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def dumps(value: Any) -> str:
    """JSON that any file can hold: readable Chinese, and half characters, which UTF-8 refuses, escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _write(request: GenerateRequest, facts: Facts) -> dict[str, str]:
    told = {"version": VERSION, "studio": __version__, "request": request.to_dict(), "facts": dict(facts)}
    return {KEY: dumps(told)}


def _read(info: Mapping[str, str]) -> Reading | None:
    try:
        told = json.loads(info.get(KEY, ""))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("request"), dict):
        return None
    version, facts = told.get("version"), told.get("facts")
    if not isinstance(version, int) or version < 1:
        return None
    if version > VERSION:
        raise SettingsTooNew(None, version=min(version, 10**6), known=VERSION)
    return Reading(told["request"], facts=facts if isinstance(facts, dict) else {})


FORMAT = Format("Inkstone", is_exact=True, read=_read, write=_write)
