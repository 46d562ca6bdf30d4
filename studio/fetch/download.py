"""Fetching one model: which files, is there room, each file whole or not at all, and the pipeline's index last.

A file grows as `<name>.<checksum>.part` beside its place and takes that place only when its checksum is right, so a
folder never holds half a file under a whole one's name, and a part that belongs to other bytes is never gone on with.
The hub's own download call was weighed and left: it tells how far it is to a terminal only, can't be stopped between
two files, and there is no such call for both hubs."""

import hashlib
import math
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from studio.disk import LEAST_FREE_BYTES, free_bytes
from studio.fetch.choosing import PartLacking, needed
from studio.fetch.connection import Connection
from studio.fetch.errors import BadChecksum, NoSafetensors, NotDiffusers, SpaceLacking
from studio.fetch.hubs.hub import Hub, Kept, Repository
from studio.fetch.progress import Pace, Progress
from studio.fetch.trouble import Trouble, gb, gb_up
from studio.headers import BadHeader, read_header
from studio.shelf import ModelCard
from studio.shelf.models import INDEX, parts_of
from studio.sources.transfer import ANSWERED, Cap, Failed, Patience, body
from studio.words import Said, Text

LISTING = Text("Asking what there is", "正在查询文件列表")
CHECKING = Text("Checking", "正在校验")
WAITING = Text("The hub asks us to wait {seconds} s", "对方要求等待 {seconds} 秒")
NO_INDEX = Text("it holds no model_index.json", "其中没有 model_index.json")
BAD_INDEX = Text("its model_index.json can't be read", "无法读取其中的 model_index.json")
_TELL_EVERY_S = 0.25
_FILE_S = 48 * 3600.0
_CHUNK = 2**23

Steps = Generator[Progress, None, None]


