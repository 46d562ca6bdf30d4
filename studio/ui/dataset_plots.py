"""A set at a glance, drawn by the server as SVG: how large and of what shape the pictures are and where training would
put them, and histograms whose bars filter the grid. Every bar is a button that the keyboard reaches too."""

import json
import math
from collections import Counter
from collections.abc import Sequence

from studio.datasets.catalogue import Catalogue
from studio.train_plan import Size, sort_into
from studio.ui.dataset_desk import Desk
from studio.ui.safe import html
from studio.words import Language

MEASURES = ("caption", "brightness", "sharpness")
BARS = 24
MOST_DOTS = 500
_SPAN, _TRIM = 1000, 0.01
_RANGES = {"brightness": (0.0, 256.0)}
"""Measures whose whole range is drawn; the others end at their 1st and 99th hundredths, the outer bars hold the rest."""


class Plots:
    """Draws them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def html(self, catalogue: Catalogue, sizes: Sequence[Size], language: Language) -> str:
        """All plots of a set; what nobody has measured yet is left out."""
        figures = [self._shapes(catalogue, sizes, language)]
        figures += [self._bars(catalogue, measure, language) for measure in MEASURES]
        return f'<div class="ink-plots">{"".join(figures)}</div>'

    # sizes and shapes

    def _shapes(self, catalogue: Catalogue, sizes: Sequence[Size], language: Language) -> str:
        found = Counter(seen_sizes(catalogue))
        if not found:
            return ""
        frame = _Square.around([*found, *sizes])
        dots = "".join(
            self._dot(size, count, frame, language) for size, count in found.most_common(MOST_DOTS)
        )
        members = Counter[Size]()
        for bucket in sort_into(sizes, list(found)):
            members[bucket.size] = sum(found[[*found][member]] for member in bucket.members)
        marks = "".join(self._mark(size, members[size], frame, language) for size in sizes)
        title = html(self._desk.say(language, "plot.shapes"))
        legend = html(self._desk.say(language, "plot.shapes.legend"))
        diagonal = f'<path class="is-rule" d="M0 {_SPAN}L{_SPAN} 0"/>'
        return (
            f'<figure class="ink-chart is-shapes"><figcaption>{title} <small>{legend}</small></figcaption>'
            f'<div class="ink-plot"><svg viewBox="0 0 {_SPAN} {_SPAN}" preserveAspectRatio="none" role="img" '
            f'aria-label="{title}">{diagonal}{dots}{marks}</svg>{frame.words()}</div></figure>'
        )

    def _dot(self, size: Size, count: int, frame: "_Square", language: Language) -> str:
        x, y = frame.place(size)
        told = html(self._desk.say(language, "plot.dot", width=size[0], height=size[1], count=f"{count:,}"))
        wide = round(4 + 3 * math.log10(count), 1)
        return f'<path class="is-picture" style="stroke-width: {2 * wide}px" d="M{x} {y}h0"><title>{told}</title></path>'

    def _mark(self, size: Size, count: int, frame: "_Square", language: Language) -> str:
        x, y = frame.place(size)
        told = html(
            self._desk.say(language, "plot.bucket", width=size[0], height=size[1], count=f"{count:,}")
        )
        kind = "is-bucket" if count else "is-bucket is-unused"
        return f'<rect class="{kind}" x="{x - 14}" y="{y - 22}" width="28" height="44"><title>{told}</title></rect>'

    # histograms

    def _bars(self, catalogue: Catalogue, measure: str, language: Language) -> str:
        values = catalogue.values(measure)
        if not values or (measure != "caption" and not any(values)):
            return ""
        edges, counts = histogram(measure, values)
        most = max(counts)
        bars = "".join(
            self._bar(measure, edges[place], edges[place + 1], count, place, most, language)
            for place, count in enumerate(counts)
        )
        title = html(self._desk.say(language, f"plot.{measure}"))
        legend = html(self._desk.say(language, "plot.click"))
        return (
            f'<figure class="ink-chart"><figcaption>{title} <small>{legend}</small></figcaption>'
            f'<div class="ink-plot is-bars"><svg viewBox="0 0 {_SPAN} {_SPAN}" preserveAspectRatio="none" role="group" '
            f'aria-label="{title}">{bars}</svg>{_foot(edges)}</div></figure>'
        )

    def _bar(
        self, measure: str, low: float, high: float, count: int, place: int, most: int, language: Language
    ) -> str:
        wide = _SPAN / BARS
        tall = round(_SPAN * count / most, 1) if count else 0
        named = self._desk.say(language, f"measure.{measure}")
        told = html(self._desk.say(language, "plot.bar", measure=named, low=_figure(low), high=_figure(high),
                                   count=f"{count:,}"))  # fmt: skip
        asked = html(json.dumps({"measure": measure, "low": low, "high": high}))
        x = round(place * wide, 1)
        shape = (
            f'<rect class="is-bar" x="{x + 2}" y="{_SPAN - tall}" width="{wide - 4:.1f}" height="{tall}"/>'
        )
        if not count:
            return ""
        return (
            f'<g role="button" tabindex="0" aria-label="{told}" data-do="stretch" data-with="{asked}">'
            f'<title>{told}</title><rect class="is-hint" x="{x}" y="0" width="{wide:.1f}" height="{_SPAN}"/>{shape}</g>'
        )


def seen_sizes(catalogue: Catalogue) -> list[Size]:
    """Width and height of every measured picture, turned and cut as it will be exported."""
    found: list[Size] = []
    for width, height, turn, crop in catalogue.columns(["m_width", "m_height", "turn", "crop"]):
        if not width or not height:
            continue
        size = (height, width) if turn % 2 else (width, height)
        if crop:
            left, top, right, bottom = json.loads(crop)
            size = max(1, round((right - left) * size[0])), max(1, round((bottom - top) * size[1]))
        found.append(size)
    return found


def histogram(measure: str, values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Edges and counts of the bars: from edge, up to but without the next. Every value lies in some bar."""
    ordered = sorted(values)
    last = len(ordered) - 1
    low, high = _RANGES.get(measure, (ordered[int(_TRIM * last)], ordered[math.ceil((1 - _TRIM) * last)]))
    if measure == "caption":
        low, high = 0.0, max(float(BARS), float(BARS * math.ceil((high + 1) / BARS)))
    high = high if high > low else low + 1.0
    edges = [low + (high - low) * place / BARS for place in range(BARS + 1)]
    edges[0], edges[-1] = min(edges[0], ordered[0]), max(edges[-1], math.nextafter(ordered[-1], math.inf))
    counts = [0] * BARS
    for value in ordered:
        place = min(BARS - 1, max(0, int((value - low) / (high - low) * BARS)))
        while place and value < edges[place]:
            place -= 1
        while place < BARS - 1 and value >= edges[place + 1]:
            place += 1
        counts[place] += 1
    return edges, counts


