"""What stands behind the Train tab: the runs, and those who read, check, draw and paint for its panels."""

from dataclasses import dataclass
from typing import Self

from studio.runs import Runs
from studio.ui.sheet import Sheet
from studio.ui.train_card import Cards
from studio.ui.train_check import Checks
from studio.ui.train_choices import TrainChoices
from studio.ui.train_form import TrainForm
from studio.ui.train_show import Showcase
from studio.ui.train_story import Stories
from studio.ui.train_strip import Strips
from studio.ui.train_trials import Trials
from studio.ui.train_view import RunSight


@dataclass(frozen=True)
class Workshop:
    """One of each, for all visitors."""

    sheet: Sheet
    runs: Runs
    choices: TrainChoices
    form: TrainForm
    checks: Checks
    cards: Cards
    stories: Stories
    sight: RunSight
    showcase: Showcase
    strips: Strips
    trials: Trials

    @classmethod
    def of(cls, sheet: Sheet, runs: Runs) -> Self:
        """All of it over the sheet's studio and its runs."""
        studio, speech, showcase = sheet.studio, sheet.speech, Showcase()
        choices = TrainChoices(studio, speech, runs)
        return cls(
            sheet=sheet,
            runs=runs,
            choices=choices,
            form=TrainForm(sheet, choices),
            checks=Checks(studio, runs),
            cards=Cards(speech),
            stories=Stories(),
            sight=RunSight(speech),
            showcase=showcase,
            strips=Strips(speech, showcase),
            trials=Trials(studio),
        )
