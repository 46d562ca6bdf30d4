"""A set written for a trainer or for others, in any layout, whole or not at all: it is built in a hidden folder beside
its place and moved there at the end, so that nobody ever sees half of it.

`prepare` does the same inside the set's own folder, for training here: `train/` and `validation/` as an ImageFolder.
A picture's name there holds a mark of its bytes, its turn and its crop, so one that hasn't changed is taken over as it
is, and a training that has encoded it knows it again."""

import errno
import hashlib
import json
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path, PurePosixPath

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.bake import ENDINGS, bake
from studio.datasets.card import README, account, readme
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.entry import Entry
from studio.datasets.errors import NothingToExport, OutNeeded, OutNotWritable, OutTaken, SetMissing
from studio.datasets.formats import writable
from studio.datasets.formats.format import Ready
from studio.datasets.formats.placing import put, tables
from studio.datasets.found import Skipped, Step
from studio.datasets.imports import left_off
from studio.datasets.pictures import LEAST_SIDE_PX, TOO_SMALL, Unusable
from studio.disk import storage_error, write_atomically
from studio.errors import NotWritable, StudioError
from studio.words import Said, Text

INDEX = ".prepared.json"
SIDES = ("train", "validation")
LEFT_OUT = Text("{name} is left out: {reason}", "略去 {name}：{reason}")
WRITTEN = Text(
    "{count} pictures are written to {path}; {left_out} left out",
    "已把 {count} 张图片写入 {path}；略去 {left_out} 张",
)
_BAKING = 1
"""Raise it when pixels come out otherwise: then all pictures are baked again."""
_MARK = re.compile(r"-[0-9a-f]{12}$")


def export(catalogue: Catalogue, request: ExportRequest, need: Need | None = None) -> Iterator[Step]:
    """Write the set as the request says, for its own need unless another is given; steps count pictures, and name those
    that are left out because their file can't be decoded, and imports that are not finished. Raises OutNeeded,
    OutTaken, FormatUnknown, PackageNeeded, NothingToExport, DiskFull or OutNotWritable;
    then, and when it is closed, nothing is left behind."""
    layout = writable(request.format)
    assert layout.write is not None
    out = _free(request.out)
    need, total, left = need or catalogue.need, catalogue.count(), list[Skipped]()
    with ExitStack() as stack:
        part = stack.enter_context(_whole(out))
        yield from _unfinished(catalogue, total)
        counted = stack.enter_context(account(part))
        written = layout.write(_ready(catalogue, request, left), part, request, need)
        for ready in stack.enter_context(closing(written)):
            counted.add(ready)
            yield from _told(left, counted.count, total)
            yield Step(counted.count, total)
        yield from _told(left, counted.count, total)
        _check_any(counted.count, total)
        card = readme(counted, need, _name_of(catalogue), total - counted.count)
        (part / README).write_text(card, encoding="utf-8", newline="\n")
    yield _last(counted.count, total, out)


def prepare(catalogue: Catalogue, request: ExportRequest | None = None) -> Iterator[Step]:
    """Write `train/` and `validation/` into the set's own folder, as training here reads them; of the request only the
    picture's format and longest side count. Raises SetMissing for a folder that is only looked at, NothingToExport,
    DiskFull or NotWritable; then, and when it is closed, what was there before stays."""
    request = request or ExportRequest()
    root, total, left = catalogue.root, catalogue.count(), list[Skipped]()
    if not (root / FILE).is_file():
        raise SetMissing(None, path=str(root))
    done, before, now = 0, _index(root), dict[str, _Mark]()
    with _hidden(root, "prepared") as part:
        yield from _unfinished(catalogue, total)
        with tables(part) as listed:
            for entry, name in _named(catalogue.entries(), request):
                ready = _placed(entry, name, root, part, request, before, now, left)
                if ready is not None:
                    listed.add(ready, now[name][2])
                    done += 1
                yield from _told(left, done, total)
                yield Step(done, total)
        _check_any(done, total)
        _swap(part, root)
        write_atomically(root / INDEX, json.dumps(now, ensure_ascii=False).encode())
    yield _last(done, total, root)


_Mark = tuple[int, int, str]
"""Size, time and SHA-256 of a prepared file: as long as size and time are those, so is the rest."""


def name_in_export(entry: Entry, request: ExportRequest) -> str:
    """A plain file name made of the picture's own and a mark of all that decides its pixels."""
    stem = _MARK.sub("", unicodedata.normalize("NFC", PurePosixPath(entry.name).stem))
    plain = re.sub(r"[^\w\-]+", "_", stem)[:48].strip("_-") or "picture"
    decides = [
        _BAKING,
        entry.sha256,
        entry.turn % 4,
        entry.crop,
        request.longest_side,
        request.picture_format,
    ]
    mark = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]
    return f"{plain}-{mark}{ENDINGS[request.picture_format]}"


def _named(entries: Iterable[Entry], request: ExportRequest) -> Iterator[tuple[Entry, str]]:
    """Each picture with a name that no other has, in whatever mixture of capitals."""
    taken: set[str] = set()
    for entry in entries:
        name = name_in_export(entry, request)
        if name.casefold() in taken:
            stem, dot, ending = name.rpartition(".")
            name = f"{stem}-{entry.id}{dot}{ending}"
        taken.add(name.casefold())
        yield entry, name


