"""The captioning process: `python -m studio.captioning.worker` reads one job from its standard input, describes picture
after picture, and reports on its standard output.

Captions go into the catalogue batch by batch, together one step that can be undone: whatever ends this process, what was
written stays. It ends by itself when its input closes, so with whoever started it."""

import contextlib
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from studio.captioning.captioner import Captioner, Describe, Described
from studio.captioning.captioners import captioners
from studio.captioning.job import Job, Report
from studio.datasets.bake import pixels
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.datasets.errors import CaptionerTooLarge
from studio.datasets.names import clean_caption
from studio.datasets.pictures import Unusable
from studio.datasets.wording import filled, tidied
from studio.engine.device import Device, free_memory, is_out_of_memory, pick_device, use_threads
from studio.errors import StudioError, Unexpected

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_SIDE_PX = 2048
"""Pictures are scaled down to this before the model's own scaling: it sees no more, and memory stays small."""
CPU_BATCH = 2
STEP = "caption"
"""How the steps are called in the undo list."""
_log = logging.getLogger("inkstone.captioning")


@dataclass
class Run:
    """A job under way: its captioner, opened on a device, and its set."""

    job: Job
    captioner: Captioner
    device: Device
    describe: Describe
    catalogue: Catalogue
    has_written: bool = False

    def batch(self, ids: Sequence[int]) -> Report:
        """Describe some pictures and keep what was said."""
        entries = [entry for entry in map(self.catalogue.get, ids) if self._is_as_it_was(entry)]
        looked = [(entry, picture) for entry in entries if (picture := _look(entry, self.job.root))]
        said = self._said([picture for _, picture in looked])
        wanted = {
            entry.id: self._changes(entry, words, told.tags)
            for (entry, _), told in zip(looked, said, strict=True)
            if (words := _cleaned(told.caption))
        }
        written = self._write(wanted)
        last = looked[-1][0] if looked else None
        return Report(
            "described",
            written=written,
            kept=len(ids) - len(entries) + len(wanted) - written,
            empty=len(looked) - len(wanted),
            unreadable=len(entries) - len(looked),
            name=last.name if last else "",
            caption=str(wanted[last.id]["caption"]) if last and last.id in wanted else "",
        )

    def _is_as_it_was(self, entry: Entry) -> bool:
        """Whether nobody has written a caption since the run began. The caption is compared and not the version: a
        picture that was only turned, cut or put into a split meanwhile still wants its caption."""
        return not entry.is_deleted and entry.caption == self.job.pictures[entry.id]

    def _said(self, pictures: Sequence["Picture"]) -> list[Described]:
        """What the model says of each; halves the batch where memory doesn't hold it."""
        if not pictures:
            return []
        try:
            return self.describe(pictures, self.job.request)
        except Exception as error:
            if len(pictures) == 1 or not is_out_of_memory(error):
                raise
        free_memory(self.device)
        middle = len(pictures) // 2
        return self._said(pictures[:middle]) + self._said(pictures[middle:])

    def _changes(self, entry: Entry, words: str, tags: Sequence[str]) -> dict[str, Any]:
        request = self.job.request
        caption = filled(request.template, words, self.catalogue.need.trigger_word, tags or entry.tags)
        changes: dict[str, Any] = {"caption": caption, "caption_source": self.job.source}
        return changes | ({"tags": tuple(dict.fromkeys([*entry.tags, *tags]))} if tags else {})

    def _write(self, wanted: dict[int, dict[str, Any]]) -> int:
        """Keep captions, except where somebody was faster, as part of the run's one step; how many."""
        written: list[int] = []

        def by(entry: Entry) -> dict[str, Any]:
            if not self._is_as_it_was(entry):
                return {}
            written.append(entry.id)
            return wanted[entry.id]

        if self.catalogue.rewrite(wanted, by, STEP, joins=self.has_written):
            self.has_written = True
        return len(written)


def work(job: Job) -> Iterator[Report]:
    """Do a job, telling of it batch by batch; raises StudioError."""
    with Catalogue.open(job.root) as catalogue:  # first, since the weights may take minutes
        use_threads()
        captioner, device = captioners()[job.request.captioner], pick_device()
        try:
            run = Run(job, captioner, device, captioner.load(job.folder, device), catalogue)
            yield Report("loaded")
            size = min(captioner.batch, CPU_BATCH) if device.kind == "cpu" else captioner.batch
            ids = list(job.pictures)
            for start in range(0, len(ids), size):
                yield run.batch(ids[start : start + size])
        except Exception as error:
            if is_out_of_memory(error):
                raise CaptionerTooLarge("weights", name=job.folder.name, device=device.name) from error
            raise


def main() -> None:
    """Do the job on this process's standard input; anything else that is printed goes to stderr."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # whoever started it decides when to end; they close the input
    orders, reports = sys.stdin, os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _offer_to_oom_killer()
    line = orders.readline()
    threading.Thread(target=_leave_with, args=(orders,), name="orders", daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        for report in _told(line):
            reports.write(report.to_line() + "\n")
            reports.flush()
    os._exit(0)  # at once: the thread that waits for the end of the input can't be ended otherwise


def _told(line: str) -> Iterator[Report]:
    """The reports on a job, the last of which may be a failure."""
    try:
        yield from work(Job.from_line(line))
    except StudioError as error:
        yield _failure(error)
    except Exception:
        number = secrets.token_hex(3)
        _log.exception("failure %s", number)
        yield _failure(Unexpected(number=number, log="terminal"))


def _failure(error: StudioError) -> Report:
    return Report("failed", en=error.say("en"), zh=error.say("zh"), field=error.field or "")


def _cleaned(words: str) -> str:
    """What a model said, on one line and without half characters, which its last token may be."""
    return tidied(clean_caption(words.replace("\ufffd", "")))


def _look(entry: Entry, root: Path) -> "Picture | None":
    """The picture as it will be exported, not larger than models see; None when it can't be read."""
    try:
        return pixels(entry.path(root), entry.turn, entry.crop, MOST_SIDE_PX)
    except Unusable as unusable:
        _log.warning("%s: %s", entry.name, unusable)
        return None


def _leave_with(orders: IO[str]) -> None:
    """End this process as soon as its input closes, even in the middle of a picture."""
    while orders.read(1):
        pass
    os._exit(0)


def _offer_to_oom_killer() -> None:
    """Where memory runs out, lose this process rather than the page."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


if __name__ == "__main__":
    main()
