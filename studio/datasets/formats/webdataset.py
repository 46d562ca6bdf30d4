"""WebDataset: tar shards whose members share a key up to the first dot (`00000001.jpg`, `.txt`, `.json`). Members are
read where they lie, never unpacked, and only plain files; shards of ours hold 1,000 pictures or 500 MB at most."""

import io
import json
import tarfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.entry import Split
from studio.datasets.formats.beside import has_captions
from studio.datasets.formats.columns import TEXTS, Rows, facts_of, split_in
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.paths import (
    LARGE,
    LOST_CAPTION,
    MOST_PICTURE_BYTES,
    beside_shards,
    is_picture,
    pictures,
    relative,
    shards,
    split_of,
    split_of_path,
)
from studio.datasets.formats.texts import MOST_BYTES, decoded, first_of
from studio.datasets.found import Found, Skipped
from studio.disk import reason_of
from studio.words import Said, Text

MOST_PICTURES, MOST_SHARD_BYTES = 1000, 500 * 10**6
_MOST_JSON_BYTES, _CHUNK = 2**20, 2**20
_WORDS = ("txt", "caption", "text")

NOT_PLAIN = Text("it is a link or a device, not a file", "它是链接或设备，不是文件")
UNREADABLE = Text("the archive can't be read ({reason})", "无法读取压缩包（{reason}）")
BROKEN = Text("the archive is damaged from here on", "压缩包从这里开始已损坏")
CUT_SHORT = Text("the archive ends before it does", "压缩包在它结束之前就中断了")
NO_END = Text(
    "the archive has no end mark; it may have been cut short. What it holds was read; if pictures are missing, copy it "
    "again",
    "压缩包没有结束标记，可能不完整。已有的内容均已读取；如缺少图片，请重新复制",
)
DOTS = Text(
    "its name has several dots; WebDataset reads names up to the first",
    "名称中有多个点；WebDataset 只读到第一个点",
)
SECOND = Text("its sample has a picture already", "它所属的样本已有一张图片")
UNSAFE = Text("its name leads out of the archive", "它的名称指向压缩包之外")
NOT_JSON = Text("its .json can't be read", "无法读取它的 .json")


@dataclass
class _Sample:
    """The members of one key: where its picture lies, and what was said of it."""

    key: str
    ending: str = ""
    offset: int = 0
    size: int = 0
    caption: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    trouble: Said | None = None


def _recognises(path: Path) -> bool:
    """Whether shards are what a place is about: not beside pictures with captions, nor beside pictures of which they
    hold none."""
    found = shards(path, ".tar")
    if not found or path.is_file() or not any(isinstance(loose, Path) for loose in pictures(path)):
        return bool(found)
    members = (member for shard in found for member in _shard(shard, shard.name, ""))
    return not has_captions(path) and any(isinstance(member, Found) for member in members)


def _read(path: Path) -> Iterator[Found | Skipped]:
    for shard in shards(path, ".tar"):
        name = shard.name if shard == path else relative(shard, path)
        yield from _shard(shard, name.removesuffix(".tar"), split_of_path(name) or split_of(shard.name))
    yield from beside_shards(path, ".tar")


