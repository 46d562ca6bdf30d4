"""Reading a dataset that lies as files in a repository of a hub: packed ones (parquet, tar, zip) one after the other,
loose pictures a batch at a time together with the tables and captions that speak of them. So a hundred pictures of a
large set cost a hundred downloads, and the disk never holds more than is being read."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from studio.dataset_requests import ImportRequest
from studio.datasets.archive import PICTURE_ENDINGS, unpack
from studio.datasets.entry import NO_LICENCE
from studio.datasets.errors import LayoutUnknown, SourceRefused, TableBroken, UploadRefused
from studio.datasets.formats import recognise
from studio.datasets.formats.paths import split_of_path
from studio.datasets.formats.tables import need_pyarrow
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.names import clean_path
from studio.disk import storage_error, write_atomically
from studio.sources.source import Place
from studio.words import Said, Text

MOST_FILE_BYTES = 8 * 2**30
_PACKED = (".parquet", ".tar", ".zip")
_TABLES = (".csv", ".jsonl", ".json", ".toml")
_SIDECARS = (".txt", ".caption")
_BATCH = 256
_MOST_TABLES, _MOST_TABLE_BYTES = 200, 256 * 2**20
_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")

FETCHING = Text("Fetching {name}", "正在获取 {name}")
NO_ID = Text(
    "'{where}' is no dataset's name; write owner/name, perhaps with @revision",
    "“{where}”不是数据集名称；请写成 所有者/名称，可加 @版本",
)
NOTHING = Text(
    "{id} holds no pictures, parquet, tar or zip files that match '{pattern}'",
    "{id} 中没有与“{pattern}”匹配的图片、parquet、tar 或 zip 文件",
)
MISSING = Text(
    "there is no dataset {id}, or it is private: check the name, or set {token}",
    "没有数据集 {id}，或它是私有的：请检查名称，或设置 {token}",
)
TOO_LARGE = Text("its file has more than {most} GB", "文件超过 {most} GB")


@dataclass(frozen=True)
class Kept:
    """A file of a repository: its path there and its size in bytes, 0 when nobody says."""

    path: str
    size: int = 0

    @property
    def ending(self) -> str:
        """The last part of its name, in small letters."""
        return PurePosixPath(self.path).suffix.lower()


@dataclass(frozen=True)
class Repository:
    """A dataset at a hub. `fetch` brings one of its files to a place on this disk, going on where it broke off."""

    title: Text
    source: str
    id: str
    address: str
    license: str
    files: Sequence[Kept]
    fetch: Callable[[Kept, Path], None]


def named(where: str, title: Text) -> tuple[str, str]:
    """The id and the revision ("" for the usual one) that somebody typed or pasted; raises SourceRefused."""
    plain = where.strip().rstrip("/")
    plain = plain.partition("/datasets/")[2] if "://" in plain else plain
    id, _, revision = plain.partition("@")
    if not _ID.fullmatch(id) or ".." in plain:
        raise SourceRefused("where", source=title, reason=Said(NO_ID, {"where": where[:80]}))
    return id, revision


def read(repository: Repository, request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    """The pictures of a repository, of those files that match the request's words ("train/*") where there are any."""
    files = [file for file in repository.files if _is_wanted(file.path, request.query.strip())]
    packed = [file for file in files if file.ending in _PACKED]
    loose = [file for file in files if file.ending in PICTURE_ENDINGS]
    if not packed and not loose:
        told: dict[str, object] = {"id": repository.id, "pattern": request.query.strip() or "*"}
        raise SourceRefused("where", source=repository.title, reason=Said(NOTHING, told))
    done = _Done(place.work_dir / "done.json")
    for number, file in enumerate(packed):
        yield Step(number, len(packed), Said(FETCHING, {"name": file.path}))
        if file.path not in done.paths:
            yield from _packed(repository, file, place)
            yield Step(number + 1, len(packed))  # all that was found is in the set when this is answered
            done.add(file.path)
    yield from _loose(repository, loose, request, place)


