"""Opens whatever holds pictures as a catalogue: a set of the studio, or any layout on disk, which is only looked at.

Shards and archives are unpacked into a folder of their own that is gone when the catalogue is closed."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from studio.dataset_requests import Need
from studio.datasets.archive import unpack
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.entry import New
from studio.datasets.errors import NotReadable
from studio.datasets.formats import recognise
from studio.datasets.formats.paths import LARGE, MOST_PICTURE_BYTES, PICTURES, split_of
from studio.datasets.found import Found, Skipped
from studio.datasets.names import clean_line
from studio.disk import reason_of, storage_error
from studio.words import Said, Text

SKIPPED = "skipped"
"""The note with what was not taken: a list of name, reason in English, reason in Chinese."""
_BATCH = 500
_CHUNK = 2**20
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
UNREADABLE = Text("it can't be read ({reason})", "无法读取（{reason}）")


class _Looked(Catalogue):
    """A catalogue in memory with a folder for what had to be unpacked."""

    _unpacked: Path | None = None

    def folder(self) -> Path:
        """The folder for what is unpacked; it lives as long as the catalogue."""
        if self._unpacked is None:
            self._unpacked = Path(tempfile.mkdtemp(prefix="inkstone-opened-"))
            self._gone = weakref.finalize(self, shutil.rmtree, self._unpacked, True)
        return self._unpacked

    def close(self) -> None:
        """Let go of the list, and remove what was unpacked."""
        super().close()
        if self._unpacked is not None:
            self._gone()


def is_there(path: Path) -> bool:
    """Whether a path leads to a file or folder; one that no disk can hold leads nowhere. Raises NotReadable for what is
    there and can't be read."""
    try:
        if path.is_dir():
            os.scandir(path).close()
            os.stat(os.path.join(path, os.curdir))  # its files may be locked though its list isn't
        elif path.is_file():
            path.open("rb").close()
        return path.exists()
    except ValueError:  # a null character
        return False
    except OSError as error:
        if error.errno in _NOWHERE:
            return False
        raise NotReadable(None, path=str(path), reason=reason_of(error)) from None


def open_set(path: Path, need: Need) -> Catalogue:
    """The set in a folder, with its own need; or a catalogue in memory over a folder, archive or file of any layout,
    meant for `need`. What was not taken is its note "skipped". Raises LayoutUnknown, TableBroken, PackageNeeded,
    UploadRefused (for a zip that is no good) or DiskFull."""
    path = path.expanduser().absolute()
    if (path / FILE).is_file():
        return Catalogue.open(path)
    catalogue = _Looked.over(path, need)
    try:
        catalogue.set_note(SKIPPED, _filled(catalogue, path))
    except BaseException:
        catalogue.close()
        raise
    return catalogue


def _filled(catalogue: _Looked, path: Path) -> list[list[str]]:
    """Take in all that is there; what was not taken."""
    skipped: list[list[str]] = []
    news = _news(catalogue, path, skipped)
    while batch := list(islice(news, _BATCH)):
        catalogue.add(batch)
    return skipped


def _news(catalogue: _Looked, path: Path, skipped: list[list[str]]) -> Iterator[New]:
    for found in _read(catalogue, path):
        if isinstance(found, Found):
            try:
                yield _new(catalogue, found)
                continue
            except _TooLarge:
                found = Skipped(found.name, Said(LARGE, {"most": MOST_PICTURE_BYTES // 2**20}))
            except OSError as error:
                found = Skipped(found.name, Said(UNREADABLE, {"reason": reason_of(error)}))
        told = (found.name, found.reason.say("en"), found.reason.say("zh"))
        skipped.append([clean_line(words.encode("utf-8", "replace").decode()) for words in told])


def _read(catalogue: _Looked, path: Path) -> Iterator[Found | Skipped]:
    if not (path.is_file() and path.suffix.lower() == ".zip"):
        yield from recognise(path).read(path)
        return
    inside = catalogue.folder() / "archive"
    for told in unpack(path, inside):
        if isinstance(told, Skipped):
            yield told
    inside = _innermost(inside)
    yield from recognise(inside, called=path).read(inside)


def _innermost(folder: Path) -> Path:
    """The folder that holds something besides one other folder: most archives wrap all they have in one."""
    held = list(folder.iterdir())
    while (
        len(held) == 1
        and held[0].is_dir()
        and not re.match(r"\d+_", held[0].name)
        and not split_of(held[0].name)
    ):
        folder, held = held[0], list(held[0].iterdir())
    return folder


class _TooLarge(Exception):
    """A file beyond what a picture may be."""


def _new(catalogue: _Looked, found: Found) -> New:
    file, sha256 = (
        (found.file, _sha256(found.file)) if found.file is not None else _unpacked(catalogue, found)
    )
    return New(
        file=str(_listable(catalogue, file)), name=found.name, sha256=sha256, caption=found.caption, caption_source=found.caption_source,
        split=found.split, tags=found.tags, repeats=found.repeats, provenance=found.provenance,
    )  # fmt: skip


def _listable(catalogue: _Looked, file: Path) -> Path:
    """The file; or a link to it where its path holds bytes that are no UTF-8, as old archives leave them on the disk:
    no list keeps those."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        mark = hashlib.sha256(os.fsencode(file)).hexdigest()
        link = catalogue.folder() / f"{mark}{file.suffix if file.suffix.lower() in PICTURES else ''}"
        if not link.is_symlink():
            link.symlink_to(file)
        return link
    return file


def _sha256(file: Path) -> str:
    """The hash of a file's bytes; raises OSError or _TooLarge."""
    if file.stat().st_size > MOST_PICTURE_BYTES:
        raise _TooLarge
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unpacked(catalogue: _Looked, found: Found) -> tuple[Path, str]:
    """A picture out of a shard, under a name of ours."""
    with found.open() as stream:
        content = stream.read(MOST_PICTURE_BYTES + 1)
    if len(content) > MOST_PICTURE_BYTES:
        raise _TooLarge
    sha256 = hashlib.sha256(content).hexdigest()
    ending = Path(found.name).suffix.lower()
    file = catalogue.folder() / sha256[:2] / f"{sha256[:16]}{ending if ending in PICTURES else ''}"
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise storage_error(error, file.parent) from None
    return file, sha256
