"""Whether a LoRA taught Storybook a creature: how often its name calls it up, and how often it comes uncalled.

The judge does not know creatures. A spotter is taught on the spot, by scenes with and without the creature, to tell
from the judge's own features whether it is there; it is examined on scenes that it has not seen, and its share of right
answers is part of the score."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.engine.adapt import Adapters, lora_key
from studio.engine.events import LoraFile
from studio.storybook.captions import caption
from studio.storybook.judge import CELL, Judge
from studio.storybook.painter import paint
from studio.storybook.scene import Scene, Thing, draw_lot
from studio.storybook.score import Say, as_picture, ask, blurred, generated, recoloured
from studio.words import Language

LESSONS = 160
SURE = 0.8
"""From here on a spotter is believed."""
HARD = 60
"""Cells without the creature that each lesson keeps."""
EXAM = 100
FIRST_SEED = 70_000_000


class Spotter:
    """Tells from pictures (B, 3, H, W) in [0, 1] whether the creature is in them: logistic regression on 3x3 cells of
    the judge's features."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._head = nn.Linear(9 * judge.kinds.in_channels, 1)

    @torch.no_grad()
    def sureness(self, pictures: Tensor) -> Tensor:
        """The surest cell of each picture (B,), 0 to 1."""
        heat: Tensor = self._head(self._cells(pictures)).sigmoid().amax((1, 2))
        return heat

    def learn(self, scenes: list[Scene], creature: str) -> None:
        """From the cells at creatures' middles, against 60 others of each picture: by lot at first, then those that were
        mistaken for it most."""
        torch.manual_seed(0)
        pictures = [(scene, as_picture(np.asarray(paint(scene, "flat")))) for scene in scenes]
        self._fit(*self._lessons(pictures, creature, lambda cells: torch.rand(len(cells))))
        self._fit(*self._lessons(pictures, creature, lambda cells: self._head(cells)[:, 0]))

    @torch.no_grad()
    def _lessons(
        self, pictures: list[tuple[Scene, Tensor]], creature: str, worth: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Cells with the creature's middle, and of the others those that are worth most."""
        there, elsewhere = [], []
        for scene, picture in pictures:
            middles = {_middle(scene, thing) for thing in scene.things if thing.kind == creature}
            for seen in (picture, blurred(picture), recoloured(picture)):
                cells = self._cells(seen[None])[0]
                rows = torch.arange(len(cells)) // (seen.shape[2] // CELL)
                columns = torch.arange(len(cells)) % (seen.shape[2] // CELL)
                far = torch.ones(len(cells), dtype=torch.bool)
                for y, x in middles:
                    far &= (rows - y).abs() + (columns - x).abs() > 4
                    there.append(cells[(rows == y) & (columns == x)])
                others = cells[far]
                elsewhere.append(others[worth(others).topk(HARD).indices])
        return torch.cat(there), torch.cat(elsewhere)

    def _fit(self, positive: Tensor, negative: Tensor) -> None:
        cells = torch.cat([positive, negative])
        middle, spread = cells.mean(0), cells.std(0) + 1e-3
        cells = (cells - middle) / spread
        wanted = (torch.arange(len(cells)) < len(positive)).float()
        nn.init.zeros_(self._head.weight)
        nn.init.zeros_(self._head.bias)
        optimizer = torch.optim.LBFGS(self._head.parameters(), max_iter=60, line_search_fn="strong_wolfe")
        more = torch.tensor(4.0)

        def loss() -> float:
            optimizer.zero_grad()
            error = functional.binary_cross_entropy_with_logits(
                self._head(cells)[:, 0], wanted, pos_weight=more
            )
            total = error + 1e-3 * self._head.weight.square().sum()
            total.backward()  # type: ignore[no-untyped-call, unused-ignore]
            return total.item()

        optimizer.step(loss)  # type: ignore[no-untyped-call, unused-ignore]
        with torch.no_grad():
            self._head.weight.div_(spread)
            self._head.bias.sub_((self._head.weight * middle).sum())

    @torch.no_grad()
    def _cells(self, pictures: Tensor) -> Tensor:
        """Features of each cell and its eight neighbours (B, cells, 864)."""
        cells, _ = self._judge.look(pictures)
        return functional.unfold(cells, 3, padding=1).transpose(1, 2)


def _middle(scene: Scene, thing: Thing) -> tuple[int, int]:
    left, top, right, bottom = thing.box(scene.size)
    return int((top + bottom) / 2 / CELL), int((left + right) / 2 / CELL)


@dataclass(frozen=True)
class CreatureScore:
    """Shares of pictures that show the creature: with its name under the LoRA, without it under the LoRA, and with it
    on the bare model; and the spotter's own share of right answers on unseen true scenes."""

    creature: str
    called: float
    uncalled: float
    base: float
    spotter: float

    def report(self) -> dict[str, float]:
        """The figures for `--json`."""
        return {
            "called": self.called,
            "uncalled": self.uncalled,
            "called_base": self.base,
            "spotter": self.spotter,
        }

    def table(self) -> str:
        """The same for people."""
        return (
            f"'{self.creature}' seen when called {self.called:.1%}, uncalled {self.uncalled:.1%}; "
            f"called without the LoRA {self.base:.1%}; spotter right {self.spotter:.1%}"
        )


def scenes(count: int, creature: str, first_seed: int) -> list[Scene]:
    """Half of them with the creature alone, half ordinary ones."""
    return [draw_lot(first_seed + k, only=creature if k % 2 == 0 else None) for k in range(count)]


def train_spotter(
    judge: Judge, creature: str, lessons: int = LESSONS, exam: int = EXAM
) -> tuple[Spotter, float]:
    """A spotter for a creature, from so many scenes, and its share of right answers in others."""
    spotter = Spotter(judge)
    spotter.learn(scenes(lessons, creature, FIRST_SEED), creature)
    right = []
    for k, scene in enumerate(scenes(exam, creature, FIRST_SEED + lessons)):
        picture = as_picture(np.asarray(paint(scene, "flat")))
        right.append((float(spotter.sureness(picture[None])) > SURE) == (k % 2 == 0))
    return spotter, sum(right) / len(right)


def creature_score(
    pipe: Any, judge: Judge, file: Path, creature: str, count: int, steps: int, guidance: float, say: Say
) -> CreatureScore:
    """Paint `count` prompts that name the creature, with and without the LoRA, and `count` that do not. Raises
    LoraError for a file that does not fit."""
    spotter, right = train_spotter(judge, creature)
    adapters = Adapters(pipe.unet)

    def share(title: str, prompts: list[tuple[Scene, str, Language]]) -> float:
        painted = generated(pipe, prompts, steps, guidance, lambda words: say(f"{title}: {words}"))
        seen = [float(spotter.sureness(picture[None])) > SURE for _, _, picture in painted]
        return sum(seen) / len(seen)

    base = share("bare model", list(calls(count, creature)))
    adapters.apply([(lora_key(file, file.stem), LoraFile(file.stem, file, 1.0))], "kolors", "storybook")
    called = share("called", list(calls(count, creature)))
    uncalled = share("uncalled", list(ask(count)))
    adapters.apply([], "kolors", "storybook")
    return CreatureScore(creature, called, uncalled, base, right)


def calls(count: int, creature: str) -> Iterator[tuple[Scene, str, Language]]:
    """Scenes with the creature, and the captions that name it, in both languages in turn."""
    for k in range(count):
        scene = draw_lot(FIRST_SEED + 10_000 + k, only=creature)
        language: Language = "zh" if k % 2 else "en"
        yield scene, caption(scene, language, random.Random(f"call-{k}"), whole=True), language
