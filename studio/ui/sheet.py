"""What every tab is given to draw on, what a tab is, and who is being served right now."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.studio import Studio
from studio.ui.speech import Speech
from studio.words import Language


class Turn:
    """One visitor's running work and its language; other events of the same visitor stop it or change that."""

    def __init__(self, language: Language) -> None:
        self._stop = threading.Event()
        self.language = language

    @property
    def is_stopped(self) -> bool:
        """Whether the visitor has asked for an end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask for an end at the next event of the chain."""
        self._stop.set()


class Visitors:
    """The turns under way, by browser tab. Stopping goes through here and not through gradio's `cancels`, which would
    cut the handler off before it can say what was kept."""

    def __init__(self) -> None:
        self._turns: dict[str, list[Turn]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, visitor: str, language: Language = "en") -> Iterator[Turn]:
        """A turn that `stop` reaches until the block ends."""
        turn = Turn(language)
        with self._lock:
            self._turns.setdefault(visitor, []).append(turn)
        try:
            yield turn
        finally:
            with self._lock:
                self._turns[visitor].remove(turn)
                if not self._turns[visitor]:
                    del self._turns[visitor]

    def stop(self, visitor: str) -> bool:
        """Stop all that this visitor has running; False when that is nothing."""
        turns = self._of(visitor)
        for turn in turns:
            turn.stop()
        return bool(turns)

    def speak(self, visitor: str, language: Language) -> None:
        """Go on in another language."""
        for turn in self._of(visitor):
            turn.language = language

    def _of(self, visitor: str) -> list[Turn]:
        with self._lock:
            return list(self._turns.get(visitor, ()))


@dataclass
class Sheet:
    """The page in the making: the studio behind it, its words, its language switch, and who is served. `tabs` holds
    every tab by its module's name; `passed` is what another tab hands to Generate, `passed_set` what another hands to
    Train, both as a partial request; `pages` are the tabs themselves, by the same names, and `timers` what ticks while
    such a tab is the one looked at."""

    page: gr.Blocks
    studio: Studio
    speech: Speech
    language: gr.Radio
    visitors: Visitors = field(default_factory=Visitors)
    tabs: gr.Tabs = field(default_factory=lambda: gr.Tabs(elem_id="ink-tabs"))
    passed: gr.State = field(default_factory=lambda: gr.State(None))
    pages: dict[str, gr.Tab] = field(default_factory=dict)
    timers: dict[str, gr.Timer] = field(default_factory=dict)
    passed_set: gr.State = field(default_factory=lambda: gr.State(None))


@dataclass(frozen=True)
class Tab:
    """A tab in two halves: `draw` makes its components, `wire` joins their events. `title` is a key of the locales."""

    title: str
    order: int
    draw: Callable[[Sheet], Any]
    wire: Callable[[Sheet, Any], None]


def visitor_of(request: gr.Request | None) -> str:
    """Which browser tab asks."""
    return str(getattr(request, "session_hash", None) or "nobody")
