"""Long work of the Dataset tab (importing, checking, captioning, exporting) as its visitor follows it: a bar, counts,
Stop, and in the end what came of it and what was left out."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.found import Skipped, Step
from studio.errors import StudioError
from studio.ui.dataset_desk import Data, Desk, Updates
from studio.ui.safe import html
from studio.ui.sheet import Turn, visitor_of
from studio.words import Language

MOST_SKIPPED_SHOWN = 200
_EVERY_S = 0.25


@dataclass
class Came:
    """What came of the work so far."""

    step: Step = field(default_factory=lambda: Step(0))
    done: list[Any] = field(default_factory=list)
    count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    is_stopped: bool = False


Told = Callable[[Came, Language], str]


@dataclass
class Board:
    """What one visitor's works of one kind say, each on its own lines; those that have ended go when the next begins
    while none is under way."""

    lines: dict[int, str] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    _last: int = 0

    def begin(self) -> int:
        """The number of another work."""
        if not self.running:
            self.lines.clear()
        self._last += 1
        self.running.add(self._last)
        return self._last

    @property
    def html(self) -> str:
        """All of them, the latest last."""
        if len(self.lines) < 2:
            return "".join(self.lines.values())
        return "".join(f'<div class="ink-work-line">{one}</div>' for _, one in sorted(self.lines.items()))


@dataclass
class Work:
    """The components of one kind of work, under the button that starts it. `board` holds what this visitor's are saying,
    since several imports may be under way at once."""

    desk: Desk

    def draw(self, id: str) -> None:
        """Where progress and outcome are shown, and Stop."""
        self.board = gr.State(Board())
        self.note = gr.HTML(elem_id=f"ink-{id}-note", elem_classes="ink-work")
        self.stop = self.desk.sheet.speech.put(
            gr.Button, {"value": "stop.button"}, size="sm", visible=False, elem_id=f"ink-{id}-stop"
        )

    @property
    def needs(self) -> set[Any]:
        """What the work has to be given beside its form."""
        return {self.board}

    @property
    def parts(self) -> list[Any]:
        """What the work writes on."""
        return [self.note, self.stop]

    def run(
        self,
        data: Data,
        asked: gr.Request,
        start: Callable[[Catalogue, Turn], Iterable[Any]],
        told: Told,
        title: str = "",
    ) -> Iterator[Updates]:
        """Do the work on the chosen set; whoever leaves the page or presses Stop ends it after the next piece. `title`
        tells it from others under way."""
        language, board = self.desk.language(data), data[self.board]
        number = board.begin()
        head = f"<p><b>{html(title)}</b></p>" if title else ""
        with self.desk.sheet.visitors.turn(visitor_of(asked), language) as turn:
            came = Came()
            try:
                board.lines[number] = head + self._bar(came, turn.language)
                yield {self.stop: gr.update(visible=True), self.note: board.html}
                with self.desk.opened(data) as catalogue:
                    for words in self._follow(iter(start(catalogue, turn)), came, turn):
                        board.lines[number] = head + words
                        yield {self.note: board.html}
                words = self._outcome(came, told, turn.language)
            except StudioError as error:
                words = self._skipped(came, turn.language)
                words = f'<p class="ink-check-fault" role="alert">{html(error.say(turn.language))}</p>{words}'
            finally:
                board.running.discard(number)
            board.lines[number] = head + words
            yield {self.note: board.html, self.stop: gr.update(visible=bool(board.running))}

    def refused(self, error: StudioError, language: Language) -> Updates:
        """An error that is known before the work begins."""
        return {self.note: f'<p class="ink-check-fault" role="alert">{html(error.say(language))}</p>'}

    def _follow(self, steps: Iterator[Any], came: Came, turn: Turn) -> Iterator[str]:
        shown = 0.0
        with closing(_closable(steps)) as running:
            for step in running:
                _count(step, came)
                if turn.is_stopped:
                    came.is_stopped = True
                    return
                if time.monotonic() - shown > _EVERY_S:
                    shown = time.monotonic()
                    yield self._bar(came, turn.language)

    def _bar(self, came: Came, language: Language) -> str:
        step, say = came.step, self.desk.say
        words = step.doing.say(language) if step.doing else say(language, "work.doing")
        if step.total:
            words += " · " + say(language, "work.of", done=f"{step.done:,}", total=f"{step.total:,}")
        elif step.done or came.count:
            words += f" · {max(step.done, came.count):,}"
        if came.skipped:
            words += " · " + say(language, "work.skipped", count=f"{len(came.skipped):,}")
        percent = round(100 * min(1.0, step.done / step.total)) if step.total else 0
        label = html(words)
        return (
            f'<div class="ink-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{percent}"><span style="width: {percent}%"></span></div><p>{label}</p>'
        )

    def _outcome(self, came: Came, told: Told, language: Language) -> str:
        words = html(told(came, language))
        if came.is_stopped:
            words = f"{html(self.desk.say(language, 'work.stopped'))} {words}"
        return f'<p role="status">{words}</p>{self._skipped(came, language)}'

    def _skipped(self, came: Came, language: Language) -> str:
        if not came.skipped:
            return ""
        rows = "".join(
            f"<li>{html(one.name)}: {html(one.reason.say(language))}</li>"
            for one in came.skipped[:MOST_SKIPPED_SHOWN]
        )
        title = html(self.desk.say(language, "work.skipped", count=f"{len(came.skipped):,}"))
        is_open = " open" if len(came.skipped) <= 12 else ""
        return f'<details{is_open}><summary>{title}</summary><ul class="ink-check-list">{rows}</ul></details>'


def _count(step: Any, came: Came) -> None:
    if isinstance(step, Step):
        came.step = step
    elif isinstance(step, Skipped):
        came.skipped.append(step)
    else:
        came.count += 1
        came.done = [step]


def _closable(steps: Iterator[Any]) -> Generator[Any, None, None]:
    """The steps as a generator, which closes the one that it reads from."""
    try:
        yield from steps
    finally:
        if isinstance(steps, Generator):
            steps.close()
