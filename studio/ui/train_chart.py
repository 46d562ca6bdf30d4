"""The loss curve as SVG, drawn by the server like the chain cards.

Not `gr.LinePlot`: that one brings in a plotting library of its own, draws every point anew at each tick and blinks
while it does. Here ten thousand steps are some 300 columns, each with its lowest and highest loss; the lines stretch
with the page while the words beside them stay as large as all others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.ui.train_story import Point, Story
from studio.words import Language

COLUMNS = 300
"""Steps beyond this many share columns."""
HINTS = 48
"""So many places tell their figures when the pointer rests on them."""
_SPAN = 1000


@dataclass(frozen=True)
class Frame:
    """The ground of a chart: steps from 0 to `steps` across, values from `low` to `high` up."""

    steps: int
    low: float
    high: float

    def x(self, step: float) -> float:
        """Where a step lies, from left, out of 1000."""
        return round(_SPAN * step / max(1, self.steps), 1)

    def y(self, value: float) -> float:
        """Where a value lies, from the top, out of 1000; what is beyond the frame lies on its edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(_SPAN * (1 - min(1.0, max(0.0, share))), 1)

    def ticks(self) -> list[float]:
        """Three to six round values inside the frame."""
        return _round_values(self.low, self.high)


def loss_chart(story: Story, steps: int, marks: Sequence[int], speech: Speech, language: Language) -> str:
    """Raw and smoothed loss and the validation loss over all steps of a run; `marks` are its checkpoints. Empty
    before the first step."""
    points = [point for point in story.points if math.isfinite(point.loss)]
    if not points:
        return ""
    frame = _frame(points, story.validation, max(steps, points[-1].step))
    columns = _columns(points, frame)
    lines = (
        [_band(columns, frame)]
        if len(points) > COLUMNS
        else [_line("raw", [(p.step, p.loss) for p in points], frame)]
    )
    lines.append(_line("smooth", [(column[-1].step, column[-1].smoothed) for column in columns], frame))
    if story.validation:
        held = [(step, loss) for step, loss in story.validation if math.isfinite(loss)]
        lines += [_line("held", held, frame), _dots(held, frame)]
    told = _sentence(points, story, speech, language)
    body = _rules(frame) + _marks(marks, frame) + "".join(lines) + _hints(columns, frame, speech, language)
    return (
        f'<figure class="ink-chart"><figcaption>{_legend(story, speech, language)}</figcaption>'
        f'<div class="ink-plot"><svg viewBox="0 0 {_SPAN} {_SPAN}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html(told)}">{body}</svg>{_words(frame)}</div></figure>'
    )


def rate_chart(story: Story, steps: int, speech: Speech, language: Language) -> str:
    """The learning rate over the steps, low and wide; empty where it never changes."""
    points = [point for point in story.points if math.isfinite(point.lr)]
    rates = {point.lr for point in points}
    if len(rates) < 2:
        return ""
    frame = Frame(max(steps, points[-1].step), 0.0, max(rates) * 1.1)
    line = _line("rate", [(column[-1].step, column[-1].lr) for column in _columns(points, frame)], frame)
    told = html(speech.say(language, "train.chart.rate", rate=f"{points[-1].lr:.2g}"))
    return (
        f'<figure class="ink-chart is-low"><figcaption><span>{told}</span></figcaption>'
        f'<div class="ink-plot"><svg viewBox="0 0 {_SPAN} {_SPAN}" preserveAspectRatio="none" role="img" '
        f'aria-label="{told}">{line}</svg></div></figure>'
    )


def _frame(points: list[Point], validation: list[tuple[int, float]], steps: int) -> Frame:
    """A frame that a few wild losses don't spoil: it ends at the 98th percentile, but holds every smoothed loss."""
    losses = sorted(point.loss for point in points)
    smooth = [point.smoothed for point in points if math.isfinite(point.smoothed)]
    held = [loss for _, loss in validation if math.isfinite(loss)]
    high = max(losses[int(0.98 * (len(losses) - 1))], *smooth, *held, 1e-6)
    low = min(losses[int(0.02 * (len(losses) - 1))], *smooth, *held)
    low = 0.0 if low < 0.4 * high else low
    margin = 0.06 * (high - low) or 0.1 * high
    return Frame(steps, max(0.0, low - margin) if low else 0.0, high + margin)


