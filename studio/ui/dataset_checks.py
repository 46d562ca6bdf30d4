"""The checks: one button, then a card with a row for whatever is wrong, what to see and what to do about it; and plots."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.dataset_requests import CheckRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.found import Step
from studio.datasets.inspect import acknowledge, fix, inspect_stepwise
from studio.datasets.measure import look_at
from studio.ui.changes import Changes
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_facts import CHECKED_AT, Facts, mark_of
from studio.ui.dataset_form import RequestForm
from studio.ui.dataset_grid import SCRIPT
from studio.ui.dataset_model import Learner
from studio.ui.dataset_plots import Plots
from studio.ui.dataset_twins import Twins
from studio.ui.dataset_work import Came, Work
from studio.ui.safe import html
from studio.words import Language

_GOOD, _FAIR = 80, 50


@dataclass
class Checking:
    """The components."""

    desk: Desk
    learner: Learner
    form: RequestForm = field(init=False)
    work: Work = field(init=False)
    twins: Twins = field(init=False)

    def draw(self) -> None:
        """Button, progress, card; how training will be, the plots and the near-duplicates, folded."""
        put = self.desk.sheet.speech.put
        self.form, self.work = RequestForm(self.desk.sheet.speech, "checking"), Work(self.desk)
        with put(gr.Accordion, {"label": "dataset.checks"}, open=True, elem_id="ink-checks"):
            self.button = put(
                gr.Button, {"value": "dataset.check"}, variant="primary", size="sm", elem_id="ink-check-start"
            )
            self.work.draw("check")
            self.card = gr.HTML(elem_id="ink-checks-card", elem_classes="ink-live", js_on_load=SCRIPT)
            with put(gr.Accordion, {"label": "dataset.checks.how"}, open=False, elem_id="ink-checks-how"):
                self.form.row("batch_size", "steps")
                self.form.row("uses_buckets", "random_flip")
            with put(
                gr.Accordion, {"label": "dataset.plots"}, open=False, elem_id="ink-checks-plots"
            ) as self.plots_fold:
                self.plots = gr.HTML(elem_id="ink-plots", elem_classes="ink-live", js_on_load=SCRIPT)
            self.twins = Twins(self.desk)
            self.twins.draw()

    @property
    def needs(self) -> set[Any]:
        """What checking has to be given."""
        return {*self.form.controls.values()}

    @property
    def parts(self) -> list[Any]:
        """What a look writes on."""
        return [self.card]

    # doing

    def check(self, data: Data) -> Any:
        """The work of checking, as the form says."""
        asked = self.form.request(data)

        return lambda catalogue, turn: self.steps(catalogue, asked)

    def steps(self, catalogue: Catalogue, asked: CheckRequest) -> Iterator[Step]:
        """Look at what nobody has looked at yet, then ask every check."""
        yield from look_at(catalogue)
        need = catalogue.need
        sizes = tuple(card.sizes) if (card := self.learner.card(need)) else ()
        mark = mark_of(catalogue)
        yield from inspect_stepwise(catalogue, asked, self.learner.limit(need), sizes)
        catalogue.set_note(CHECKED_AT, mark)

    def told(self, came: Came, language: Language) -> str:
        """What is said when the checks are through; the card says the rest."""
        return "" if came.is_stopped else self.desk.say(language, "check.done")

    def mend(self, catalogue: Catalogue, told: Any) -> int:
        """Press the button of a row; how many pictures changed."""
        return fix(catalogue, str(told.get("check"))) if isinstance(told, dict) else 0

    def tick(self, catalogue: Catalogue, told: Any) -> None:
        """Somebody knows of a row."""
        if isinstance(told, dict):
            acknowledge(catalogue, [str(told.get("check"))])

    def draw_plots(self, catalogue: Catalogue, language: Language) -> Changes:
        """The plots as the set is now."""
        sizes = self.learner.sizes(catalogue.need)
        return {self.plots: {"value": Plots(self.desk).html(catalogue, sizes, language)}}

    # showing

    def changes(self, catalogue: Catalogue, facts: Facts, language: Language) -> Changes:
        """The card of the last report."""
        card = self._card(facts, language) if facts.report else ""
        return {self.card: {"value": card}}

    def score(self, facts: Facts, language: Language) -> str:
        """The end of the set's line: how it stands."""
        say, report = self.desk.say, facts.report
        if report is None or not facts.total:
            return ""
        score, counts = int(report["score"]), report["counts"]
        kind = "good" if score >= _GOOD else "fair" if score >= _FAIR else "poor"
        parts = [
            say(language, f"score.{level}", count=counts[level])
            for level in ("error", "warning")
            if counts[level]
        ]
        words = ", ".join(parts) or say(language, "score.clean")
        stale = "" if facts.is_fresh else f" · {html(say(language, 'score.stale'))}"
        return f' · <b class="ink-score is-{kind}">{score}/100</b> {html(words)}{stale}'

    def _card(self, facts: Facts, language: Language) -> str:
        report = facts.report or {}
        rows = "".join(self._row(row, facts, language) for row in report["rows"])
        words = html(self.desk.say(language, "check.clean" if not rows else "check.rows"))
        stale = (
            ""
            if facts.is_fresh
            else f'<p class="ink-check-stale">{html(self.desk.say(language, "check.stale"))}</p>'
        )
        return f'<div class="ink-report">{stale}<p>{words}</p><ul class="ink-problems">{rows}</ul></div>'

    def _row(self, row: Mapping[str, Any], facts: Facts, language: Language) -> str:
        say, name = self.desk.say, str(row["check"])
        told = html(json.dumps({"check": name}))
        buttons = []
        if facts.troubled.get(name):
            buttons.append(("show", say(language, "check.show", count=f"{facts.troubled[name]:,}")))
        if row["fix"] and facts.troubled.get(name):
            buttons.append(("fix", str(row["fix"][language])))
        if row["must_tick"] and not row["is_acknowledged"]:
            buttons.append(("tick", say(language, "check.tick")))
        drawn = "".join(
            f'<button type="button" data-do="{do}" data-with="{told}">{html(label)}</button>'
            for do, label in buttons
        )
        known = (
            f' <span class="ink-known">✓ {html(say(language, "check.known"))}</span>'
            if row["is_acknowledged"]
            else ""
        )
        level = html(say(language, f"level.{row['level']}"))
        sentences = "".join(f"<p>{html(text[language])}</p>" for text in row["sentences"])
        return (
            f'<li class="is-{html(row["level"])}"><b>{html(row["title"][language])}</b> <span class="ink-mark">{level}</span>'
            f'{known}{sentences}<small>{html(row["why"][language])}</small><div class="ink-row-does">{drawn}</div></li>'
        )
