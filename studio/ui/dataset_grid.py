"""The grid with its pager, and which pictures are selected. Selecting is shown by the browser at once; the server only
keeps the numbers, so that a hundred thousand are selected as quickly as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.datasets.query import Query
from studio.ui.changes import Changes
from studio.ui.controls import Figure
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_tiles import Tiles
from studio.words import Language

A_PAGE = 60
SCRIPT = (Path(__file__).parent / "assets" / "dataset.js").read_text("utf-8")
"""Turns clicks on what has data-open, data-pick or data-do into events of its gr.HTML."""
_MOST_PICKED_AT_ONCE = 10_000


@dataclass
class Grid:
    """The components; `picked` holds the ids of the selected pictures."""

    desk: Desk

    def draw(self) -> None:
        """Tiles, and under them the pager."""
        put = self.desk.sheet.speech.put
        self.picked = gr.State([])
        self.tiles = gr.HTML(elem_id="ink-grid", elem_classes="ink-live", js_on_load=SCRIPT)
        with gr.Row(elem_classes="ink-actions", elem_id="ink-pager", visible=False) as self.pager:
            self.earlier = put(
                gr.Button, {"value": "dataset.page.earlier"}, size="sm", elem_id="ink-page-earlier"
            )
            self.page = put(
                Figure, {"label": "dataset.page.number"}, value=1, precision=0, minimum=1, step=1, show_label=False,
                container=False, elem_id="ink-page-number", min_width=80,
            )  # fmt: skip
            self.later = put(gr.Button, {"value": "dataset.page.later"}, size="sm", elem_id="ink-page-later")
        self.told = gr.Markdown(elem_id="ink-page-told", elem_classes="ink-help")

    @property
    def parts(self) -> list[Any]:
        """What the state of the grid is read from."""
        return [self.page, self.picked]

    def pages(self, count: int) -> int:
        """How many pages so many pictures fill."""
        return max(1, -(-count // A_PAGE))

    def number(self, data: Data, count: int) -> int:
        """The page asked for, as far as there is one."""
        asked = data[self.page]
        return min(max(1, int(asked) if isinstance(asked, int | float) else 1), self.pages(count))

    def ids(self, data: Data) -> list[int]:
        """The selected pictures."""
        return list(data[self.picked] or ())

    def entries(self, catalogue: Catalogue, query: Query, data: Data) -> list[Entry]:
        """The pictures of the page asked for."""
        number = self.number(data, catalogue.count(query))
        return catalogue.page(query, (number - 1) * A_PAGE, A_PAGE)

    def changes(
        self, catalogue: Catalogue, query: Query, data: Data, opened: int, is_all: bool, language: Language
    ) -> tuple[Changes, int]:
        """The page of a query, and how many pictures there are."""
        say, tiles = self.desk.say, Tiles(self.desk)
        count = catalogue.count(query)
        number = self.number(data, count)
        entries = catalogue.page(query, (number - 1) * A_PAGE, A_PAGE)
        picked = frozenset(data[self.picked] or ())
        drawn = tiles.html(catalogue, entries, picked, opened, language)
        first = (number - 1) * A_PAGE + 1
        told = say(language, "page.told", first=f"{first:,}", last=f"{first + len(entries) - 1:,}", count=f"{count:,}",
                   number=f"{number:,}", pages=f"{self.pages(count):,}")  # fmt: skip
        shown: Changes = {
            self.tiles: {"value": drawn or tiles.nothing("empty" if is_all else "nothing", language)},
            self.pager: {"visible": count > A_PAGE},
            self.page: {"value": number},
            self.earlier: {"interactive": number > 1},
            self.later: {"interactive": number < self.pages(count)},
            self.told: {"value": told if entries else ""},
        }
        return shown, count

    def welcome(self, language: Language) -> str:
        """In place of the grid while there is no set."""
        return Tiles(self.desk).nothing("none", language)

    # selecting

    def pick(self, told: Any, held: Sequence[int]) -> list[int]:
        """The selection after some tiles were clicked; what a stranger's browser sends counts only as numbers."""
        wanted = told.get("ids") if isinstance(told, dict) else None
        if not isinstance(wanted, list) or len(wanted) > _MOST_PICKED_AT_ONCE:
            return list(held)
        ids = [id for id in wanted if isinstance(id, int) and not isinstance(id, bool)]
        if told.get("on"):
            return list(dict.fromkeys([*held, *ids]))
        gone = set(ids)
        return [id for id in held if id not in gone]
