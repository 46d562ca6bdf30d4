"""How the grid looks: a page of thumbnails, each with the beginning of its caption and marks for its problems."""

from collections.abc import Mapping, Sequence
from typing import Literal

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.ui.dataset_desk import Desk
from studio.ui.safe import html
from studio.words import Language

_MARKS = {"error": "!", "warning": "△", "note": "·"}
_MOST_CAPTION = 90


class Tiles:
    """Draws pages of a set."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def html(
        self,
        catalogue: Catalogue,
        entries: Sequence[Entry],
        picked: frozenset[int],
        opened: int,
        language: Language,
    ) -> str:
        """The page; without pictures, what to do next."""
        if not entries:
            return ""
        drawn = "".join(
            self._tile(catalogue, entry, entry.id in picked, entry.id == opened, language)
            for entry in entries
        )
        label = html(self._desk.say(language, "grid.label"))
        return f'<ul class="ink-tiles" aria-label="{label}">{drawn}</ul>'

    def nothing(self, why: Literal["none", "empty", "nothing"], language: Language) -> str:
        """In place of the grid: there is no set, it is empty, or nothing in it passes the filters."""
        key = f"grid.{why}"
        title, words = (html(self._desk.say(language, f"{key}{end}")) for end in (".title", ""))
        return (
            f'<section class="ink-run is-empty"><div class="ink-blank is-curve" aria-hidden="true"></div>'
            f'<p class="ink-blank-title">{title}</p><p>{words}</p></section>'
        )

    def _tile(
        self, catalogue: Catalogue, entry: Entry, is_picked: bool, is_opened: bool, language: Language
    ) -> str:
        name = html(entry.name)
        words = " ".join(entry.caption.split())
        short = words if len(words) <= _MOST_CAPTION else words[: _MOST_CAPTION - 1] + "…"
        caption = html(short) or f"<em>{html(self._desk.say(language, 'grid.uncaptioned'))}</em>"
        select = html(self._desk.say(language, "grid.select", name=entry.name))
        classes = " is-picked" * is_picked + " is-open" * is_opened
        return (
            f'<li class="ink-tile{classes}" data-id="{entry.id}"><div class="ink-tile-head">'
            f'<button type="button" class="ink-tile-open" data-open="{entry.id}" title="{name}">'
            f"{self._picture(catalogue, entry, language)}</button>"
            f'<input type="checkbox" class="ink-tile-pick" data-pick="{entry.id}" aria-label="{select}"{" checked" * is_picked}>'
            f"{self._marks(catalogue.findings(entry.id), language)}{self._side(entry, language)}</div>"
            f'<p class="ink-tile-words">{caption}</p></li>'
        )

    def _picture(self, catalogue: Catalogue, entry: Entry, language: Language) -> str:
        address = self._desk.tile(catalogue.root, entry)
        name = html(entry.name)
        if address:
            return f'<img src="{html(address)}" alt="{name}" loading="lazy" draggable="false">'
        key = "grid.broken" if _is_broken(entry) else "grid.waiting"
        mark = "" if _is_broken(entry) else " data-waiting"
        return (
            f'<span class="ink-tile-blank"{mark}><b>{name}</b> {html(self._desk.say(language, key))}</span>'
        )

    def _marks(self, findings: Mapping[str, str], language: Language) -> str:
        if not findings:
            return ""
        worst = next(level for level in _MARKS if level in findings.values())
        titles = [known.title.say(language) for name in findings if (known := self._desk.checks.get(name))]
        told = html(" · ".join(titles))
        return f'<span class="ink-tile-mark is-{worst}" role="img" title="{told}" aria-label="{told}">{_MARKS[worst]}</span>'

    def _side(self, entry: Entry, language: Language) -> str:
        if entry.split != "validation":
            return ""
        return f'<span class="ink-tile-side">{html(self._desk.say(language, "grid.validation"))}</span>'


def _is_broken(entry: Entry) -> bool:
    return entry.measures is not None and bool(entry.measures.fault)
