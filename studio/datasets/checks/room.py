"""Whether the disk has room for what training writes, takes it, and takes paths of that length."""

import os
from collections.abc import Iterator
from pathlib import Path

from studio.datasets.checks.check import Check, Finding, Inspection, about
from studio.disk import check_writable, free_bytes
from studio.errors import StorageError
from studio.words import Said, Text

MOST_PATH = 240
MUCH = 0.5
BYTES_A_PIXEL = 2.5
"""What a PNG of a photograph takes, about."""
CATALOGUE = "catalogue.sqlite"
_MB = 2**20
REFUSED = Text("{reason}", "{reason}")
NO_ROOM = Text(
    "The baked pictures take about {needed} MB, but {free} MB are free in {folder}. Free some space, or export smaller "
    "pictures elsewhere.",
    "处理后的图片约需 {needed} MB，但 {folder} 只剩 {free} MB。请腾出空间，或在别处导出较小的图片。",
)
LITTLE_ROOM = Text(
    "The baked pictures take about {needed} MB of the {free} MB that are free in {folder}.",
    "处理后的图片约需 {needed} MB，{folder} 目前剩余 {free} MB。",
)
LONG_PATHS = Text(
    "{count:path has|paths have} more than {most} characters ({which}); Windows does not open such.",
    "{count} 个路径超过 {most} 个字符（{which}）；Windows 无法打开。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Room for the canonical folder; whether the set's own folder can be written; long paths."""
    root = inspection.root
    if root is None:
        return
    long = (entry for entry in inspection.entries if len(os.path.join(root, entry.file)) > MOST_PATH)
    yield from about("warning", LONG_PATHS, long, most=MOST_PATH)
    if (root / CATALOGUE).is_file():
        yield from _room(root, inspection)


def _room(root: Path, inspection: Inspection) -> Iterator[Finding]:
    try:
        check_writable(root)
    except StorageError as error:
        yield Finding("error", Said(REFUSED, {"reason": Said(error.text, error.values)}))
        return
    needed = BYTES_A_PIXEL * sum(width * height for width, height in (e.size for e in inspection.usable))
    free = free_bytes(root)
    told = {"needed": round(needed / _MB), "free": free // _MB, "folder": str(root)}
    if needed > free:
        yield Finding("error", Said(NO_ROOM, told))
    elif needed > MUCH * free:
        yield Finding("note", Said(LITTLE_ROOM, told))


CHECK = Check(
    33,
    Text("Room on the disk", "磁盘空间"),
    Text(
        "A disk that fills up in the middle of a training costs the whole run.",
        "训练途中磁盘写满，整个训练就白费了。",
    ),
    look,
    thresholds={"most_path": MOST_PATH, "much": MUCH, "bytes_a_pixel": BYTES_A_PIXEL},
)
