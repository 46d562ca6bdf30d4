"""Captions from the page's and the command line's side: start the worker, follow it, stop it. Brings in no torch."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from studio.captioning.job import Job, Report
from studio.captioning.weights import folder_of
from studio.dataset_requests import CaptionRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import CaptionerDied, CaptioningFailed, NothingSelected
from studio.datasets.found import Step
from studio.datasets.query import Query
from studio.engine.host import QUIET_THREADS
from studio.engine.process import BY_SIGNAL, WITH_CODE
from studio.settings import ROOT, Settings
from studio.words import Said, Text

BEAT_S = 0.5
"""How often a step comes at least, so that whoever follows can stop between two."""
LOADING = Text("Opening {name}; the first picture takes longest", "正在打开 {name}；第一张需要的时间最长")
DESCRIBING = Text("Describing", "正在描述")
DESCRIBED = Text("{name}: {caption}", "{name}：{caption}")
NOTHING_MISSING = Text("No picture lacks a caption", "没有缺少说明的图片")
WROTE = Text("{written} captions written by {source}", "{source} 写了 {written} 条说明")
KEPT = Text(
    "{count} left alone, because somebody edited or removed them meanwhile",
    "{count} 张期间被人修改或移除，未作改动",
)
EMPTY = Text("of {count} the model had nothing to say", "{count} 张模型未给出内容")
UNREADABLE = Text("{count} could not be read", "{count} 张无法读取")
JOINED = Text("{first}; {second}", "{first}；{second}")


@dataclass(frozen=True)
class Captioned:
    """What a run did: captions written; pictures kept as they were because somebody edited or removed them meanwhile;
    pictures of which the model had nothing to say; pictures that couldn't be read."""

    source: str = ""
    written: int = 0
    kept: int = 0
    empty: int = 0
    unreadable: int = 0

    @property
    def done(self) -> int:
        """How many pictures were dealt with."""
        return self.written + self.kept + self.empty + self.unreadable

    @property
    def said(self) -> Said:
        """The summary in words."""
        told = Said(WROTE, {"written": self.written, "source": self.source})
        for count, text in ((self.kept, KEPT), (self.empty, EMPTY), (self.unreadable, UNREADABLE)):
            if count:
                told = Said(JOINED, {"first": told, "second": Said(text, {"count": count})})
        return told

    def plus(self, report: Report) -> "Captioned":
        """With the pictures of one more batch."""
        return Captioned(
            self.source, self.written + report.written, self.kept + report.kept, self.empty + report.empty,
            self.unreadable + report.unreadable,
        )  # fmt: skip


def caption(
    root: Path, request: CaptionRequest, ids: Sequence[int] | None = None, settings: Settings | None = None
) -> Generator[Step, None, Captioned]:
    """Have the pictures of the set in `root` described: those without a caption, all, or those in `ids`, as the request
    says. Yields how far it is, last the summary, which is also returned.

    Closing stops the worker at once; what was written stays, as one step that can be undone. Raises CaptionerMissing and
    what else is wrong with the request before anything starts; CaptionerDied or CaptioningFailed later."""
    job = _job(root, request, ids, settings or Settings.from_environment())
    done, total = Captioned(job.source), len(job.pictures)
    if not total:
        yield Step(0, 0, Said(NOTHING_MISSING, {}))
        return done
    worker = _Worker(job)
    try:
        step = Step(0, total, Said(LOADING, {"name": job.folder.name}))
        yield step
        while done.done < total:
            report = worker.next(done.done, total)
            if report is not None:
                done = done.plus(report)
                step = Step(done.done, total, _doing(report))
            yield step
    finally:
        worker.end()
    yield Step(total, total, done.said)
    return done


def _job(root: Path, request: CaptionRequest, ids: Sequence[int] | None, settings: Settings) -> Job:
    folder = folder_of(request, settings)
    if request.which == "selected" and not ids:
        raise NothingSelected("which")
    with Catalogue.open(root) as catalogue:
        query = Query(is_uncaptioned=request.which == "missing")
        rows = catalogue.columns(["id", "caption"], query)
    chosen = set(ids or ()) if request.which == "selected" else None
    pictures = {id: words for id, words in rows if chosen is None or id in chosen}
    return Job(root.absolute(), folder.absolute(), request, pictures)


def _doing(report: Report) -> Said:
    if not report.caption:
        return Said(DESCRIBING, {})
    return Said(DESCRIBED, {"name": report.name, "caption": report.caption})


class _Worker:
    """The worker process, and the thread that hears it."""

    def __init__(self, job: Job) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "studio.captioning.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**QUIET_THREADS, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
            encoding="utf-8",
        )
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._talk = threading.Thread(target=self._exchange, args=(job,), name="captions", daemon=True)
        self._talk.start()

    def next(self, count: int, total: int) -> Report | None:
        """What it says within a beat; None for nothing. Raises CaptioningFailed, or CaptionerDied once it is gone."""
        try:
            line = self._lines.get(timeout=BEAT_S)
        except Empty:
            return None
        if line is None:
            raise CaptionerDied(None, reason=_reason(self.process.wait()), count=count, total=total)
        report = Report.from_line(line)
        if report.kind == "failed":
            raise CaptioningFailed(report.field or None, reason=Text(report.en, report.zh))
        return report

    def end(self) -> None:
        """End it, if it hasn't ended: what it has written is whole, whenever that happens."""
        self.process.kill()
        self.process.wait()
        self._talk.join()

    def _exchange(self, job: Job) -> None:
        """Give it the job and hear it until it is gone; keeps its input open, for it ends when that closes."""
        orders, reports = self.process.stdin, self.process.stdout
        assert orders is not None
        assert reports is not None
        with suppress(OSError):  # one that is gone already says nothing more
            orders.write(job.to_line() + "\n")
            orders.flush()
        for line in reports:
            self._lines.put(line)
        self._lines.put(None)
        with suppress(OSError):
            orders.close()
        reports.close()


def _reason(code: int) -> Said:
    if code >= 0:
        return Said(WITH_CODE, {"code": code})
    try:
        return Said(BY_SIGNAL, {"name": signal.Signals(-code).name})
    except ValueError:
        return Said(BY_SIGNAL, {"name": -code})