def _ready(catalogue: Catalogue, request: ExportRequest, left: list[Skipped]) -> Iterator[Ready]:
    for entry, name in _named(catalogue.entries(), request):
        try:
            yield bake(entry, catalogue.root, request, name)
        except Unusable as unusable:
            left.append(Skipped(entry.name, unusable.reason))


def _placed(
    entry: Entry, name: str, root: Path, part: Path, request: ExportRequest, before: Mapping[str, _Mark],
    now: dict[str, _Mark], left: list[Skipped],
) -> Ready | None:  # fmt: skip
    """Put a picture into the new folder: the prepared file of before, or one baked now."""
    ready = Ready(entry, name, b"", 0, 0)
    file = part / ready.split / name
    for side in SIDES:
        if name in before and _taken_over(root / side / name, file, before[name]):
            now[name] = before[name]
            return ready
    try:
        ready = bake(entry, root, request, name)
        if min(ready.width, ready.height) < LEAST_SIDE_PX:
            raise Unusable(TOO_SMALL, width=ready.width, height=ready.height, least=LEAST_SIDE_PX)
    except Unusable as unusable:
        left.append(Skipped(entry.name, unusable.reason))
        return None
    stat = put(file.parent, name, ready.content).stat()
    now[name] = (stat.st_size, stat.st_mtime_ns, hashlib.sha256(ready.content).hexdigest())
    return ready


def _taken_over(old: Path, new: Path, mark: _Mark) -> bool:
    """Give a file that is still what it was a second place, keeping its time."""
    if not old.is_file() or (old.stat().st_size, old.stat().st_mtime_ns) != mark[:2]:
        return False
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        new.hardlink_to(old)
    except OSError:  # a disk without hard links
        shutil.copy2(old, new)
    return True


def _index(root: Path) -> dict[str, _Mark]:
    """The marks of what was prepared before; none where they can't be read, and then all is baked again."""
    try:
        held = json.loads((root / INDEX).read_text(encoding="utf-8"))
        return {str(name): (int(size), int(time), str(sha)) for name, (size, time, sha) in held.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _swap(part: Path, root: Path) -> None:
    """Put the new sides in the place of the old ones; the old ones come back where that fails."""
    for side in SIDES:
        old, aside, new = root / side, part / f"old-{side}", part / side
        if old.exists():
            old.rename(aside)
        try:
            if new.exists():
                new.rename(old)
        except OSError:
            if aside.exists() and not old.exists():
                aside.rename(old)
            raise


def _free(named: str) -> Path:
    """The folder to write: new, or empty."""
    if not named.strip():
        raise OutNeeded("out")
    out = Path(named).expanduser().absolute()
    try:
        is_taken = out.is_symlink() or (any(out.iterdir()) if out.is_dir() else out.exists())
    except OSError as error:
        raise _refused(error, out) from None
    if is_taken:
        raise OutTaken("out", path=str(out))
    return out


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A hidden folder that becomes `out` when the block ends well."""
    made = [parent for parent in out.parents if not parent.exists()]
    try:
        with _hidden(out.parent, out.name, _refused) as part:
            yield part
            _move(part, out)
    except BaseException:
        for parent in made:  # the innermost first
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise


def _move(part: Path, out: Path) -> None:
    """Give the folder its name, unless somebody has filled that place meanwhile."""
    try:
        if out.exists():
            out.rmdir()
        part.rename(out)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise OutTaken("out", path=str(out)) from None
        raise


def _refused(error: OSError, folder: Path) -> StudioError:
    told = storage_error(error, folder)
    return OutNotWritable("out", **told.values) if isinstance(told, NotWritable) else told


@contextmanager
def _hidden(
    parent: Path, name: str, refused: Callable[[OSError, Path], StudioError] = storage_error
) -> Iterator[Path]:
    """A hidden folder that is gone afterwards, with all that is still in it; raises DiskFull or NotWritable."""
    part = parent / f".{name[:80]}-{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
        yield part
    except OSError as error:
        raise refused(error, parent) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _told(left: list[Skipped], done: int, total: int) -> Iterator[Step]:
    """A step for each picture that was left out since the last one."""
    while left:
        skipped = left.pop(0)
        said = Said(LEFT_OUT, {"name": skipped.name, "reason": skipped.reason})
        yield Step(done, total, said, stays=True)


def _unfinished(catalogue: Catalogue, total: int) -> Iterator[Step]:
    """A step for each import that was left off: what is written isn't all that was wanted."""
    for said in left_off(catalogue):
        yield Step(0, total, said, stays=True)


def _check_any(count: int, total: int) -> None:
    if not count:
        raise NothingToExport(None, left_out=total)


def _last(count: int, total: int, path: Path) -> Step:
    return Step(total, total, Said(WRITTEN, {"count": count, "path": str(path), "left_out": total - count}))


def _name_of(catalogue: Catalogue) -> str:
    return catalogue.root.name or "pictures"
