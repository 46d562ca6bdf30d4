"""How a run looks: its state in words, its bar, its figures and its curve. Pure functions of the run's folder."""

import time
from math import isfinite

from studio.runs import RunView
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.ui.train_chart import loss_chart, rate_chart
from studio.ui.train_story import Story
from studio.ui.train_words import amount, duration
from studio.words import Language

Pairs = list[tuple[str, str]]
STAGES = ("load", "encode", "train", "sample", "export")
MOST_MESSAGES = 4


class RunSight:
    """Draws runs."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def choices(self, views: list[RunView], language: Language) -> Pairs:
        """Every run in a line: name, state, and when it was made."""
        return [(self._line(view, language), view.id) for view in views]

    def html(self, view: RunView | None, story: Story, language: Language) -> str:
        """The card of a run; without one, what to do first."""
        if view is None:
            return self._nothing(language)
        name, mark = html(view.name), html(view.title.say(language))
        head = f'<div class="ink-run-head"><h2>{name}</h2><span class="ink-mark">{mark}</span></div>'
        body = self._words(view, story, language)
        if not view.broken:
            body += self._figures(view, story, language) + self._charts(view, story, language)
        return f'<section class="ink-run is-{view.state}" aria-label="{name}">{head}{body}</section>'

    def _nothing(self, language: Language) -> str:
        title, words = (html(self._speech.say(language, f"train.none{end}")) for end in (".title", ""))
        return (
            f'<section class="ink-run is-empty"><div class="ink-blank is-curve" aria-hidden="true"></div>'
            f'<p class="ink-blank-title">{title}</p><p>{words}</p></section>'
        )

    def _line(self, view: RunView, language: Language) -> str:
        made = time.strftime("%m-%d %H:%M", time.localtime(view.record.created_at)) if not view.broken else ""
        state = view.title.say(language)
        if view.position:
            state = self._speech.say(language, "train.run.place", position=view.position)
        return " · ".join(part for part in (view.name, state, made) if part)

    def _words(self, view: RunView, story: Story, language: Language) -> str:
        """The bar, the sentence under it, and what the worker had to say."""
        role = "alert" if view.state in ("failed", "broken") else "status"
        role = "" if view.is_active else f' role="{role}"'  # nobody wants every step read out
        sentence = f'<p class="ink-run-say"{role}>{html(self._sentence(view, story, language))}</p>'
        said = [(level, text.say(language)) for level, text in story.messages[-MOST_MESSAGES:]]
        ended = view.record.says(language)
        rows = "".join(
            f'<li class="is-{html(level)}">{html(words)}</li>' for level, words in said if words != ended
        )
        return (
            self._bar(view, story, language)
            + sentence
            + (f'<ul class="ink-run-notes">{rows}</ul>' if rows else "")
        )

    def _bar(self, view: RunView, story: Story, language: Language) -> str:
        if not view.is_active:
            return ""
        share = story.done / story.total if story.total else 0.0
        if story.stage in ("train", "sample") and view.record.steps:
            share = (story.last.step if story.last else view.record.step) / view.record.steps
        percent = round(100 * min(1.0, max(0.0, share)))
        label = html(self._speech.say(language, f"train.stage.{_stage(story)}"))
        return (
            f'<div class="ink-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{percent}"><span style="width: {percent}%"></span></div>'
        )

    def _sentence(self, view: RunView, story: Story, language: Language) -> str:
        say, record = self._speech.say, view.record
        if view.broken:
            return view.broken.say(language)
        if view.state == "queued":
            return say(language, "train.run.queued", position=view.position)
        if view.is_active:
            words = self._doing(view, story, language)
            return words if view.state == "running" else say(language, "train.run.stopping", doing=words)
        told = record.says(language)
        if told:
            return told
        spent = duration((record.ended_at or 0) - (record.started_at or 0), self._speech, language)
        step = story.last.step if story.last else record.step
        return say(language, f"train.run.{view.state}", step=f"{step:,}", time=spent)

    def _doing(self, view: RunView, story: Story, language: Language) -> str:
        say, stage = self._speech.say, _stage(story)
        step = story.last.step if story.last else view.record.step
        if stage == "train" and step:
            words = say(language, "train.run.step", step=f"{step:,}", steps=f"{view.record.steps:,}")
            eta = story.last.eta_s if story.last else None
            if eta is not None:
                left = duration(eta, self._speech, language)
                words += " · " + say(language, "train.run.left", time=left)
            return words
        words = say(language, f"train.stage.{stage}")
        if story.total:
            words += " · " + say(language, "train.run.of", done=story.done, total=story.total)
        return words

    def _figures(self, view: RunView, story: Story, language: Language) -> str:
        last = story.last
        if last is None:
            return ""
        held = f"{story.validation[-1][1]:.4f}" if story.validation else ""
        peak = max(story.peak_bytes, int((view.record.result or {}).get("peak_bytes") or 0))
        figures = {
            "loss": f"{last.smoothed:.4f}" if isfinite(last.smoothed) else "–",
            "validation": held,
            "rate": f"{last.lr:.2g}",
            "speed": f"{last.pictures_per_s:.2f}" if last.pictures_per_s else "",
            "memory": amount(peak) if peak else "",
        }  # fmt: skip
        terms = "".join(
            f"<div><dt>{html(self._speech.say(language, f'train.figure.{name}'))}</dt><dd>{html(value)}</dd></div>"
            for name, value in figures.items()
            if value
        )
        return f'<dl class="ink-run-figures">{terms}</dl>'

    def _charts(self, view: RunView, story: Story, language: Language) -> str:
        steps = view.record.steps
        marks = [point.step for point in view.folder.checkpoints()]
        return loss_chart(story, steps, marks, self._speech, language) + rate_chart(
            story, steps, self._speech, language
        )


def _stage(story: Story) -> str:
    return story.stage if story.stage in STAGES else "load"
