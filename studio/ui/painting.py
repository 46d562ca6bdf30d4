"""From Generate to picture: runs a request and tells the page what happens, event by event."""

import logging
import math
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.batch import pictures
from studio.engine.events import Event, Finished, Notice, StageEnded, Step
from studio.errors import StudioError, Unexpected
from studio.history import Entry
from studio.requests import GenerateRequest
from studio.studio import Saved, Waiting
from studio.ui.chain_cards import Chain
from studio.ui.changes import updates as updates_from
from studio.ui.easel import Easel
from studio.ui.forms import field_of
from studio.ui.pictures import served, shown
from studio.ui.safe import plain
from studio.ui.sheet import Sheet, Turn, visitor_of
from studio.ui.speech import as_language
from studio.ui.starting import Starting
from studio.ui.surface import Surface
from studio.words import Language, Said

_log = logging.getLogger(__name__)
PACE_S = 0.15
"""A step that follows the one drawn last within this time is not drawn, except the last of a picture: the eye misses
little, and each drawing takes some ten milliseconds of processor time from the engine, and a message over the net."""


@dataclass
class Run:
    """One request on its way: who waits for it, what is seen of it, and the pictures it has brought."""

    turn: Turn
    easel: Easel
    chain: Chain = field(default_factory=Chain)
    saved: list[Entry] = field(default_factory=list)
    failed: StudioError | None = None
    is_drawn: bool = True
    """Whether the page shows all that has been told. After the end of a stage or of the run another event or drawing
    follows at once, so that these are not drawn by themselves."""
    step_drawn: float = -math.inf
    """When a step was drawn last, in seconds of the monotonic clock."""

    def lets_pass(self, event: Event | Saved | Waiting) -> bool:
        """Whether what this event tells can wait until the next one."""
        if isinstance(event, Step) and event.step < event.steps:
            now = time.monotonic()
            if now - self.step_drawn < PACE_S:
                return True
            self.step_drawn = now
        return isinstance(event, StageEnded | Finished)


