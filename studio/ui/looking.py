"""Looking at pictures: one of the gallery, one of the history, and taking one away for good."""

from typing import Any

import gradio as gr

from studio.history import Entry
from studio.ui.chain_cards import Chain
from studio.ui.easel import Easel
from studio.ui.pictures import shown
from studio.ui.sheet import Sheet
from studio.ui.sight import into_sight
from studio.ui.speech import as_language
from studio.ui.surface import Surface
from studio.words import Language

SHOW_RESULT = into_sight("ink-result")


class Looking:
    """The handlers that put a picture in hand, or remove it. Places in a list are the visitor's; ids never are."""

    def __init__(self, sheet: Sheet, surface: Surface) -> None:
        self._sheet = sheet
        self._on = surface

    def choose(self, ids: list[str], spoken: str, chosen: gr.SelectData) -> dict[Any, Any]:
        """Take the picture of the gallery that was clicked in hand."""
        return self._on.hand.updates(self._at(ids, chosen), as_language(spoken))

    def recall(self, ids: list[str], spoken: str, chosen: gr.SelectData) -> dict[Any, Any]:
        """Show the picture of the history that was clicked."""
        entry, language = self._at(ids, chosen), as_language(spoken)
        if entry is None:
            return self._on.hand.updates(None, language)
        easel = Easel("past", seconds=entry.seconds, made=f"{entry.created:%Y-%m-%d %H:%M}")
        return {
            **self._hung([entry], language),
            **self._on.hand.updates(entry, language),
            self._on.easel: easel.html(self._sheet.speech, language),
            self._on.chain: Chain().html(self._sheet.speech, language),
            self._on.scene: (easel, Chain()),
        }

    def delete(
        self, held: str | None, ids: list[str], words: str, own: list[str], spoken: str
    ) -> dict[Any, Any]:
        """Remove the picture in hand, and show what is left."""
        language = as_language(spoken)
        left = self._on.past.delete(held, ids)
        past = self._on.past.updates(words, [], own, language)
        return {**self._hung(left, language), **past, **self._on.hand.updates(None, language)}

    def _at(self, ids: list[str], chosen: gr.SelectData) -> Entry | None:
        place = chosen.index if isinstance(chosen.index, int) else -1
        return self._on.past.entry(ids[place]) if 0 <= place < len(ids) else None

    def _hung(self, entries: list[Entry], language: Language) -> dict[Any, Any]:
        pictures = shown(entries, self._sheet.speech, language)
        place = 0 if entries else None
        return {
            self._on.gallery: gr.update(value=pictures, visible=bool(entries), selected_index=place),
            self._on.shown: [entry.id for entry in entries],
        }
