"""A folder, zip, tar or parquet file of this machine, in whatever layout it has."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from studio.dataset_requests import ImportRequest
from studio.datasets.archive import unpack
from studio.datasets.errors import FolderMissing, SourceRefused
from studio.datasets.formats import recognise
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.opening import is_there
from studio.sources.source import Place, Source
from studio.words import Said, Text

TITLE = Text("Folder", "文件夹")
ROOTS = "INKSTONE_IMPORT_ROOTS"
"""Environment variable with the folders (parted as in PATH) that may be imported from; without it, all may."""
MOST_FILES = 1_000_000

NOT_ALLOWED = Text(
    "{path} lies outside the folders that may be imported from", "{path} 不在允许导入的文件夹之内"
)
TOO_MANY = Text(
    "{path} holds more than {most} files; name a smaller folder",
    "{path} 中的文件超过 {most} 个；请指定更小的文件夹",
)
OUTSIDE = Text("it is a link that leaves the folder", "它是指向文件夹之外的链接")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    named = Path(request.where).expanduser()
    if not request.where.strip() or not is_there(named):
        raise FolderMissing("where", path=request.where)
    root = Path(os.path.realpath(named))
    _check_allowed(root, place.environment.get(ROOTS, ""))
    if root.is_file() and root.suffix.lower() == ".zip":
        folder = place.work_dir / "unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        yield from unpack(root, folder)
        root = folder
    _check_count(root)
    for found in recognise(root, called=named).read(root):
        if isinstance(found, Found) and found.file is not None and not _is_inside(found.file, root):
            yield Skipped(found.name, Said(OUTSIDE, {}))
        else:
            yield found


def _check_allowed(root: Path, roots: str) -> None:
    allowed = [Path(os.path.realpath(part)) for part in roots.split(os.pathsep) if part.strip()]
    if allowed and not any(root.is_relative_to(one) for one in allowed):
        raise SourceRefused("where", source=TITLE, reason=Said(NOT_ALLOWED, {"path": str(root)}))


def _check_count(root: Path) -> None:
    """See that the folder is no whole disk, before anybody reads all of it."""
    count = 0
    for _, _, files in os.walk(root, followlinks=False):
        count += len(files)
        if count > MOST_FILES:
            told = {"path": str(root), "most": MOST_FILES}
            raise SourceRefused("where", source=TITLE, reason=Said(TOO_MANY, told))


def _is_inside(file: Path, root: Path) -> bool:
    return Path(os.path.realpath(file)).is_relative_to(root)


SOURCE = Source(
    title=TITLE,
    help=Text(
        "A folder or archive of this machine, in any layout that trainers use; nothing there is changed.",
        "本机的文件夹或压缩包，支持各训练工具的布局；原文件不会被改动。",
    ),
    order=11,
    fields=("where", "caption", "honour_opt_outs"),
    find=_find,
    is_local=True,
)