class _Square:
    """The ground of the plot of shapes: both sides on one logarithmic scale."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = math.log(low), math.log(high)

    @classmethod
    def around(cls, sizes: Sequence[Size]) -> "_Square":
        """A ground that holds all of these."""
        sides = [side for size in sizes for side in size]
        return cls(min(sides) / 1.25, max(sides) * 1.25)

    def place(self, size: Size) -> tuple[float, float]:
        """Where a size lies, from left and from the top, out of 1000."""
        x, y = ((math.log(side) - self._low) / (self._high - self._low) for side in size)
        return round(_SPAN * x, 1), round(_SPAN * (1 - y), 1)

    def words(self) -> str:
        """Powers of two along both edges."""
        sides = [2**n for n in range(5, 16) if self._low <= math.log(2**n) <= self._high]
        places = [(self.place((side, side)), side) for side in sides]
        left = "".join(f'<span style="top: {y / 10:.1f}%">{side}</span>' for (_, y), side in places)
        foot = "".join(f'<span style="left: {x / 10:.1f}%">{side}</span>' for (x, _), side in places)
        return f'<div class="ink-plot-up" aria-hidden="true">{left}</div><div class="ink-plot-along" aria-hidden="true">{foot}</div>'


def _foot(edges: Sequence[float]) -> str:
    places = range(0, BARS + 1, BARS // 4)
    words = "".join(
        f'<span style="left: {100 * place / BARS:.1f}%">{_figure(edges[place])}</span>' for place in places
    )
    return f'<div class="ink-plot-along" aria-hidden="true">{words}</div>'


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"