@dataclass
class Fetching:
    """One model on its way from one hub. Iterate `steps`; closing them keeps what has arrived for the next time."""

    card: ModelCard
    hub: Hub
    connection: Connection

    def __post_init__(self) -> None:
        self.trouble = Trouble(self.card, self.hub, self.connection.endpoint)

    def steps(self) -> Steps:
        """Fetch what is missing. Raises FetchError, DiskFull or NotWritable."""
        try:
            yield Progress("", 0, 0, doing=Said(LISTING, {}))
            repository = yield from self._repository()
            files = yield from self._needed(repository)
            pace = Pace(sum(file.size for file in files))
            pace.add(sum(self._here(file) for file in files))
            pace.rest()
            self._check_room(pace)
            for file in files:
                yield from self._file(repository, file, pace)
            yield pace.told("")
        finally:
            self.connection.close()

    # what there is

    def _repository(self) -> Generator[Progress, None, Repository]:
        id, patience = self.hub.id_of(self.card), Patience()
        while True:
            try:
                return self.hub.list_files(self.connection, id)
            except Failed as failed:
                yield from self._wait(failed, patience, Text("the list of files", "文件列表"))

    def _needed(self, repository: Repository) -> Generator[Progress, None, list[Kept]]:
        if INDEX not in {file.path for file in repository.files}:
            raise self.trouble.error(NotDiffusers, reason=NO_INDEX)
        patience = Patience()
        while True:
            try:
                index = self.connection.json(repository.address(INDEX))
                return needed(repository.files, parts_of(index))
            except Failed as failed:
                yield from self._wait(failed, patience, INDEX)
            except ValueError:
                raise self.trouble.error(NotDiffusers, reason=BAD_INDEX) from None
            except PartLacking as lacking:
                raise self.trouble.error(NoSafetensors, part=lacking.part) from None

    def _check_room(self, pace: Pace) -> None:
        lacking, free = pace.total - pace.done, free_bytes(self.card.folder)
        if lacking + LEAST_FREE_BYTES > free:
            where = str(self.card.folder.parent)
            raise self.trouble.error(SpaceLacking, needed_gb=gb_up(lacking), free_gb=gb(free), folder=where)

    # one file

    def _file(self, repository: Repository, file: Kept, pace: Pace) -> Steps:
        place, part = self.card.folder / file.path, self._part(file)
        if _is_whole(place, file.size):
            return
        yield pace.told(file.path)
        with self._on_disk(file, pace):
            part.parent.mkdir(parents=True, exist_ok=True)
            if _size(part) > file.size:
                pace.add(-_size(part))
                part.unlink()
        patience = Patience()
        while not part.exists() or _size(part) < file.size:
            before = _size(part)
            try:
                yield from self._receive(repository.address(file.path), part, file, pace)
            except Failed as failed:
                if _size(part) > before:
                    patience.renew()
                yield from self._wait(failed, patience, file.path, pace)
        yield from self._check(part, file, pace)
        with self._on_disk(file, pace):
            part.replace(place)
            for old in place.parent.glob(f"{_escaped(place.name)}.*.part"):
                old.unlink()

    def _receive(self, url: str, part: Path, file: Kept, pace: Pace) -> Steps:
        """What is missing of a file, as far as it comes. Raises Failed."""
        start, told_at = _size(part), 0.0
        with self.connection.rest(url, start) as answer:
            is_rest = answer.status_code == 206
            if is_rest and not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise Failed(Said(ANSWERED, {"status": 206}), 206)
            pace.add(0 if is_rest else -start)
            left = file.size - (start if is_rest else 0)
            with self._on_disk(file, pace), part.open("ab" if is_rest else "wb") as stream:
                for chunk in body(answer, Cap(left, _FILE_S)):
                    stream.write(chunk)
                    pace.add(len(chunk))
                    left -= len(chunk)
                    if monotonic() - told_at > _TELL_EVERY_S:
                        told_at = monotonic()
                        yield pace.told(file.path)
        if left > 0:
            raise Failed(Said(Text("it ended too soon", "传输提前结束"), {}), may_retry=True)

    def _check(self, part: Path, file: Kept, pace: Pace) -> Steps:
        if not file.checksum:
            return
        yield pace.told(file.path, Said(CHECKING, {}))
        digest = hashlib.sha256() if file.kind == "sha256" else hashlib.sha1(f"blob {file.size}\0".encode())
        with self._on_disk(file, pace), part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                yield pace.told(file.path, Said(CHECKING, {}))
        if digest.hexdigest() != file.checksum:
            part.unlink()
            raise self.trouble.error(BadChecksum, file=file.path)

    def _on_disk(self, file: Kept, pace: Pace) -> AbstractContextManager[None]:
        return self.trouble.on_disk(file.path, pace.total - pace.done)

    def _here(self, file: Kept) -> int:
        """Bytes of a file that need not be fetched again."""
        if _is_whole(self.card.folder / file.path, file.size):
            return file.size
        return _size(self._part(file))

    def _part(self, file: Kept) -> Path:
        place = self.card.folder / file.path
        return place.with_name(f"{place.name}.{file.checksum[:12] or file.size}.part")

    # when something is wrong

    def _wait(self, failed: Failed, patience: Patience, what: object, pace: Pace | None = None) -> Steps:
        """Wait a second at a time, so that whoever listens can give up; raises what there is no use in waiting for."""
        pace = pace or Pace(0)
        pace.rest()
        try:
            left = patience.after(failed)
        except Failed as last:
            raise self.trouble.meaning(last, what) from None
        while left > 0:
            yield pace.told("", Said(WAITING, {"seconds": math.ceil(left)}))
            sleep(min(1.0, left))
            left -= 1.0


def _is_whole(file: Path, size: int) -> bool:
    """Whether a file has its size and, if it holds weights, a header that can be read."""
    if not file.is_file() or file.stat().st_size != size:
        return False
    try:
        return file.suffix != ".safetensors" or bool(read_header(file))
    except BadHeader:
        return False


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _escaped(name: str) -> str:
    """A file's name as a pattern that fits nothing else."""
    return "".join(f"[{c}]" if c in "[]*?" else c for c in name)
