"""All panels of the Dataset tab over one set, and the look that brings every one of them up to date: a pure function of
the catalogue and of what this visitor has chosen, so that a reload and a second window show the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import EntryMissing, SetMissing
from studio.datasets.thumbnails import develop
from studio.errors import StudioError
from studio.ui.changes import Changes, merged, updates
from studio.ui.dataset_bring import Bring
from studio.ui.dataset_checks import Checking
from studio.ui.dataset_desk import Data, Desk, Updates
from studio.ui.dataset_facts import FactBook
from studio.ui.dataset_grid import Grid
from studio.ui.dataset_leaving import Exporting, ToTrain
from studio.ui.dataset_model import Learner
from studio.ui.dataset_picked import Picked
from studio.ui.dataset_picture import Close
from studio.ui.dataset_saving import Base, Visit
from studio.ui.dataset_sieve import Sieve
from studio.ui.dataset_steps import Augmenting, Captioning, Splitting
from studio.ui.dataset_top import Top


@dataclass
class Room:
    """The panels. `shown` is the set that this page shows and `stamp` that set's state, `listed` are the sets that it
    offers; `news` tells that somebody else has changed something."""

    desk: Desk
    learner: Learner
    facts: FactBook = field(default_factory=FactBook)

    def __post_init__(self) -> None:
        self.top, self.sieve, self.grid = Top(self.desk), Sieve(self.desk), Grid(self.desk)
        self.picked, self.close = Picked(self.desk), Close(self.desk, self.learner)
        self.checking, self.bring = Checking(self.desk, self.learner), Bring(self.desk)
        self.captioning, self.augmenting, self.splitting = (
            Captioning(self.desk),
            Augmenting(self.desk),
            Splitting(self.desk),
        )
        self.exporting, self.to_train = Exporting(self.desk), ToTrain(self.desk, self.checking, self.facts)

    def draw_memory(self) -> None:
        """What the page remembers without showing it."""
        self.desk.draw_memory()
        self.stamp, self.listed, self.news = gr.State(-1), gr.State([]), gr.State("")
        self.shown = gr.State("")

    def draw(self) -> None:
        """What is done to the set on the left, its pictures on the right."""
        with gr.Row(elem_id="ink-dataset-desk"):
            with gr.Column(elem_id="ink-dataset-left", visible=False) as self.left:
                for panel in (self.bring, self.checking, self.captioning, self.augmenting, self.splitting, self.exporting,
                              self.to_train):  # fmt: skip
                    panel.draw()
            with gr.Column(elem_id="ink-dataset-right"):
                self.to_steps = self.desk.sheet.speech.put(
                    gr.Button, {"value": "dataset.to_steps"}, size="sm", elem_id="ink-to-steps"
                )
                self.close.draw()
                with gr.Column(elem_id="ink-dataset-sifting", visible=False) as self.sifting:
                    self.sieve.draw()
                    self.picked.draw()
                self.grid.draw()

    @property
    def needs(self) -> set[Any]:
        """What `look` has to be given."""
        return {
            *self.desk.needs, *self.sieve.parts, *self.grid.parts, *self.close.parts, self.stamp,
        }  # fmt: skip

    @property
    def close_up(self) -> list[Any]:
        """What handlers about the picture up close write on. The browser looks for every output of an event through
        the whole page, so those that come often name few."""
        close = self.close
        return [
            *close.parts, close.box, close.where, close.before, close.after, close.whole, close.picture, close.side, close.facts,
            *close.cuts, close.note, close.clash, self.grid.tiles, self.top.line, self.top.undo, self.stamp, self.shown,
            self.desk.nothing,
        ]  # fmt: skip

    @property
    def bar(self) -> list[Any]:
        """What selecting writes on."""
        picked = self.picked
        return [
            self.grid.picked, picked.told, picked.box, picked.delete, picked.restore, *picked.buttons.values(), picked.every,
            self.desk.nothing,
        ]  # fmt: skip

    def only(self, parts: list[Any], handler: Callable[..., Updates]) -> Callable[[Data], Updates]:
        """A handler that tells nothing but these parts."""

        def handle(data: Data) -> Updates:
            told = handler(data)
            return {made: told[made] for made in parts if made in told} or {self.desk.nothing: None}

        return handle

    @property
    def parts(self) -> list[Any]:
        """What `look` writes on, and what handlers around it set."""
        top, sieve, grid, picked, close = self.top, self.sieve, self.grid, self.picked, self.close
        return [
            self.desk.nothing, self.stamp, self.shown, self.left, self.sifting, self.to_train.box, top.line, top.undo, top.fold, top.remove,
            *sieve.parts, sieve.clear, *grid.parts, grid.tiles, grid.pager, grid.earlier, grid.later, grid.told,
            picked.told, picked.box, picked.delete, picked.restore, *picked.buttons.values(), picked.every,
            *close.parts, close.box, close.where, close.before, close.after, close.whole, close.picture, close.side, close.facts,
            *close.cuts, close.note, close.clash, *self.checking.parts,
        ]  # fmt: skip

    # looking

    def look(self, catalogue: Catalogue, data: Data, over: Mapping[Any, Any] | None = None) -> Updates:
        """All panels for the chosen set; `over` is what a handler has just changed of the visitor's choices."""
        over = over or {}
        data = {**data, **over}
        shown = self._changes(catalogue, data)
        seen = {self.stamp: catalogue.stamp, self.shown: catalogue.root.name}
        return {**dict(over), **updates(shown), **seen}

    def nothing(self, data: Data) -> Updates:
        """The panels while no set is chosen."""
        language = self.desk.language(data)
        words = self.grid.welcome(language)
        return updates(
            self.top.changes(None, "", language), self.picked.changes([], 0, False, language),
            {self.left: {"visible": False}, self.sifting: {"visible": False}, self.close.box: {"visible": False},
             self.grid.tiles: {"value": words}, self.grid.pager: {"visible": False}, self.grid.told: {"value": ""}},
        ) | {self.shown: ""}  # fmt: skip

    def _changes(self, catalogue: Catalogue, data: Data) -> Changes:
        language, facts = self.desk.language(data), self.facts.of(catalogue)
        more = self.facts.more(catalogue) if data[self.sieve.is_unfolded] else None
        query = self.sieve.query(data)
        base, is_all = self._there(catalogue, data), self.sieve.is_empty(data)
        visit, is_behind = data[self.close.visit], self.close.is_behind(data)
        if base is None and not is_behind:
            visit.open(None)
        opened = visit.opened if is_behind else base.id if base else 0
        grid, count = self.grid.changes(catalogue, query, data, opened, is_all, language)
        score = self.checking.score(facts, language)
        return merged(
            self.top.changes(facts, score, language),
            self.sieve.changes(facts, more, data, language),
            grid,
            self.picked.changes(list(data[self.grid.picked] or ()), count, query.is_deleted, language),
            {} if is_behind else self.close.changes(catalogue, base, count, language),
            self.checking.changes(catalogue, facts, language),
            {self.left: {"visible": True}, self.to_train.box: {"visible": facts.total > 0},
             self.sifting: {"visible": facts.total > 0 or not is_all}},
        )  # fmt: skip

    def _there(self, catalogue: Catalogue, data: Data) -> Base | None:
        """The opened picture, unless it has been taken out meanwhile."""
        base = self.close.base(data)
        try:
            return None if base is None or catalogue.get(base.id).is_deleted else base
        except EntryMissing:
            return None

    def looking(self, data: Data) -> Updates:
        """Look at what is chosen now, whatever that is."""
        try:
            with self.desk.opened(data) as catalogue:
                return self.look(catalogue, data)
        except SetMissing:
            return self.nothing(data)
        except StudioError as error:
            return {**self.nothing(data), **self.desk.sorry(error, data)}

    def fresh(self, language: str) -> dict[Any, Any]:
        """What `look` is given for a page that shows nothing yet."""
        return dict.fromkeys(self.needs) | {
            self.desk.sheet.language: language, self.grid.page: 1, self.grid.picked: [], self.close.opened: "",
            self.sieve.keep: "all", self.sieve.order: "added", self.stamp: -1, self.close.visit: Visit(),
        }  # fmt: skip

    def unfolded(self, data: Data) -> Changes:
        """Bringing in comes first while a set is empty."""
        try:
            with self.desk.opened(data) as catalogue:
                return {self.bring.fold: {"open": not self.facts.of(catalogue).total}}
        except StudioError:
            return {}

    def tick(self, data: Data) -> Updates:
        """Whether somebody else has changed the set, and which sets somebody else has made; `news` has the page look."""
        names, chosen = sorted(self.desk.names(data[self.desk.own] or [])), data[self.desk.chosen]
        told: Updates = {self.desk.nothing: None}
        is_gone = bool(chosen) and chosen not in names
        if names != data[self.listed]:
            value = {"value": None} if is_gone else {}
            told |= {
                self.desk.chosen: gr.update(choices=[(one, one) for one in names], **value),
                self.listed: names,
            }
        if is_gone:
            return told | {self.news: f"{chosen} is gone"}
        if not chosen:
            return told
        try:
            with self.desk.opened(data) as catalogue:
                stamp = catalogue.stamp
        except StudioError:  # told when somebody does something with the set, not every three seconds
            return told
        return told if stamp == data[self.stamp] else told | {self.news: f"{chosen} {stamp}"}

    def develop(self, catalogue: Catalogue, data: Data) -> Updates:
        """Make the thumbnails that the page lacks, and show them."""
        for _ in develop(catalogue.root, self.grid.entries(catalogue, self.sieve.query(data), data)):
            pass
        return self.look(catalogue, data)

    # handlers

    def doing(self, do: Callable[[Catalogue, Data], Any]) -> Callable[[Data], Updates]:
        """A handler that changes the set and then looks; what it returns by component lies over the visitor's choices."""

        def handle(catalogue: Catalogue, data: Data) -> Updates:
            over = do(catalogue, data)
            return self.look(catalogue, data, over if isinstance(over, dict) else None)

        return self.desk.handler(handle)

    def afresh(self, data: Data) -> Updates:
        """Look from the first page on, after another filter or order."""
        return self.doing(lambda catalogue, held: {self.grid.page: 1})(data)

    def show(self, catalogue: Catalogue, data: Data, base: Base | None) -> Updates:
        """Open a picture, or close the one that is open."""
        data[self.close.visit].open(base)
        told = self.look(catalogue, data, {self.close.opened: base.write() if base else ""})
        if base is None:
            return told
        words = self.close.told(catalogue, base, base.caption, base.tags, self.desk.language(data))
        return {**told, **updates(self.close.words(base), words)}
