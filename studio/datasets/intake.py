"""Taking pictures into a set: read what a source offers, look at it, keep it whole or not at all, and remember where it
came from. An import that is broken off leaves whole pictures and a record of what was asked, from which it goes on."""

import hashlib
import secrets
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from studio.dataset_requests import ImportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Measures, New, Provenance
from studio.datasets.errors import ImportBroken, SourceFailed
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.header import GENERATED
from studio.datasets.imports import begin, end, keep, now
from studio.datasets.measure import FAULTS, measure
from studio.datasets.names import clean_caption, clean_line, clean_name, folded_names, unique_name
from studio.datasets.query import Query
from studio.datasets.spdx import spdx
from studio.disk import check_writable, reason_of, storage_error, write_atomically
from studio.errors import StudioError
from studio.words import Said, Text

PICTURES = "pictures"
MOST_BYTES = 64 * 2**20
SHARED_CAPTION = "shared"
"""The caption_source of the caption that the request gives to pictures without their own."""
_REFUSED = ("format", "not-a-picture", "too-large", "truncated")
_BATCH, _BATCH_S = 32, 2.0
_MOST_TAGS, _MOST_REPEATS = 200, 1000
_MOST_LINK, _MOST_RECIPE = 2000, 100_000
_ABANDONED_S = 24 * 3600
_ENDINGS = {"jpeg": "jpg", "tiff": "tif", "mpo": "jpg"}

ALREADY = Text("it is in the dataset already, as '{name}'", "数据集中已有这张图片，名为“{name}”")
DELETED = Text(
    "it was deleted from this dataset before ('{name}'); restore it there to have it again",
    "这张图片曾从数据集中删除（“{name}”）；如需使用，请在数据集中恢复它",
)
KNOWN = Text("it came in with an earlier import", "之前的导入已取得这张图片")
KNOWN_DELETED = Text(
    "it came in with an earlier import and was deleted from the dataset",
    "之前的导入已取得这张图片，后来从数据集中删除",
)
TOO_MANY_BYTES = Text("its file has more than {most} MB", "文件超过 {most} MB")
UNREADABLE = Text("it can't be read ({why})", "无法读取（{why}）")
OPTED_OUT = Text(
    "its file says that it is not for training ({statement})", "文件声明不可用于训练（{statement}）"
)
STOPPED = Text("it was stopped", "已被中止")


class NotDelivered(Exception):
    """Why one picture can't be had, raised by `Found.open`; the others may still come."""

    def __init__(self, reason: Said) -> None:
        super().__init__(reason.say())
        self.reason = reason


@dataclass(frozen=True)
class Taken:
    """A picture is in the set for good."""

    id: int
    name: str


def take_in(
    catalogue: Catalogue, found: Iterable[Found | Skipped | Step], request: ImportRequest
) -> Generator[Taken | Skipped | Step, None, None]:
    """Take what is found into the set until the request has its count. Each picture is whole or not there, and may be
    counted on once it is told. Closing, a source that fails and a full disk leave an unfinished record, with which the
    same request goes on. Raises what the source raises, DiskFull or NotWritable; once pictures have come in,
    ImportBroken in their place, except for SourceFailed, which says the same."""
    check_writable(catalogue.root / PICTURES)
    _remove_abandoned(catalogue.root / PICTURES)
    intake = _Intake(catalogue, request)
    try:
        yield from _recorded(intake, found)
    except SourceFailed:
        raise
    except StudioError as error:
        if not intake.record.taken:
            raise
        reason = Said(error.text, error.values)
        raise ImportBroken(error.field, reason=reason, count=intake.record.taken) from error


def _recorded(
    intake: "_Intake", found: Iterable[Found | Skipped | Step]
) -> Generator[Taken | Skipped | Step, None, None]:
    """Run an import; however it ends, what has come is kept, and the end is written down."""
    is_finished, problem = False, Said(STOPPED, {})
    try:
        yield from intake.run(found)
        is_finished = True
    except StudioError as error:
        problem = Said(error.text, error.values)
        raise
    finally:
        if isinstance(found, Generator):
            found.close()
        with suppress(StudioError):  # the disk may be full; what had been told is safe
            intake.keep()
            end(intake.catalogue, intake.record, is_finished, None if is_finished else problem)