def _round_values(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    size = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [n * size for n in range(math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9) + 1)]


def _columns(points: list[Point], frame: Frame) -> list[list[Point]]:
    """The points by column, no column empty."""
    wide = max(1.0, frame.steps / COLUMNS)
    columns: dict[int, list[Point]] = {}
    for point in points:
        columns.setdefault(int(point.step / wide), []).append(point)
    return list(columns.values())


def _line(kind: str, places: list[tuple[int, float]], frame: Frame) -> str:
    drawn = " ".join(f"{frame.x(step)},{frame.y(value)}" for step, value in places if math.isfinite(value))
    return f'<polyline class="is-{kind}" points="{drawn}"/>'


def _band(columns: list[list[Point]], frame: Frame) -> str:
    above = [(column[-1].step, max(point.loss for point in column)) for column in columns]
    below = [(column[-1].step, min(point.loss for point in column)) for column in reversed(columns)]
    drawn = " ".join(f"{frame.x(step)},{frame.y(loss)}" for step, loss in above + below)
    return f'<polygon class="is-raw" points="{drawn}"/>'


def _dots(places: list[tuple[int, float]], frame: Frame) -> str:
    """Round whatever the chart's shape: a line of no length with round ends."""
    return "".join(
        f'<path class="is-dot" d="M{frame.x(step)} {frame.y(value)}h0"/>' for step, value in places
    )


def _marks(steps: Sequence[int], frame: Frame) -> str:
    return "".join(f'<path class="is-mark" d="M{frame.x(step)} 0V{_SPAN}"/>' for step in steps)


def _rules(frame: Frame) -> str:
    return "".join(f'<path class="is-rule" d="M0 {frame.y(value)}H{_SPAN}"/>' for value in frame.ticks())


def _words(frame: Frame) -> str:
    """The figures along both edges, as words of the page."""
    up = [(frame.y(value), f"{value:.4g}") for value in frame.ticks()]
    steps = [round(step) for step in _round_values(0, frame.steps) if step == round(step)]
    left = "".join(f'<span style="top: {y / 10:.1f}%">{html(word)}</span>' for y, word in up)
    foot = "".join(f'<span style="left: {frame.x(step) / 10:.1f}%">{step:,}</span>' for step in steps)
    return f'<div class="ink-plot-up" aria-hidden="true">{left}</div><div class="ink-plot-along" aria-hidden="true">{foot}</div>'


def _hints(columns: list[list[Point]], frame: Frame, speech: Speech, language: Language) -> str:
    shown = columns[:: max(1, math.ceil(len(columns) / HINTS))]
    edges = [frame.x(column[-1].step) for column in shown]
    hints = []
    for place, column in enumerate(shown):
        left = edges[place - 1] if place else 0.0
        point = column[-1]
        told = speech.say(language, "train.chart.hint", step=f"{point.step:,}", loss=f"{point.loss:.4f}",
                          smoothed=f"{point.smoothed:.4f}")  # fmt: skip
        hints.append(
            f'<rect class="is-hint" x="{left}" y="0" width="{max(0.1, round(edges[place] - left, 1))}" height="{_SPAN}">'
            f"<title>{html(told)}</title></rect>"
        )
    return "".join(hints)


def _legend(story: Story, speech: Speech, language: Language) -> str:
    kinds = ["raw", "smooth", *(["held"] if story.validation else [])]
    return "".join(
        f'<span><i class="is-{kind}" aria-hidden="true"></i>{html(speech.say(language, f"train.chart.{kind}"))}</span>'
        for kind in kinds
    )


def _sentence(points: list[Point], story: Story, speech: Speech, language: Language) -> str:
    """The curve in words, for those who don't see it."""
    first, last = points[0], points[-1]
    told = speech.say(language, "train.chart.told", step=last.step, first=f"{first.smoothed:.4f}",
                      last=f"{last.smoothed:.4f}")  # fmt: skip
    if story.validation:
        told += " " + speech.say(language, "train.chart.told_held", loss=f"{story.validation[-1][1]:.4f}")
    return told
