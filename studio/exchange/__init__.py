"""Settings inside pictures. Each format is one file with a `FORMAT`; `picture` reads and writes the files themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.requests import GenerateRequest
from studio.words import Said

Facts = Mapping[str, Any]
"""What is known of a picture besides its request, all of it optional and ready for JSON: `seed` (the one that was
drawn), `seconds`, `created` (ISO 8601), `prompt` and `negative_prompt` as the model read them, styles woven in."""


@dataclass(frozen=True)
class Reading:
    """What a format found: request values as `to_dict` writes them, and facts. What became of everything else is told:
    `mapped` says where each value came from, `approximated` what comes near and why not nearer, `left_out` what we
    don't have, as a setting's name or as a whole sentence."""

    values: dict[str, Any]
    left_out: tuple[str | Said, ...] = ()
    facts: Facts = field(default_factory=dict)
    mapped: tuple[Said, ...] = ()
    approximated: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Format:
    """A way of writing settings into a picture's texts (key to text). `read` answers None when the texts are not its
    own; `write` is None for what is only read. Exact formats are read before the others, then by `order`."""

    name: str
    is_exact: bool
    read: Callable[[Mapping[str, str]], Reading | None]
    write: Callable[[GenerateRequest, Facts], dict[str, str]] | None = None
    order: int = 1