def _packed(repository: Repository, file: Kept, place: Place) -> Iterator[Found | Skipped | Step]:
    target = place.work_dir / "packed" / clean_path(file.path)
    if file.size > MOST_FILE_BYTES:
        yield Skipped(file.path, Said(TOO_LARGE, {"most": MOST_FILE_BYTES // 2**30}))
        return
    if file.ending == ".parquet":
        need_pyarrow("Parquet")  # before hundreds of megabytes are fetched in vain
    _fetched(repository, file, target)
    folder = target.with_name(f"{target.name}.unpacked")
    try:
        if file.ending == ".zip":
            yield from unpack(target, folder)
        root = folder if file.ending == ".zip" else target
        for number, found in enumerate(recognise(root).read(root)):
            ours = _ours(found, repository, file.path, f"{file.path}#{number}")
            if isinstance(ours, Found) and not ours.split:
                ours = replace(ours, split=split_of_path(file.path))
            yield ours
    except (UploadRefused, LayoutUnknown, TableBroken) as error:
        yield Skipped(file.path, Said(error.text, error.values))
    shutil.rmtree(folder, ignore_errors=True)
    target.unlink(missing_ok=True)


def _loose(
    repository: Repository, pictures: Sequence[Kept], request: ImportRequest, place: Place
) -> Iterator[Found | Skipped | Step]:
    missing = [file for file in pictures if not place.is_known(_id(repository, clean_path(file.path)))]
    tables = [file for file in repository.files if file.ending in _TABLES and _is_plain(file.path)]
    beside = {
        str(PurePosixPath(file.path).with_suffix("")): file
        for file in repository.files
        if file.ending in _SIDECARS
    }
    size = min(_BATCH, request.count or _BATCH)
    for start in range(0, len(missing), size):
        batch = missing[start : start + size]
        words = [
            beside[stem]
            for file in batch
            if (stem := str(PurePosixPath(file.path).with_suffix(""))) in beside
        ]
        folder = place.work_dir / "loose" / str(start)
        small = [file for file in tables[:_MOST_TABLES] if file.size <= _MOST_TABLE_BYTES]
        for number, file in enumerate([*small, *words, *batch]):
            if number % 8 == 0:
                yield Step(
                    start + max(0, number - len(small)), len(missing), Said(FETCHING, {"name": file.path})
                )
            _fetched(repository, file, folder / clean_path(file.path))
        yield from _of_batch(repository, folder, {clean_path(file.path) for file in batch})
        yield Step(start + len(batch), len(missing))
        shutil.rmtree(folder, ignore_errors=True)


def _of_batch(repository: Repository, folder: Path, names: set[str]) -> Iterator[Found | Skipped]:
    """What is known of the pictures of a batch; tables speak of others too."""
    for found in recognise(folder).read(folder):
        name = (
            found.file.relative_to(folder).as_posix()
            if isinstance(found, Found) and found.file
            else found.name
        )
        if name in names:
            yield _ours(found, repository, name, name)


def _ours(found: Found | Skipped, repository: Repository, path: str, mark: str) -> Found | Skipped:
    """A picture with where it came from; what its own table says of author and licence goes first."""
    if isinstance(found, Skipped):
        return found
    told = found.provenance
    provenance = replace(
        told,
        source=repository.source,
        source_id=_id(repository, mark),
        source_url=told.source_url or f"{repository.address}/{path}",
        license=repository.license if told.license == NO_LICENCE else told.license,
    )
    return replace(found, provenance=provenance)


def _fetched(repository: Repository, file: Kept, target: Path) -> None:
    """Have a file here; one that is here from last time is not fetched again."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, target.parent) from None
    if not target.exists():
        repository.fetch(file, target)


def _id(repository: Repository, mark: str) -> str:
    return f"{repository.id}/{mark}"


def _is_wanted(path: str, pattern: str) -> bool:
    patterns = pattern.split()
    return _is_plain(path) and (
        not patterns or any(fnmatchcase(path, p) or fnmatchcase(path, f"{p}/*") for p in patterns)
    )


def _is_plain(path: str) -> bool:
    """Whether a path that a hub tells stays inside the repository and isn't hidden."""
    return not any(part.startswith(".") or not part for part in path.split("/")) and "\\" not in path


class _Done:
    """The packed files of a repository that were read to their end in an import that goes on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.paths: list[str] = json.loads(file.read_text("utf-8")) if file.exists() else []

    def add(self, path: str) -> None:
        """Remember one, whatever happens next."""
        self.paths.append(path)
        write_atomically(self._file, json.dumps(self.paths).encode())
