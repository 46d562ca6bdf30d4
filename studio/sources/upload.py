"""Files that somebody dropped on the page: pictures, with captions in text files or tables beside them, and zips."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from studio.dataset_requests import ImportRequest
from studio.datasets.archive import unpack
from studio.datasets.errors import LayoutUnknown, SourceRefused, UploadRefused
from studio.datasets.formats import recognise
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.names import clean_together, unique_name
from studio.disk import storage_error
from studio.sources.source import Place, Source
from studio.words import Said, Text

TITLE = Text("Upload", "上传")
NO_FILES = Text("no files were dropped", "没有收到文件")
NO_FILE = Text(
    "there is no file {path}; name pictures or zips here, and a folder with the source “folder”",
    "没有 {path} 这个文件；此处请指定图片或 zip，文件夹请改用 folder 来源",
)


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if not place.files:
        raise SourceRefused(None, source=TITLE, reason=NO_FILES)
    if missing := [file for file in place.files if not file.is_file()]:
        raise SourceRefused("where", source=TITLE, reason=Said(NO_FILE, {"path": str(missing[0])}))
    zips = [file for file in place.files if file.suffix.lower() == ".zip"]
    loose = [file for file in place.files if file not in zips]
    if loose:
        yield from _read(_gathered(loose, place.work_dir / "files"))
    for number, file in enumerate(zips):
        folder = place.work_dir / f"zip-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            yield from unpack(file, folder)
            yield from _read(folder, file.name)
        except (UploadRefused, LayoutUnknown) as error:
            if len(place.files) == 1:
                raise
            yield Skipped(file.name, Said(error.text, error.values))
        yield Step(number + 1, len(zips))
        shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path, called: str = "") -> Iterator[Found | Skipped]:
    yield from recognise(folder, called).read(folder)


def _gathered(files: list[Path], folder: Path) -> Path:
    """The files side by side in one folder, as they were before the page took each to a place of its own. They are not
    copied where the disk can give a file a second name."""
    shutil.rmtree(folder, ignore_errors=True)
    names, taken = clean_together(file.name for file in files), set[str]()
    try:
        folder.mkdir(parents=True)
        for file in files:
            target = folder / unique_name(names[file.name], taken)
            real = Path(os.path.realpath(file))
            try:
                target.hardlink_to(real)
            except OSError:  # another disk, or one without second names
                shutil.copyfile(real, target)
    except OSError as error:
        raise storage_error(error, folder.parent) from None
    return folder


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Pictures and zips from your computer; captions in .txt files or metadata.csv come along.",
        "来自你电脑的图片和 zip；同名 .txt 或 metadata.csv 中的说明会一并读取。",
    ),
    order=10,
    fields=("caption", "honour_opt_outs"),
    find=_find,
)
