"""The studio: one machine's models, LoRAs, presets, pictures and engine, for the page and the command line alike."""

import secrets
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from studio.batch import AsOne, Share, shares
from studio.engine.events import Event, FirstPass, Job, LoraFile, Picture
from studio.engine.host import Engine, InlineEngine
from studio.engine.process import ProcessEngine, WarmModel
from studio.errors import StorageError, StudioError
from studio.history import Entry, History
from studio.presets import Presets, Style, weave
from studio.requests import MOST_SEED, GenerateRequest
from studio.settings import Settings
from studio.shelf import Shelf
from studio.starts import Starts
from studio.wildcards import WordLists

_ASK_AGAIN_S = 0.5
_Told = TypeVar("_Told")


@dataclass(frozen=True)
class Saved:
    """A finished picture is in the history."""

    entry: Entry


@dataclass(frozen=True)
class Waiting:
    """Others are served first: so many of them. Told again and again, so that the wait can be given up."""

    position: int


class Studio:
    """All that one machine has; every visitor shares it. Safe to use from several threads.

    `may_name_files` lets a request name a LoRA by its path: for the command line, never for the page."""

    def __init__(
        self, settings: Settings, engine: Engine | None = None, may_name_files: bool = False
    ) -> None:
        self.settings = settings
        self.shelf = Shelf(settings)
        self.presets = Presets(settings)
        self.wildcards = WordLists(settings.presets_dir / "wildcards")
        self.history = History(settings)
        self.starts = Starts(settings, self.history.begun_with)
        self.engine = engine if engine is not None else self._engine()
        self._may_name_files = may_name_files
        self._queue: list[object] = []
        self._moved = threading.Condition()

    @property
    def is_busy(self) -> bool:
        """Whether a job would have to wait."""
        return bool(self._queue)

    def generate(
        self, request: GenerateRequest, kept: list[Entry] | None = None
    ) -> Generator[Event | Saved | Waiting, None, None]:
        """Make the pictures of a request. Each is in the history before it is told; closing keeps those. `kept` gets every
        one of them, and what a second pass had begun with where that is stopped or fails: no event can tell of it then.

        Raises StudioError: what the request names and isn't here, what the engine could not do, a disk that is full."""
        seed = secrets.randbelow(MOST_SEED + 1) if request.seed is None else request.seed
        parts = shares(request.with_(seed=seed), self.wildcards)
        job = self._job(parts[0].read)
        styles = self._styles(request)
        jobs = [replace(job, request=weave(part.read, styles)) for part in parts]
        self.history.check()
        yield from self._in_turn(self._make(parts, jobs, [] if kept is None else kept))

    def draw(
        self, request: GenerateRequest, loras: tuple[LoraFile, ...] = ()
    ) -> Generator[Event | Waiting, None, None]:
        """Make the pictures of a request for a caller who keeps them; `loras` join those that the request names, and
        the prompts are read as they stand.

        Raises StudioError as `generate` does."""
        job = self._job(request)
        yield from self._in_turn(self.engine.run(replace(job, loras=(*job.loras, *loras))))

    def close(self) -> None:
        """Stop the engine."""
        self.engine.close()

    def _engine(self) -> Engine:
        """An engine in its own process, except where the device exists only inside a call of this one."""
        if self.settings.host == "zerogpu":
            return InlineEngine()
        return ProcessEngine(warm=self._first_model(), log_file=self.settings.output_dir / "engine.log")

    def _first_model(self) -> WarmModel | None:
        """What a newcomer is likely to ask for."""
        try:
            card = self.shelf.model(GenerateRequest().model)
        except StudioError:
            return None
        return WarmModel(card.family, card.folder)

    def _job(self, request: GenerateRequest) -> Job:
        card = self.shelf.model(request.model)
        loras = tuple(
            LoraFile(
                use.name,
                self.shelf.lora(use.name, allow_path=self._may_name_files).file,
                use.weight,
                use.blocks,
            )
            for use in request.loras
            if use.on
        )
        woven = weave(request, self._styles(request))
        return Job(
            request=woven,
            model_dir=card.folder,
            family=card.family,
            loras=loras,
            scheduler=card.scheduler,
            start=self.starts.file(woven.start, "start"),
            mask=self.starts.file(woven.mask, "mask"),
        )

    def _styles(self, request: GenerateRequest) -> Mapping[str, Style]:
        return self.presets.styles() if request.styles else {}

    def _in_turn(self, work: Generator[_Told, None, None]) -> Generator[_Told | Waiting, None, None]:
        """The events of work that begins when all who asked earlier are served."""
        turn = object()
        try:
            yield from self._wait(turn)
            yield from work
        finally:
            work.close()
            with self._moved:
                if turn in self._queue:
                    self._queue.remove(turn)
                self._moved.notify_all()

    def _wait(self, turn: object) -> Generator[Waiting, None, None]:
        with self._moved:
            self._queue.append(turn)
        while True:
            with self._moved:
                ahead = self._queue.index(turn)
                if ahead:
                    self._moved.wait(_ASK_AGAIN_S)
                    ahead = self._queue.index(turn)
            if not ahead:
                return
            yield Waiting(ahead)

    def _make(
        self, parts: list[Share], jobs: list[Job], kept: list[Entry]
    ) -> Generator[Event | Saved, None, None]:
        """The pictures of the jobs, one job after the other."""
        together = AsOne(sum(part.read.count for part in parts))
        for part, job in zip(parts, jobs, strict=True):
            with closing(self._made(part.asked, job, kept)) as events:
                for event in events:
                    told = event if isinstance(event, Saved) else together.tell(part, event)
                    if told is not None:
                        yield told
        yield together.finished()

    def _made(
        self, asked: GenerateRequest, job: Job, kept: list[Entry]
    ) -> Generator[Event | Saved, None, None]:
        events = self.engine.run(job)
        started = time.perf_counter()
        first: Picture | None = None
        try:
            for event in events:
                if isinstance(event, FirstPass):
                    first = event.picture
                if not isinstance(event, Picture):
                    yield event
                    continue
                first = None
                saved = self._save(event, asked, job, started)
                yield event
                if isinstance(saved, StorageError):
                    raise saved
                kept.append(saved)
                yield Saved(saved)
                started = time.perf_counter()
        finally:
            events.close()
            if first is not None:  # the second pass was stopped or failed: what there was before it is kept
                saved = self._save(first, asked.with_(upscale=1.0), job, started)
                if not isinstance(saved, StorageError):
                    kept.append(saved)

    def _save(
        self, picture: Picture, asked: GenerateRequest, job: Job, started: float
    ) -> Entry | StorageError:
        """The entry, or why there is none: the picture is shown before the failure is told."""
        size = {} if asked.upscale > 1 else {"width": picture.width, "height": picture.height}
        request = asked.with_(**size, seed=picture.seed, count=1)
        facts = self._facts(picture, job, time.perf_counter() - started)
        try:
            return self.history.add(picture.rgb, picture.width, picture.height, request, facts)
        except StorageError as error:
            return error

    def _facts(self, picture: Picture, job: Job, seconds: float) -> Mapping[str, Any]:
        """What the file tells beside the request: the prompts as the model read them among it."""
        facts: dict[str, Any] = {"seed": picture.seed, "seconds": round(seconds, 3)}
        return facts | {"prompt": job.request.prompt, "negative_prompt": job.request.negative_prompt}
