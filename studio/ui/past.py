"""The history: pictures made earlier, searched by their words, a page at a time."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.history import Entry
from studio.ui.pictures import forget, thumbnails
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language
from studio.words import Language

PAGE = 24


@dataclass
class Past:
    """The search box, the thumbnails and the two ways through time. `ids` are those of the page that is shown, so that
    a click means the picture that was seen, whatever has been made since; `trail` is where each page began. Where
    visitors don't know each other, everyone sees only `own`."""

    sheet: Sheet

    def draw(self) -> None:
        """The whole panel."""
        speech = self.sheet.speech
        self.ids, self.trail, self.own = gr.State([]), gr.State([]), gr.State([])
        with gr.Column(elem_id="ink-history"):
            with gr.Row(equal_height=True, elem_id="ink-history-head"):
                speech.put(gr.Markdown, {"value": "history.title"}, elem_classes="ink-title")
                self.search = speech.put(
                    gr.Textbox, {"placeholder": "history.search", "label": "history.search"}, show_label=False,
                    container=False, max_lines=1, elem_id="ink-search",
                )  # fmt: skip
                self.newer = speech.put(
                    gr.Button, {"value": "history.newer"}, size="sm", interactive=False, min_width=80
                )
                self.older = speech.put(
                    gr.Button,
                    {"value": "history.older"},
                    size="sm",
                    interactive=False,
                    min_width=80,
                    elem_id="ink-older",
                )
            self.note = speech.put(
                gr.Markdown, {"value": "history.empty"}, elem_classes="ink-help", elem_id="ink-history-note"
            )
            self.gallery = speech.put(
                gr.Gallery, {"label": "history.title"}, columns=8, fit_columns=False, allow_preview=False, show_label=False, interactive=False,
                buttons=[], object_fit="cover", height="auto", visible=False, elem_id="ink-thumbnails", format="png",
            )  # fmt: skip

    def updates(self, words: str, trail: list[str], own: list[str], language: Language) -> dict[Any, Any]:
        """What shows the page that begins after the last id of `trail`."""
        try:
            found = self._search(words or "", trail[-1] if trail else None, own)
        except StudioError as error:
            return {self.note: gr.update(value=plain(error.say(language)), visible=True)}
        entries, has_more = found[:PAGE], len(found) > PAGE
        key = "history.nothing" if words and not entries else "history.empty"
        return {
            self.ids: [entry.id for entry in entries],
            self.trail: trail,
            self.gallery: gr.update(value=thumbnails(entries), visible=bool(entries), selected_index=None),
            self.note: gr.update(value=self.sheet.speech.say(language, key), visible=not entries),
            self.newer: gr.update(interactive=bool(trail)),
            self.older: gr.update(interactive=has_more),
        }

    def _search(self, words: str, before: str | None, own: list[str]) -> list[Entry]:
        history = self.sheet.studio.history
        if self.sheet.studio.settings.may_browse_history:
            return history.search(words, limit=PAGE + 1, before=before)
        mine = [
            entry
            for entry in map(self.entry, reversed(own))
            if entry and words.lower() in entry.request.prompt.lower()
        ]
        start = next((place for place, entry in enumerate(mine, 1) if entry.id == before), 0)
        return mine[start : start + PAGE + 1]

    def entry(self, entry_id: str | None) -> Entry | None:
        """The picture of that id, unless it has been removed meanwhile."""
        return self.sheet.studio.history.get(entry_id) if entry_id else None

    def delete(self, entry_id: str | None, shown: list[str]) -> list[Entry]:
        """Remove a picture where that is allowed; returns those of `shown` that are left."""
        entry = self.entry(entry_id)
        if entry is not None and self.sheet.studio.settings.may_delete:
            forget(entry.file)
            forget(entry.thumbnail)
            self.sheet.studio.history.delete(entry.id)
        return [left for left in map(self.entry, shown) if left]

    def wire(self) -> None:
        """Join searching and paging."""
        shown = [self.ids, self.trail, self.gallery, self.note, self.newer, self.older]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        asked = [self.search, self.trail, self.own, self.sheet.language, self.ids]
        self.search.change(self._searched, asked, shown, trigger_mode="always_last", **quiet)
        self.older.click(self._older, asked, shown, **quiet)
        self.newer.click(self._newer, asked, shown, **quiet)

    def _searched(
        self, words: str, trail: list[str], own: list[str], spoken: str, ids: list[str]
    ) -> dict[Any, Any]:
        return self.updates(words, [], own, as_language(spoken))

    def _older(
        self, words: str, trail: list[str], own: list[str], spoken: str, ids: list[str]
    ) -> dict[Any, Any]:
        return self.updates(words, [*trail, *ids[-1:]], own, as_language(spoken))

    def _newer(
        self, words: str, trail: list[str], own: list[str], spoken: str, ids: list[str]
    ) -> dict[Any, Any]:
        return self.updates(words, trail[:-1], own, as_language(spoken))