def known(catalogue: Catalogue, source: str) -> Mapping[str, bool]:
    """What a set has from a source, by the source's own id or the address, and whether it was deleted."""
    told: dict[str, bool] = {}
    for is_deleted in (True, False):
        query = Query(source=source, is_deleted=is_deleted)
        for source_id, url in catalogue.columns(["source_id", "source_url"], query):
            told[source_id or url] = is_deleted
    told.pop("", None)
    return told


class _Intake:
    """One import under way. `waiting` are pictures whose files are there, but not yet in the catalogue."""

    def __init__(self, catalogue: Catalogue, request: ImportRequest) -> None:
        self.catalogue = catalogue
        self.request = request
        self.record = begin(catalogue, request)
        self.waiting: list[New] = []
        self._since = time.monotonic()
        self._known = known(catalogue, request.source)
        self._names = folded_names([name for (name,) in catalogue.columns(["name"])])

    def run(self, found: Iterable[Found | Skipped | Step]) -> Iterator[Taken | Skipped | Step]:
        """Take in, a batch at a time; a step of the source ends a batch."""
        if self._is_enough:
            return
        for one in found:
            if isinstance(one, Step):
                yield from self.keep()
                yield one
                continue
            told = self._look(one) if isinstance(one, Found) else one
            if isinstance(told, Skipped):
                self._count_skipped()
                yield replace(told, name=clean_line(told.name))
                continue
            self.waiting.append(told)
            if self._is_enough:
                break
            if len(self.waiting) >= _BATCH or time.monotonic() - self._since > _BATCH_S:
                yield from self.keep()
        yield from self.keep()

    def keep(self) -> list[Taken | Skipped]:
        """Put what waits into the catalogue together with the record, all or nothing. Another process may have brought
        the same picture meanwhile, so each is looked up once more while the catalogue is held."""
        batch, self.waiting, self._since = self.waiting, [], time.monotonic()
        if not batch:
            return []
        fresh: list[New] = []
        told: list[Taken | Skipped] = []

        def arriving() -> Iterator[New]:
            for new in batch:
                there = self._already(new.sha256, new.name)
                if there is None:
                    fresh.append(new)
                    yield new
                else:
                    told.append(there)
            counted = replace(
                self.record, taken=self.record.taken + len(fresh), skipped=self.record.skipped + len(told)
            )
            keep(self.catalogue, counted)
            self.record = counted

        before = self.record
        try:
            ids = self.catalogue.add(arriving())
        except BaseException:
            self.record = before
            raise
        return [*(Taken(id, new.name) for id, new in zip(ids, fresh, strict=True)), *told]

    @property
    def _is_enough(self) -> bool:
        return 0 < self.request.count <= self.record.taken + len(self.waiting)

    def _count_skipped(self) -> None:
        self.record = replace(self.record, skipped=self.record.skipped + 1)

    def _look(self, found: Found) -> New | Skipped:
        """A picture with its file in the set's folder, or why it isn't taken."""
        key = clean_line(found.provenance.source_id) or _link(found.provenance.source_url)
        if key in self._known and found.provenance.source in ("", self.request.source):
            return Skipped(found.name, Said(KNOWN_DELETED if self._known[key] else KNOWN, {}))
        content = _read(found)
        if isinstance(content, Said):
            return Skipped(found.name, content)
        sha256 = hashlib.sha256(content).hexdigest()
        there = self._already(sha256, found.name)
        if there is None and (twin := next((new for new in self.waiting if new.sha256 == sha256), None)):
            there = Skipped(found.name, Said(ALREADY, {"name": twin.name}))
        return there or self._store(found, content, sha256)

    def _already(self, sha256: str, name: str) -> Skipped | None:
        there = self.catalogue.with_sha256(sha256)
        if there is None:
            return None
        return Skipped(name, Said(DELETED if there.is_deleted else ALREADY, {"name": there.name}))

    def _store(self, found: Found, content: bytes, sha256: str) -> New | Skipped:
        """Write the bytes under a hidden name, look at them, and give them their place if they are a picture."""
        folder = self.catalogue.root / PICTURES / sha256[:2]
        staged = folder / f".{sha256[:16]}.{secrets.token_hex(4)}.{_ending_of(content)}"
        write_atomically(staged, content)
        try:
            measures = measure(staged)
            reason = self._objection(measures)
            if reason is not None:
                return Skipped(found.name, reason)
            file = _place(staged, content, sha256, measures.format)
        except OSError as error:
            raise storage_error(error, folder) from None
        finally:
            staged.unlink(missing_ok=True)
        return self._new(found, file.relative_to(self.catalogue.root).as_posix(), sha256, measures)

    def _objection(self, measures: Measures) -> Said | None:
        if measures.fault in _REFUSED:
            return Said(FAULTS[measures.fault], {})
        if measures.opt_out and self.request.honour_opt_outs:
            return Said(OPTED_OUT, {"statement": clean_line(measures.opt_out)})
        return None

    def _new(self, found: Found, file: str, sha256: str, measures: Measures) -> New:
        own, shared = clean_caption(found.caption), clean_caption(self.request.caption)
        return New(
            file=file,
            name=unique_name(clean_name(found.name), self._names),
            sha256=sha256,
            caption=own or shared,
            caption_source=clean_line(found.caption_source) if own else SHARED_CAPTION if shared else "",
            split=found.split,
            tags=tuple(tag for tag in map(clean_line, found.tags[:_MOST_TAGS]) if tag),
            repeats=min(max(found.repeats, 1), _MOST_REPEATS),
            provenance=_clean(found.provenance, self.request.source, measures),
            measures=measures,
        )


