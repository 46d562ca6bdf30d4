"""kohya's sd-scripts: folders named `10_boat` (repeats, then the words for pictures that have none of their own), words
in .txt or .caption files beside the pictures, `reg/` for pictures that keep the class in mind, and a TOML beside them.

A picture without words goes by its folder's, the trigger word; where there is none, an empty line keeps it from being
called by the name of the export. sd-scripts reads that as no words, and fails at a file without any line.

A validation set goes into a second `[[datasets]]` with validation_split = 1.0: sd-scripts takes that key nowhere else,
whatever its guide shows."""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.entry import Split
from studio.datasets.formats.beside import read_beside
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.paths import split_of
from studio.datasets.formats.placing import put, put_caption
from studio.datasets.found import Found, Skipped
from studio.words import Said, Text

REGULARISATION = "regularisation"
"""The tag of pictures that come from `reg/` and go back there."""
CLASS_WORDS = "folder"
"""The caption source of pictures that are called by their folder's name."""
CONFIG = "dataset.toml"
MOST_REPEATS = 1000
"""A folder called 2024_summer is a year, not a count."""
NO_COUNT = Text("its folder's name does not begin with a number of repeats", "所在文件夹名没有以重复次数开头")
_NAMED = re.compile(r"^(\d{1,4})_(.*)$", re.S)


def _recognises(path: Path) -> bool:
    if not path.is_dir():
        return False
    places = [path, *(path / name for name in ("img", "images", "train", "validation", "reg"))]
    inside = (child.name for place in places if place.is_dir() for child in place.iterdir() if child.is_dir())
    return any(_repeats_and_words(name) for name in inside)


def _repeats_and_words(folder: str) -> tuple[int, str] | None:
    found = _NAMED.match(folder)
    if not found or not 1 <= int(found.group(1)) <= MOST_REPEATS:
        return None
    return int(found.group(1)), found.group(2).replace("_", " ").strip()


def _read(path: Path) -> Iterator[Found | Skipped]:
    yield from read_beside(path, _facts)


def _facts(name: str, caption: str | None) -> dict[str, Any] | Said:
    """What a picture's folders say of it."""
    folders = name.split("/")[:-1]
    named = next((found for folder in reversed(folders) if (found := _repeats_and_words(folder))), None)
    if named is None:
        return Said(NO_COUNT, {})
    repeats, words = named
    told: dict[str, Any] = {"repeats": repeats, "split": _side(folders)}
    if caption is None:
        told |= {"caption": words, "caption_source": CLASS_WORDS if words else ""}
    return told | ({"tags": (REGULARISATION,)} if "reg" in folders[:-1] else {})


def _side(folders: list[str]) -> Split:
    """Pictures stand for training unless a folder above says otherwise."""
    return next((side for folder in folders[:-1] if (side := split_of(folder))), "train")


class _Places:
    """The folders of one export, and what its TOML must know of them."""

    def __init__(self, word: str, repeats: int) -> None:
        self._word = word
        self._repeats = repeats
        self.used: dict[tuple[str, bool], dict[str, int]] = {}
        self.has_lines = False

    def of(self, ready: Ready) -> str:
        entry = ready.entry
        is_reg = REGULARISATION in entry.tags
        is_aside = ready.split == "validation"
        repeats = 1 if is_aside else min(MOST_REPEATS, entry.repeats * (1 if is_reg else self._repeats))
        above = "validation" if is_aside else "reg" if is_reg else "img"
        place = f"{above}/{repeats}_{self._word}"
        self.used.setdefault((ready.split, is_reg), {})[place] = repeats
        self.has_lines |= "\n" in entry.caption.strip()
        return place


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    otherwise = "" if need.trigger_word else "\n"
    places = _Places(_folder_word(need.trigger_word or Path(request.out).name), request.repeats)
    for ready in pictures:
        picture = put(folder / places.of(ready), ready.name, ready.content)
        put_caption(picture, ready.entry.caption, otherwise)
        yield ready
    (folder / CONFIG).write_text(_config(places, need), encoding="utf-8", newline="\n")


def _folder_word(words: str) -> str:
    """Words that a folder may be called by on every system."""
    return re.sub(r"[^\w\- ]+", "_", words).strip(" _")[:60] or "pictures"


def _config(places: _Places, need: Need) -> str:
    """The dataset configuration, relative to the folder of the export."""
    wildcard = (
        "enable_wildcard = true  # a caption of several lines: one of them is drawn\n"
        if places.has_lines
        else ""
    )
    learnt = {
        place: n
        for (split, is_reg), used in places.used.items()
        if split == "train"
        for place, n in used.items()
    }
    aside = {
        place: n
        for (split, _), used in places.used.items()
        if split == "validation"
        for place, n in used.items()
    }
    text = f"""\
# Start sd-scripts from this folder with --dataset_config dataset.toml, or put the folder's path before each image_dir.
[general]
caption_extension = ".txt"
{wildcard}"""
    for used, more in ((learnt, ""), (aside, "validation_split = 1.0\nvalidation_seed = 0\n")):
        if used:
            text += f"\n[[datasets]]\nresolution = {need.resolution}\nbatch_size = 1\nenable_bucket = true\n"
            text += f"bucket_no_upscale = true\n{more}" + "".join(
                map(_subset, sorted(used), map(used.get, sorted(used)))
            )
    return text


def _subset(place: str, repeats: int | None) -> str:
    words = place.partition("_")[2].replace("_", " ")
    is_reg = "is_reg = true\n" if place.startswith("reg/") else ""
    return f"""
[[datasets.subsets]]
image_dir = {json.dumps(place, ensure_ascii=False)}
num_repeats = {repeats}
class_tokens = {json.dumps(words, ensure_ascii=False)}
{is_reg}"""


FORMAT = Format(
    title=Text("kohya sd-scripts (10_name folders)", "kohya sd-scripts（10_名称 文件夹）"),
    order=50,
    recognises=_recognises,
    read=_read,
    write=_write,
)
