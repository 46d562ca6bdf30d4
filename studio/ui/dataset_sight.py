"""How one picture looks up close: the picture with its cut, what is known of it, and what is wrong with it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import NO_LICENCE, Entry
from studio.shelf.limits import Limit
from studio.train_plan import Size
from studio.ui.dataset_desk import Desk
from studio.ui.dataset_model import Fit
from studio.ui.safe import html
from studio.words import Language


class Sight:
    """Draws it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def picture(
        self, catalogue: Catalogue, entry: Entry, sizes: Sequence[Size], shape: float, language: Language
    ) -> str:
        """The whole picture, turned; what the cut leaves away is dimmed. For a cut by dragging it says the picture's
        pixels, the sizes that training uses, and the shape (width by height) that a cut keeps; 0 for any."""
        address = self._desk.large(catalogue.root, entry)
        if not address:
            words = html(self._desk.say(language, "grid.broken"))
            return f'<p class="ink-look-broken"><b>{html(entry.name)}</b> {words}</p>'
        cut = ""
        if entry.crop is not None:
            left, top, right, bottom = (round(100 * share, 2) for share in entry.crop)
            place = f"left: {left}%; top: {top}%; width: {right - left:.2f}%; height: {bottom - top:.2f}%"
            cut = f'<span class="ink-look-cut" style="{place}"><i></i><i></i><i></i><i></i></span>'
        alt, whole = html(entry.caption or entry.name), replace(entry, crop=None).size
        told = {"id": entry.id, "size": whole, "sizes": [*sizes], "shape": shape, "crop": entry.crop}
        frame = f' data-cut="{html(json.dumps(told))}"' if all(whole) else ""
        shown = f'<img src="{html(address)}" alt="{alt}" draggable="false">{cut}'
        return f'<figure class="ink-look"><span{frame}>{shown}</span></figure>'

    def tokens(self, caption: str, limit: Limit | None, language: Language) -> str:
        """How much of the caption the model reads, and what it would not see."""
        if limit is None:
            return ""
        count, say = limit.count(caption), self._desk.say
        told = html(say(language, "look.tokens", count=count, most=limit.most))
        if count <= limit.most:
            return f'<span class="ink-look-tokens">{told}</span>'
        tail = html(say(language, "look.tail", tail=limit.tail(caption)))
        return (
            f'<span class="ink-look-tokens is-over">{told}</span> <span class="ink-look-tail">{tail}</span>'
        )

    def facts(self, catalogue: Catalogue, entry: Entry, fit: Fit | None, language: Language) -> str:
        """Problems with what can be done about them, tags to filter by, and where the picture came from."""
        terms = "".join(
            f"<div><dt>{html(self._desk.say(language, f'fact.{name}'))}</dt><dd>{value}</dd></div>"
            for name, value in self._terms(entry, fit, language)
        )
        problems = self._problems(entry, catalogue.findings(entry.id), language)
        return f'{problems}{self._tags(entry, language)}<dl class="ink-look-facts">{terms}</dl>'

    def _problems(self, entry: Entry, findings: Mapping[str, str], language: Language) -> str:
        rows = []
        for name, level in findings.items():
            check = self._desk.checks.get(name)
            if check is None:
                continue
            fix = ""
            if check.fix is not None:
                told = html(json.dumps({"check": name, "id": entry.id}))
                label = html(check.fix.label.say(language))
                fix = f' <button type="button" data-do="fix" data-with="{told}">{label}</button>'
            rows.append(
                f'<li class="is-{html(level)}"><b>{html(check.title.say(language))}</b> '
                f"<small>{html(check.why.say(language))}</small>{fix}</li>"
            )
        return f'<ul class="ink-problems">{"".join(rows)}</ul>' if rows else ""

    def _tags(self, entry: Entry, language: Language) -> str:
        if not entry.tags:
            return ""
        title = html(self._desk.say(language, "look.tag"))
        chips = "".join(
            f'<button type="button" class="ink-chip" title="{title}" data-do="tag" '
            f'data-with="{html(json.dumps({"tag": tag}))}">{html(tag)}</button>'
            for tag in entry.tags
        )
        return f'<p class="ink-look-tags">{chips}</p>'

    def _terms(self, entry: Entry, fit: Fit | None, language: Language) -> Iterator[tuple[str, str]]:
        say, told = self._desk.say, entry.provenance
        yield "name", html(entry.name)
        if all(entry.size):
            width, height = entry.size
            yield "size", html(f"{width:,} × {height:,}")
        if fit is not None:
            lost = round(100 * fit.lost)
            words = (
                say(language, "fact.bucket.cut", lost=lost) if lost else say(language, "fact.bucket.whole")
            )
            if fit.is_enlarged:
                words += say(language, "fact.bucket.enlarged")
            yield "bucket", html(f"{fit.size[0]} × {fit.size[1]} · {words}")
        if entry.caption_source:
            known = entry.caption_source == "human"
            yield "caption", html(say(language, "fact.human") if known else entry.caption_source)
        licence = say(language, "fact.unstated") if told.license == NO_LICENCE else told.license
        yield "licence", html(licence)
        for name, value in (
            ("author", told.author),
            ("source", told.source),
            ("attribution", told.attribution),
        ):
            if value:
                yield name, html(value)
        if told.source_url:
            yield "address", _link(told.source_url)
        if told.parent:
            yield "parent", html(told.parent[:12])
        if told.ai_generated:
            yield "made", html(say(language, "fact.generated"))


def _link(address: str) -> str:
    """A web address as a link; what is none stays text."""
    words = html(address)
    if not address.startswith(("https://", "http://")):
        return words
    return f'<a href="{words}" target="_blank" rel="noopener noreferrer nofollow">{words}</a>'
