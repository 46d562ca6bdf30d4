"""Near-duplicates at a glance: each group a strip of thumbnails, the best first, with how far the others are from it, and
what can be done about it. A page of groups at a time, so that a set of any size opens as quickly."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.datasets.errors import EntryMissing
from studio.datasets.likeness import HASH_BITS, Group, Likeness, group_of
from studio.datasets.thumbnails import develop
from studio.ui.changes import Changes
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_facts import MOST_KNOWN
from studio.ui.dataset_grid import SCRIPT
from studio.ui.safe import html
from studio.words import Language

GROUPS, MOST_IN_STRIP = 8, 24


@dataclass
class Twins:
    """The components; `page` is the page of groups that is shown."""

    desk: Desk
    _known: dict[Path, Likeness] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self) -> None:
        """A fold with the strips."""
        self.page = gr.State(1)
        with self.desk.sheet.speech.put(
            gr.Accordion, {"label": "dataset.twins"}, open=False, elem_id="ink-twins"
        ) as self.fold:
            self.strips = gr.HTML(elem_id="ink-twins-strips", elem_classes="ink-live", js_on_load=SCRIPT)

    @property
    def parts(self) -> list[Any]:
        """What showing the strips writes on."""
        return [self.strips, self.page]

    # which groups

    def groups(self, catalogue: Catalogue) -> list[tuple[int, ...]]:
        """All groups of a set, as ids."""
        with self._lock:
            held = self._known.pop(catalogue.root, None) or Likeness()
            self._known[catalogue.root] = held
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            return held.ids(catalogue)

    def shown(self, catalogue: Catalogue, data: Data) -> tuple[list[Group], int, int]:
        """The groups of the page, its number, and how many groups there are."""
        groups = self.groups(catalogue)
        pages = max(1, -(-len(groups) // GROUPS))
        page = min(max(1, int(data[self.page] or 1)), pages)
        few = groups[(page - 1) * GROUPS : page * GROUPS]
        return [group_of(_entries(catalogue, ids)) for ids in few], page, len(groups)

    def develop(self, catalogue: Catalogue, data: Data) -> None:
        """Make the thumbnails that the page lacks."""
        groups, _, _ = self.shown(catalogue, data)
        for _ in develop(catalogue.root, (one for group in groups for one in group.entries[:MOST_IN_STRIP])):
            pass

    # doing

    def turned(self, data: Data, told: object) -> int:
        """The page that was asked for."""
        way = told.get("way") if isinstance(told, dict) else 0
        return max(1, int(data[self.page] or 1) + (way if way in (-1, 1) else 0))

    def keep(self, catalogue: Catalogue, told: object) -> int:
        """Keep one picture of a group and take the others out, in one step that undo takes back; how many went. What is
        no picture of a group changes nothing."""
        id = told.get("id") if isinstance(told, dict) else None
        group = next((group for group in self.groups(catalogue) if id in group), ())
        return catalogue.delete([one for one in group if one != id]) if group else 0

    def take_out(self, catalogue: Catalogue, told: object) -> int:
        """Take one picture of a group out; how many went."""
        id = told.get("id") if isinstance(told, dict) else None
        is_there = any(id in group for group in self.groups(catalogue))
        return catalogue.delete([id]) if is_there and isinstance(id, int) else 0

    # showing

    def changes(self, catalogue: Catalogue, data: Data, language: Language) -> Changes:
        """The page of strips."""
        say = self.desk.say
        groups, page, count = self.shown(catalogue, data)
        if not groups:
            key = "twins.unmeasured" if catalogue.unmeasured() else "twins.none"
            return {self.strips: {"value": f'<p class="ink-help">{html(say(language, key))}</p>'}}
        pages = -(-count // GROUPS)
        head = html(say(language, "twins.told", count=f"{count:,}", page=f"{page:,}", pages=f"{pages:,}"))
        strips = "".join(self._strip(catalogue, group, language) for group in groups)
        ways = "".join(
            f'<button type="button" data-do="turn" data-with=\'{json.dumps({"way": way})}\'{off}>'
            f"{html(say(language, key))}</button>"
            for way, key, off in (
                (-1, "page.earlier", " disabled" * (page == 1)),
                (1, "page.later", " disabled" * (page == pages)),
            )
        )
        foot = f'<div class="ink-row-does">{ways}</div>' if pages > 1 else ""
        return {
            self.strips: {"value": f'<div class="ink-twins"><p>{head}</p>{strips}{foot}</div>'},
            self.page: {"value": page},
        }

    def _strip(self, catalogue: Catalogue, group: Group, language: Language) -> str:
        say, best = self.desk.say, group.entries[0]
        head = html(
            say(
                language, "twins.group", count=f"{len(group.entries):,}", bits=max(group.bits), most=HASH_BITS
            )
        )
        label = html(say(language, "twins.keep_best", count=f"{len(group.entries) - 1:,}"))
        tiles = "".join(
            self._tile(catalogue, entry, bits, entry is best, language)
            for entry, bits in list(zip(group.entries, group.bits, strict=True))[:MOST_IN_STRIP]
        )
        rest = len(group.entries) - MOST_IN_STRIP
        more = f"<li>{html(say(language, 'twins.more', count=f'{rest:,}'))}</li>" if rest > 0 else ""
        return (
            f'<section class="ink-twin"><p>{head} <button type="button" data-do="keep" data-with="{_told(best)}">{label}</button>'
            f"</p><ul>{tiles}{more}</ul></section>"
        )

    def _tile(self, catalogue: Catalogue, entry: Entry, bits: int, is_best: bool, language: Language) -> str:
        say, name = self.desk.say, html(entry.name)
        address = self.desk.tile(catalogue.root, entry)
        shown = (
            f'<img src="{html(address)}" alt="{name}" loading="lazy" draggable="false">'
            if address
            else f"<span>{name}</span>"
        )
        words = say(language, "twins.best") if is_best else say(language, "twins.apart", bits=bits)
        size = "{} × {}".format(*entry.size)
        does = "".join(
            f'<button type="button" data-do="{do}" data-with="{_told(entry)}" aria-label="{html(say(language, key))}: {name}">'
            f"{html(say(language, key))}</button>"
            for do, key in (("keep", "twins.keep"), ("out", "delete"))
        )
        return (
            f'<li{" class=is-best" * is_best}><button type="button" class="ink-twin-open" data-do="open" data-with="{_told(entry)}" '
            f'title="{name}">{shown}</button><small>{html(words)}<br>{html(size)}</small>{does}</li>'
        )


def _told(entry: Entry) -> str:
    return html(json.dumps({"id": entry.id}))


def _entries(catalogue: Catalogue, ids: Iterable[int]) -> list[Entry]:
    """Pictures by id; one that went a moment ago is left out."""
    found: list[Entry] = []
    for id in ids:
        try:
            found.append(catalogue.get(id))
        except EntryMissing:
            continue
    return found
