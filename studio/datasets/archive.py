"""Zip archives from strangers. What an archive says of itself is not believed: members are counted, and their bytes
too as they come out, and nothing is written but what a set of pictures is made of, under a clean name of our own."""

import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zlib import error as BrokenStream

from studio.datasets.errors import UploadRefused
from studio.datasets.found import Skipped, Step
from studio.datasets.names import clean_together, unique_name
from studio.datasets.pictures import ENDINGS, OTHER_ENDINGS
from studio.disk import check_writable, storage_error
from studio.words import Said, Text

PICTURE_ENDINGS = (*ENDINGS, *OTHER_ENDINGS)
WORD_ENDINGS = (".txt", ".caption", ".csv", ".jsonl", ".json", ".toml", ".parquet")
_NESTED = (".zip", ".tar", ".7z", ".rar", ".gz", ".tgz", ".xz", ".bz2")
_CHUNK = 2**18
_IS_UTF8 = 0x800
_RATIO_COUNTS_FROM = 2**20
"""A small member may be very compressible; it does no harm."""
_MOST_DIRECTORY_BYTES = 512
"""Of the archive's own list, for each member; a longer list is refused before it is read."""

TOO_MANY = Text(
    "there are more than {most} files; put the folder on this machine and name it instead",
    "文件超过 {most} 个；请把文件夹放到本机，再填写它的路径",
)
TOO_LARGE = Text("{name} is too large ({most} MB at most)", "{name} 太大（最多 {most} MB）")
BAD_ARCHIVE = Text("{name} can't be unpacked", "无法解压 {name}")
LOCKED = Text(
    "{name} asks for a password; pack it again without one", "{name} 设有密码；请重新打包，不要加密"
)
BOMB = Text(
    "{name} unpacks to far more than it can honestly hold", "{name} 解压后的大小远超正常范围，疑似压缩炸弹"
)
NESTED = Text("it is an archive inside an archive; unpack it first", "它是压缩包里的压缩包；请先解开")
A_LINK = Text("it is a link, not a file", "它是链接，不是文件")
DAMAGED = Text("it is damaged in the archive", "它在压缩包中已损坏")
MEMBER_TOO_LARGE = Text("it has more than {most} MB", "它超过 {most} MB")


@dataclass(frozen=True)
class Limits:
    """How much is unpacked; `ratio` is how many times larger than packed a member may become."""

    members: int = 20_000
    member_bytes: int = 64 * 2**20
    total_bytes: int = 4 * 2**30
    ratio: int = 200


@dataclass(frozen=True)
class Member:
    """A file of an archive: its name in real characters, and its place in the archive."""

    name: str
    place: zipfile.ZipInfo


class MemberRefused(Exception):
    """Why one member is not unpacked; the others may be."""

    def __init__(self, reason: Said) -> None:
        super().__init__(reason.say())
        self.reason = reason


