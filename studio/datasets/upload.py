"""Pictures that somebody dropped on the page become a picture folder: `train/` with a metadata.csv, captions from text
files or tables that came along, one caption for the rest. Archives are hostile until unpacked: names, counts and sizes
are checked before a byte is written."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from studio.datasets.archive import (
    BAD_ARCHIVE,
    MEMBER_TOO_LARGE,
    TOO_LARGE,
    TOO_MANY,
    Limits,
    Member,
    MemberRefused,
    chunks,
    members,
    opened,
)
from studio.datasets.errors import UploadRefused
from studio.datasets.pictures import ENDINGS, OTHER_ENDINGS
from studio.disk import check_writable, storage_error, write_atomically
from studio.words import Said, Text

COLUMNS = ("file_name", "text", "caption_source")
MOST_FILES = 5000
MOST_BYTES = 2 * 2**30
MOST_FILE_BYTES = 64 * 2**20
_CAPTIONS = (".txt", ".caption")
_TABLES = ("metadata.csv", "metadata.jsonl")
_OWN, _SHARED = "file", "shared"

NO_PICTURES = Text("there are no pictures among them", "其中没有图片")


@dataclass(frozen=True)
class _Given:
    """A file among those that were dropped, and where its bytes are: on the disk, or in an archive."""

    name: PurePosixPath
    file: Path
    member: Member | None = None


def store_pictures(files: Iterable[Path], caption: str, folder: Path) -> int:
    """Write dropped files as a new picture folder and return how many pictures it has; nothing is left behind when
    that fails. Raises UploadRefused, DiskFull or NotWritable."""
    given = [one for file in files for one in _opened(file)]
    pictures = [one for one in given if one.name.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS)]
    if not pictures:
        raise UploadRefused(None, reason=NO_PICTURES)
    if len(given) > MOST_FILES:
        raise UploadRefused(None, reason=Said(TOO_MANY, {"most": MOST_FILES}))
    captions = _captions(given)
    check_writable(folder / "train")
    try:
        rows = [
            _row(name, captions.get(str(one.name), ""), caption)
            for one, name in _copied(pictures, folder / "train")
        ]
        write_table(folder / "train", rows)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise storage_error(error, folder.parent) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return len(rows)


def caption_rest(folder: Path, caption: str) -> None:
    """Give a stored folder's pictures without a caption of their own another one."""
    table = folder / "train" / "metadata.csv"
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"), newline="")))
    for row in rows:
        if row["caption_source"] == _SHARED:
            row["text"] = caption
    write_table(folder / "train", rows)


def write_table(folder: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write a folder's metadata.csv, whole or not at all."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "metadata.csv", stream.getvalue().encode())


def _row(name: str, own: str, shared: str) -> dict[str, str]:
    return {"file_name": name, "text": own or shared.strip(), "caption_source": _OWN if own else _SHARED}


def _limits() -> Limits:
    return Limits(MOST_FILES, MOST_FILE_BYTES, MOST_BYTES)


def _opened(file: Path) -> Iterator[_Given]:
    """A dropped file, or what an archive holds that matters."""
    if file.suffix.lower() != ".zip":
        yield _Given(PurePosixPath(file.name), file)
        return
    with opened(file, _limits()) as archive:
        found = [member for member in members(archive, _limits()) if _matters(PurePosixPath(member.name))]
    if sum(member.place.file_size for member in found) > MOST_BYTES:
        raise UploadRefused(None, reason=Said(TOO_LARGE, {"name": file.name, "most": MOST_BYTES // 2**20}))
    for member in found:
        yield _Given(PurePosixPath(member.name), file, member)


def _matters(name: PurePosixPath) -> bool:
    return name.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS, *_CAPTIONS) or name.name in _TABLES


def _bytes_of(one: _Given) -> bytes:
    """A file's bytes; never more than a picture may have."""
    if one.member is None:
        return one.file.read_bytes()
    try:
        with opened(one.file, _limits()) as archive:
            return b"".join(chunks(archive, one.member, _limits()))
    except MemberRefused as refused:
        is_large = refused.reason.text is MEMBER_TOO_LARGE
        told = {"name": one.name.name if is_large else one.file.name, "most": MOST_FILE_BYTES // 2**20}
        raise UploadRefused(None, reason=Said(TOO_LARGE if is_large else BAD_ARCHIVE, told)) from None


def _captions(given: list[_Given]) -> dict[str, str]:
    """Captions by the path of their picture, from text files beside pictures and from tables; a text file wins."""
    pictures = {one.name for one in given if one.name.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS)}
    found: dict[str, str] = {}
    for one in given:
        if one.name.name in _TABLES:
            for name, words in _table_rows(one):
                found[str(one.name.parent / name)] = words
    texts = {one.name.with_suffix(""): one for one in given if one.name.suffix.lower() in _CAPTIONS}
    for picture in pictures & {name for name in pictures if name.with_suffix("") in texts}:
        found[str(picture)] = _words(texts[picture.with_suffix("")])
    return found


def _table_rows(one: _Given) -> Iterator[tuple[str, str]]:
    """File names and captions of a table; one that can't be read holds none, and the pre-flight then says that there
    are pictures without caption."""
    text = _bytes_of(one).decode("utf-8-sig", "replace")
    try:
        if one.name.suffix == ".jsonl":
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        else:
            rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (ValueError, csv.Error, RecursionError):
        return
    for row in rows:
        if isinstance(row, dict) and row.get("file_name") and row.get("text"):
            yield str(row["file_name"]), " ".join(str(row["text"]).split())


def _words(one: _Given) -> str:
    return " ".join(_bytes_of(one).decode("utf-8-sig", "replace").split())


def _copied(pictures: list[_Given], folder: Path) -> Iterator[tuple[_Given, str]]:
    """Each picture written under a plain name that no other has."""
    taken: set[str] = set()
    written = 0
    for one in pictures:
        stem = re.sub(r"[^\w\- ]+", "_", one.name.stem)[:80].strip() or "picture"
        name, number = f"{stem}{one.name.suffix.lower()}", 2
        while name.lower() in taken:
            name, number = f"{stem}-{number}{one.name.suffix.lower()}", number + 1
        taken.add(name.lower())
        content = _bytes_of(one)
        written += len(content)
        if written > MOST_BYTES:
            raise UploadRefused(
                None, reason=Said(TOO_LARGE, {"name": one.file.name, "most": MOST_BYTES // 2**20})
            )
        (folder / name).write_bytes(content)
        yield one, name