class Painting:
    """The handlers that make pictures."""

    def __init__(self, sheet: Sheet, surface: Surface) -> None:
        self._sheet = sheet
        self._speech = sheet.speech
        self._on = surface
        self._starting = Starting(sheet, surface)

    @property
    def needs(self) -> set[Any]:
        """What `paint` has to be given."""
        on = self._on
        return {*on.form.controls.values(), on.form.start.editor, self._sheet.language, on.past.search, on.past.own,
                on.shown}  # fmt: skip

    def paint(self, data: Mapping[Any, Any], asked: gr.Request) -> Iterator[dict[Any, Any]]:
        """Make what the form asks for; yields updates."""
        language = as_language(data[self._sheet.language])
        form = self._on.form
        values = form.values(data)
        try:
            values, painted = self._starting.masked(values, data)
            request = form.request(values)
        except StudioError as error:
            yield {**updates_from(form.calm(language)), **self._failure(error, language)}
            return
        with self._sheet.visitors.turn(visitor_of(asked), language) as turn:
            run = Run(turn, Easel("working", pictures(request)))
            run.easel.aspect = (request.width, request.height)
            yield {**updates_from(form.calm(language), painted), **self._begin(run)}
            for updates in self._events(request, run):
                if values["seed_mode"] != "fixed" and len(run.saved) == 1 and self._on.shown in updates:
                    updates[form.controls["seed"]] = run.saved[0].seed
                yield updates
            yield self._end(run, data)

    def compare(self, data: Mapping[Any, Any], asked: gr.Request) -> Iterator[dict[Any, Any]]:
        """Make the picture in hand again without its LoRAs, and put the two side by side."""
        language = as_language(data[self._sheet.language])
        entry = self._on.past.entry(data[self._on.hand.holds])
        if entry is None:
            return
        request = entry.request.with_(loras=(), seed=entry.seed, count=1)
        with self._sheet.visitors.turn(visitor_of(asked), language) as turn:
            run = Run(turn, Easel("working", 1, aspect=(request.width, request.height)))
            yield self._begin(run)
            for updates in self._events(request, run):
                updates.pop(self._on.gallery, None)
                updates.pop(self._on.shown, None)
                yield updates
            told = self._end(run, data) | self._on.hand.updates(entry, turn.language)
            if run.saved:
                pair = (served(entry.file), served(run.saved[0].file))
                told |= {self._on.hand.slider: pair, self._on.hand.comparison: gr.update(visible=True)}
            yield told

    def stop(self, asked: gr.Request) -> Any:
        """Ask this visitor's work to end; the running handler says what was kept."""
        self._sheet.visitors.stop(visitor_of(asked))
        return gr.update(interactive=False)

    # how a run is shown

    def _begin(self, run: Run) -> dict[Any, Any]:
        return {
            **self._drawn(run),
            self._on.gallery: gr.update(visible=False),
            self._on.hand.box: gr.update(visible=False),
            self._on.stop: gr.update(interactive=True),
        }

    def _drawn(self, run: Run) -> dict[Any, Any]:
        language = run.turn.language
        return {
            self._on.easel: run.easel.html(self._speech, language),
            self._on.chain: run.chain.html(self._speech, language),
        }

    def _events(self, request: GenerateRequest, run: Run) -> Iterator[dict[Any, Any]]:
        """Updates for every event until the work is over, stopped or failed; the run holds how it went."""
        shown = 0
        try:
            with closing(self._sheet.studio.generate(request, run.saved)) as events:
                for event in events:
                    shown += isinstance(event, Saved)
                    updates = self._event(event, run)
                    if updates:
                        yield updates
                    if run.turn.is_stopped:
                        break
            run.easel.end("stopped" if run.turn.is_stopped else "done")
        except StudioError as error:
            run.failed = error
        except Exception:
            number = secrets.token_hex(3)
            _log.exception("Unforeseen failure number %s", number)
            run.failed = Unexpected(None, number=number, log=self._speech.text("error.terminal"))
        if len(run.saved) > shown:  # a second pass was cut short
            yield self._pictures(run.saved, run.turn.language)

    def _event(self, event: Event | Saved | Waiting, run: Run) -> dict[Any, Any]:
        language = run.turn.language
        updates: dict[Any, Any] = {}
        run.is_drawn &= not run.easel.take(event)
        run.is_drawn &= isinstance(event, Saved | Waiting) or not run.chain.take(event)
        if not run.is_drawn and not run.lets_pass(event):
            updates, run.is_drawn = self._drawn(run), True
        if isinstance(event, Saved):
            updates |= self._pictures(run.saved, language)
        elif isinstance(event, Notice):
            updates |= self._notice(event, language)
        return updates

    def _pictures(self, entries: list[Entry], language: Language) -> dict[Any, Any]:
        files = shown(entries, self._speech, language)
        return {
            self._on.gallery: gr.update(value=files, visible=True, selected_index=0),
            self._on.shown: [entry.id for entry in entries],
        }

    def _notice(self, notice: Notice, language: Language) -> dict[Any, Any]:
        """A notice stands at its control, and on the easel once the picture is done."""
        return updates_from(self._on.form.hint(notice.field, notice.said.say(language), is_fault=False))

    def _failure(self, error: StudioError, language: Language) -> dict[Any, Any]:
        sentence = error.say(language)
        gr.Warning(plain(sentence))
        easel = Easel()
        easel.end("failed", Said(error.text, error.values))
        return {
            **updates_from(self._on.form.hint(field_of(error), sentence, is_fault=True)),
            self._on.easel: easel.html(self._speech, language),
            self._on.scene: (easel, Chain()),
            self._on.stop: gr.update(interactive=False),
        }

    def _end(self, run: Run, data: Mapping[Any, Any]) -> dict[Any, Any]:
        language = run.turn.language
        run.chain.rest()
        own = [*data[self._on.past.own], *(entry.id for entry in run.saved)]
        has_pictures = bool(run.saved or data.get(self._on.shown))
        told = {
            **self._on.past.updates(data.get(self._on.past.search, ""), [], own, language),
            **self._on.hand.updates(run.saved[0] if run.saved else None, language),
            self._on.past.own: own,
            self._on.gallery: gr.update(visible=has_pictures),
            self._on.stop: gr.update(interactive=False),
        }
        if run.saved:
            told[self._on.last_seed] = run.saved[0].seed
        if run.failed is not None:
            told |= self._failure(run.failed, language)
            run.easel.end("failed", Said(run.failed.text, run.failed.values))
        return {**told, **self._drawn(run), self._on.scene: (run.easel, run.chain)}