def _read(found: Found) -> bytes | Said:
    """A picture's bytes, no more than it may have, or why they can't be had."""
    try:
        with closing(found.open()) as stream:
            content = stream.read(MOST_BYTES + 1)
    except NotDelivered as error:
        return error.reason
    except OSError as error:
        return Said(UNREADABLE, {"why": reason_of(error)})
    return Said(TOO_MANY_BYTES, {"most": MOST_BYTES // 2**20}) if len(content) > MOST_BYTES else content


def _ending_of(content: bytes) -> str:
    """What a staged file must end in for the look at it to be as strict as training's."""
    return "png" if content.startswith(b"\x89PNG") else "bmp" if content.startswith(b"BM") else "new"


def _place(staged: Path, content: bytes, sha256: str, kind: str) -> Path:
    """Move a file to its name: the first half of its hash, or all of it should another file have that half."""
    ending = _ENDINGS.get(kind.lower(), kind.lower())
    for length in (16, 64):
        file = staged.with_name(f"{sha256[:length]}.{ending}")
        if not file.exists() or file.read_bytes() == content:
            break
    staged.replace(file)
    return file


def _clean(told: Provenance, source: str, measures: Measures) -> Provenance:
    """Where it came from, without what a page or a table could be led astray by."""
    return replace(
        told,
        source=clean_line(told.source) or source,
        source_id=clean_line(told.source_id),
        source_url=_link(told.source_url),
        author=clean_line(told.author),
        license=spdx(told.license),
        license_url=_link(told.license_url),
        attribution=clean_line(told.attribution),
        retrieved_at=told.retrieved_at or now(),
        ai_generated=told.ai_generated or measures.maker.startswith(GENERATED),
        parent=clean_line(told.parent),
        series=clean_line(told.series),
        recipe=told.recipe[:_MOST_RECIPE].encode("utf-8", "replace").decode(),
    )


def _link(address: str) -> str:
    """An address that a page may link to."""
    plain = "".join(c for c in address if c.isprintable() and not c.isspace())[:_MOST_LINK]
    return plain if plain.lower().startswith(("https://", "http://")) else ""


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that died were writing; what is fresh may be somebody's at work."""
    for file in folder.glob("*/.*"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _ABANDONED_S:
                file.unlink()
