"""Nodes that stand for a plain value, linked into the box of another node."""

from typing import Any

from studio.exchange.comfy.found import MOST_LETTERS
from studio.exchange.comfy.kind import node
from studio.exchange.comfy.walk import Visit


def _value(visit: Visit) -> Any:
    return visit.value("value")


def _concatenated(visit: Visit) -> str | None:
    parts = [visit.text(name) for name in ("string_a", "string_b")]
    joined = (visit.text("delimiter") or "").join(part for part in parts if part is not None)
    return joined[:MOST_LETTERS]


NODES = (
    *(node(name, _value, "", "value", kind) for name, kind in (
        ("PrimitiveString", "STRING"), ("PrimitiveStringMultiline", "STRING"), ("PrimitiveInt", "INT"),
        ("PrimitiveFloat", "FLOAT"), ("PrimitiveBoolean", "BOOLEAN"))),
    node("StringConcatenate", _concatenated, "", "string_a string_b delimiter", "STRING"),
)  # fmt: skip