@contextmanager
def opened(file: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """An archive whose own list isn't too long; raises UploadRefused when it is none, is damaged or wants a password."""
    try:
        if _directory_bytes(file) > limits.members * _MOST_DIRECTORY_BYTES:
            raise UploadRefused(None, reason=Said(TOO_MANY, {"most": limits.members}))
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        raise UploadRefused(None, reason=Said(BAD_ARCHIVE, {"name": file.name})) from None
    with archive:
        if any(place.flag_bits & 1 for place in archive.infolist()):
            raise UploadRefused(None, reason=Said(LOCKED, {"name": file.name}))
        if sum(place.compress_size for place in archive.infolist()) > file.stat().st_size:
            raise UploadRefused(None, reason=Said(BOMB, {"name": file.name}))  # members lie over each other
        yield archive


def members(archive: zipfile.ZipFile, limits: Limits) -> list[Member]:
    """The files of an archive that a set may be made of, and archives inside it, which are told of; folders, hidden
    files and what a Mac adds are passed over. Raises UploadRefused when they are too many."""
    places = [place for place in archive.infolist() if not place.is_dir()]
    names = _decoded(places)
    found = [Member(name, place) for name, place in zip(names, places, strict=True) if _matters(name)]
    if len(found) > limits.members:
        raise UploadRefused(None, reason=Said(TOO_MANY, {"most": limits.members}))
    return found


def chunks(archive: zipfile.ZipFile, member: Member, limits: Limits) -> Iterator[bytes]:
    """A member's bytes a piece at a time, counted; raises MemberRefused for what is wrong with it alone, UploadRefused
    when it swells like a bomb."""
    place = member.place
    if stat.S_ISLNK(place.external_attr >> 16):
        raise MemberRefused(Said(A_LINK, {}))
    if PurePosixPath(member.name).suffix.lower() in _NESTED:
        raise MemberRefused(Said(NESTED, {}))
    count = 0
    try:
        with archive.open(place) as stream:
            while chunk := stream.read(_CHUNK):
                count += len(chunk)
                if count > max(_RATIO_COUNTS_FROM, limits.ratio * place.compress_size):
                    raise UploadRefused(None, reason=Said(BOMB, {"name": member.name}))
                if count > limits.member_bytes:
                    raise MemberRefused(Said(MEMBER_TOO_LARGE, {"most": limits.member_bytes // 2**20}))
                yield chunk
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        BrokenStream,
        OSError,
    ):
        raise MemberRefused(Said(DAMAGED, {})) from None


def unpack(file: Path, folder: Path, limits: Limits | None = None) -> Iterator[Skipped | Step]:
    """Unpack into a folder what a set may be made of, under clean names, telling what is left out. Raises
    UploadRefused, DiskFull or NotWritable; what was written until then is the caller's to remove."""
    limits = limits or Limits()
    check_writable(folder)
    taken: set[str] = set()
    written = 0
    with opened(file, limits) as archive:
        found = members(archive, limits)
        names = clean_together(member.name for member in found)
        for done, member in enumerate(found):
            yield Step(done, len(found))
            target = folder / unique_name(names[member.name], taken)
            try:
                written += _written(chunks(archive, member, limits), target)
            except MemberRefused as refused:
                if target.is_file():
                    target.unlink()
                yield Skipped(member.name, refused.reason)
            if written > limits.total_bytes:
                told = {"name": file.name, "most": limits.total_bytes // 2**20}
                raise UploadRefused(None, reason=Said(TOO_LARGE, told))


def _written(content: Iterator[bytes], target: Path) -> int:
    """Write a file piece by piece and count its bytes."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            return sum(map(stream.write, content))
    except (FileExistsError, NotADirectoryError, IsADirectoryError):  # a file and a folder of one name
        raise MemberRefused(Said(DAMAGED, {})) from None
    except OSError as error:
        raise storage_error(error, target.parent) from None


def _matters(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)  # or leads up
    return not is_hidden and path.suffix.lower() in (*PICTURE_ENDINGS, *WORD_ENDINGS, *_NESTED)


def _decoded(places: list[zipfile.ZipInfo]) -> list[str]:
    """The names in the characters that whoever packed them saw. Without the flag for UTF-8 they are bytes of an unknown
    encoding, the same for all of an archive."""
    raw = {
        n: place.orig_filename.encode("cp437")
        for n, place in enumerate(places)
        if not place.flag_bits & _IS_UTF8
    }
    encoding = encoding_of(list(raw.values()))
    return [raw[n].decode(encoding) if n in raw else place.filename for n, place in enumerate(places)]


def encoding_of(names: list[bytes]) -> str:
    """How these names are encoded: UTF-8 where that is possible, else Chinese or Japanese by which one gives everyday
    characters (GBK takes most of what Shift-JIS writes, as rare Chinese ones), else what the archive format says."""
    joined = b"\n".join(names)
    if _reads(joined, "utf-8"):
        return "utf-8"
    if _reads(joined, "gb2312"):
        return "gbk"
    if _reads(joined, "shift-jis") and not any("\uff61" <= c <= "\uff9f" for c in joined.decode("shift-jis")):
        return "shift-jis"
    return next((name for name in ("gbk", "shift-jis") if _reads(joined, name)), "cp437")


def _reads(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _directory_bytes(file: Path) -> int:
    """How long the archive's own list says it is; the reader would hold all of it in memory."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        start = max(0, size - 2**16 - 22 - 76)
        stream.seek(start)
        tail = stream.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise zipfile.BadZipFile
    length = int(struct.unpack_from("<L", tail, end + 12)[0])
    if length == 0xFFFFFFFF and end >= 76:  # a large archive: the real number stands before
        length = int(struct.unpack_from("<Q", tail, end - 76 + 40)[0])
    return length