def _shard(shard: Path, name: str, split: Split) -> Iterator[Found | Skipped]:
    sample = _Sample("")
    size = shard.stat().st_size
    try:
        with tarfile.open(shard, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # else the list of them grows with the shard
                key, _, ending = _halves(member.name)
                if reason := _refused(member, size):
                    yield Skipped(f"{name}/{member.name}", reason)
                    continue
                if key != sample.key:
                    yield from _told(sample, shard, name, split)
                    sample = _Sample(key)
                yield from _add(sample, member, ending, archive, name)
            trouble = _wrong_end(shard, archive.offset)
    except OSError as error:
        trouble = Said(UNREADABLE, {"reason": reason_of(error)})
    except (tarfile.TarError, ValueError, EOFError):
        trouble = Said(BROKEN, {})
    yield from _told(sample, shard, name, split)
    if trouble is not None:
        yield Skipped(f"{name}.tar", trouble)


def _wrong_end(shard: Path, end: int) -> Said | None:
    """What is wrong with an archive whose members were read up to `end`: there must be two blocks of zeros, and nothing
    else. `tarfile` takes a damaged header for the end."""
    count = 0
    with shard.open("rb") as stream:
        stream.seek(end)
        while chunk := stream.read(_CHUNK):
            if chunk.strip(b"\0"):
                return Said(BROKEN, {})
            count += len(chunk)
    return Said(NO_END, {}) if count < 2 * tarfile.BLOCKSIZE else None


def _halves(member: str) -> tuple[str, str, str]:
    """A member's key with its folders, and what stands after the first dot of its name."""
    folder, slash, last = member.removeprefix("./").rpartition("/")
    stem, dot, ending = last.partition(".")
    return f"{folder}{slash}{stem}", dot, ending.lower()


def _refused(member: tarfile.TarInfo, size: int) -> Said | None:
    if member.isdir():
        return None
    if not member.isreg() or member.issparse():
        return Said(NOT_PLAIN, {})
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return Said(UNSAFE, {})
    if member.offset_data + member.size > size:
        return Said(CUT_SHORT, {})
    return Said(LARGE, {"most": MOST_PICTURE_BYTES // 2**20}) if member.size > MOST_PICTURE_BYTES else None


def _add(
    sample: _Sample, member: tarfile.TarInfo, ending: str, archive: tarfile.TarFile, name: str
) -> Iterator[Skipped]:
    """Take a member into its sample, or tell why not; what is neither picture nor words is not looked at."""
    if member.isdir():
        return
    if is_picture(f".{ending}") and not sample.ending:
        sample.ending, sample.offset, sample.size = ending, member.offset_data, member.size
    elif is_picture(f".{ending}"):
        yield Skipped(f"{name}/{member.name}", Said(DOTS if "." in ending else SECOND, {}))
    elif ending in _WORDS and member.size <= MOST_BYTES:
        words = decoded(_content(archive, member))
        sample.caption, sample.trouble = ("", words) if isinstance(words, Said) else (words, sample.trouble)
    elif ending == "json" and member.size <= _MOST_JSON_BYTES:
        try:
            row = json.loads(_content(archive, member))
        except (ValueError, RecursionError):
            row, sample.trouble = {}, Said(NOT_JSON, {})
        sample.row = row if isinstance(row, dict) else {}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None  # only plain files come here
    with stream:
        return stream.read()


def _told(sample: _Sample, shard: Path, name: str, split: Split) -> Iterator[Found | Skipped]:
    """A sample that is complete."""
    called = f"{name}/{sample.key}.{sample.ending}".rstrip(".")
    if not sample.ending:
        if sample.caption or sample.row or sample.trouble:
            yield Skipped(called, Said(LOST_CAPTION, {}))
    elif "." in sample.ending:
        yield Skipped(called, Said(DOTS, {}))
    elif sample.trouble:
        yield Skipped(called, sample.trouble)
    else:
        yield Found(
            name=called,
            open=partial(_open, shard, sample.offset, sample.size),
            caption=sample.caption or first_of(sample.row, TEXTS),
            split=split_in(sample.row) or split,
            **facts_of(sample.row),
        )


def _open(shard: Path, offset: int, size: int) -> BinaryIO:
    with shard.open("rb") as stream:
        stream.seek(offset)
        return io.BytesIO(stream.read(size))


class _Shards:
    """The tar files of one side of the split, one open at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archive: tarfile.TarFile | None = None
        self._count, self._bytes, self._pictures = 0, 0, 0

    def add(self, ready: Ready, row: dict[str, str]) -> None:
        """A picture with its words and all that is known of it. Words are written even when there are none: readers
        want every sample to have the same members."""
        is_full = self._pictures % MOST_PICTURES == 0 or self._bytes + len(ready.content) > MOST_SHARD_BYTES
        if self._archive is None or is_full:
            self._next()
        ending = ready.name.rpartition(".")[2]
        told = json.dumps(row, ensure_ascii=False).encode()
        for what, content in ((ending, ready.content), ("txt", ready.entry.caption.encode()), ("json", told)):
            self._put(f"{self._pictures:08d}.{what}", content)
        self._pictures += 1

    def close(self) -> None:
        """Complete the shard that is open."""
        if self._archive is not None:
            self._archive.close()

    def _next(self) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{self._count:05d}.tar"
        self._archive = tarfile.open(file, "x", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  # closed by `close`
        self._count, self._bytes = self._count + 1, 0

    def _put(self, name: str, content: bytes) -> None:
        assert self._archive is not None
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._archive.addfile(member, io.BytesIO(content))
        self._archive.members = []  # type: ignore[attr-defined]
        self._bytes += len(content)


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    rows = Rows()
    with ExitStack() as stack:
        sides: dict[str, _Shards] = {}
        for ready in pictures:
            if ready.split not in sides:
                sides[ready.split] = _Shards(folder / ready.split)
                stack.callback(sides[ready.split].close)
            sides[ready.split].add(ready, rows.of(ready))
            yield ready


FORMAT = Format(
    title=Text("WebDataset (tar shards)", "WebDataset（tar 分片）"),
    order=44,
    recognises=_recognises,
    read=_read,
    write=_write,
)
