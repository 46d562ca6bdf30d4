"""Pictures with the words for each in a text file beside it, as kohya, ai-toolkit and most people keep them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from studio.datasets.formats.paths import (
    FOREIGN,
    LOST_CAPTION,
    NOT_READ,
    is_picture,
    opened,
    relative,
    split_of_path,
    walk,
)
from studio.datasets.formats.texts import ENDINGS, Beside
from studio.datasets.found import Found, Skipped
from studio.words import Said

NOTES = ("readme", "license", "licence", "copying", "notice", "attribution", "sample_prompts", "sample")
"""Text files that are no captions."""

Facts = Callable[[str, str | None], dict[str, Any] | Said]
"""More fields of Found, from a picture's name inside the folder and its caption (None without a caption file); or why it
isn't taken."""


def read_beside(root: Path, facts: Facts) -> Iterator[Found | Skipped]:
    """Every picture under `root` with its words; captions without a picture are told of."""
    beside = Beside()
    lost: dict[Path, Path] = {}
    named: set[Path] = set()
    for found in walk(root):
        if isinstance(found, Skipped):
            yield found
        elif is_picture(found.name):
            named |= {found, found.with_suffix("")}
            yield _picture(found, root, beside, facts)
        elif found.suffix.lower() in ENDINGS and found.stem.lower() not in NOTES:
            lost[found] = found.with_suffix("")
        elif found.suffix.lower() in FOREIGN:
            yield Skipped(relative(found, root), Said(NOT_READ, {}))
    for file, stem in lost.items():
        if stem not in named:
            yield Skipped(relative(file, root), Said(LOST_CAPTION, {}))


def has_captions(path: Path) -> bool:
    """Whether a picture under a folder has its words beside it."""
    beside = Beside()
    return any(
        isinstance(found, Path) and is_picture(found.name) and beside.caption(found) is not None
        for found in walk(path)
    )


def _picture(file: Path, root: Path, beside: Beside, facts: Facts) -> Found | Skipped:
    name = relative(file, root)
    caption = beside.caption(file)
    if isinstance(caption, Said):
        return Skipped(name, caption)
    more = facts(name, caption)
    if isinstance(more, Said):
        return Skipped(name, more)
    told = {"caption": caption or "", "split": split_of_path(name), **more}
    return Found(name=name, open=partial(opened, file), file=file, **told)
