"""What a LoRA does to Storybook, in figures: the same prompts and seeds without it, at half and at full weight.

The judge says of each picture in which style it is and what it shows. It learnt both from true scenes of every style,
and never from a LoRA."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.adapt import Adapters, lora_key
from studio.engine.events import LoraFile
from studio.shelf.loras import read_lora_card
from studio.storybook import judge
from studio.storybook.score import Painted, Say, Tally, ask, generated, tally

WEIGHTS = (0.5, 1.0)
COMPARED = 16
"""Pictures that are compared to the bit with those of weight 0."""


@dataclass(frozen=True)
class LoraScore:
    """Tallies by weight, and whether weight 0 gave the base's pictures to the bit."""

    style: str
    off: Tally
    by_weight: dict[float, Tally]
    zero_is_base: bool

    def report(self) -> dict[str, float]:
        """The figures under the names that `--json` promises, all shares between 0 and 1."""
        on, half = self.by_weight[1.0], self.by_weight[0.5]
        return {
            "style_on": on.share("style"), "style_off": self.off.share("style"), "style_half": half.share("style"),
            "object_on": on.share("object"), "object_off": self.off.share("object"),
            "object_half": half.share("object"), "zero_is_base": float(self.zero_is_base),
        }  # fmt: skip

    def table(self) -> str:
        """The same for people."""
        rows = [f"weight    {self.style:>12}      object"]
        shown = {"off": self.off} | {f"{weight:g}": told for weight, told in self.by_weight.items()}
        rows += [
            f"{name:<10}{told.share('style'):>12.1%}{told.share('object'):>12.1%}"
            for name, told in shown.items()
        ]
        rows.append("weight 0 equals the base to the bit: " + ("yes" if self.zero_is_base else "NO"))
        return "\n".join(rows)


def lora_score(
    pipe: Any,
    judge_: judge.Judge,
    file: Path,
    style: str,
    count: int,
    steps: int,
    guidance: float,
    say: Say,
    bare: Iterable[Painted] = (),
) -> LoraScore:
    """Paint `count` prompts without the LoRA and at each weight. Its trigger words, if it has any, come first in every
    prompt; if it has none, `bare` may hold what the model made of the same prompts already. Raises LoraError for a file
    that does not fit."""
    adapters = Adapters(pipe.unet)
    card = read_lora_card(file.stem, file)
    trigger = ", ".join(card.trigger_words)
    plain = _Pictures(pipe, judge_, style, count, steps, guidance, say)
    known = [] if trigger else [*bare]
    off = tally(known, judge_, style) if known else plain.tally("off", trigger)
    plain.tally("base", trigger, COMPARED)
    base = plain.last
    by_weight: dict[float, Tally] = {}
    for weight in WEIGHTS:
        adapters.apply(
            [(lora_key(file, file.stem), LoraFile(file.stem, file, weight))], "kolors", "storybook"
        )
        by_weight[weight] = plain.tally(f"weight {weight:g}", trigger)
    adapters.apply([(lora_key(file, file.stem), LoraFile(file.stem, file, 0.0))], "kolors", "storybook")
    plain.tally("weight 0", trigger, COMPARED)
    zero_is_base = all(torch.equal(a, b) for a, b in zip(base, plain.last, strict=True))
    adapters.apply([], "kolors", "storybook")
    return LoraScore(style, off, by_weight, zero_is_base)


class _Pictures:
    """Paints the same prompts again and again; `last` holds what came out last."""

    def __init__(
        self, pipe: Any, judge_: judge.Judge, style: str, count: int, steps: int, guidance: float, say: Say
    ) -> None:
        self._pipe, self._judge, self._style, self._say = pipe, judge_, style, say
        self._count, self._steps, self._guidance = count, steps, guidance
        self.last: list[torch.Tensor] = []

    def tally(self, title: str, trigger: str, most: int | None = None) -> Tally:
        """Paint all prompts, or the first of them, and read the pictures."""
        asked = [
            (scene, f"{trigger}, {words}" if trigger else words, language)
            for scene, words, language in ask(min(self._count, most or self._count))
        ]
        self.last = []
        painted = generated(
            self._pipe, asked, self._steps, self._guidance, lambda words: self._say(f"{title}: {words}")
        )
        return tally(self._kept(painted), self._judge, self._style)

    def _kept(self, painted: Iterator[Any]) -> Iterator[Any]:
        for scene, language, picture in painted:
            self.last.append(picture)
            yield scene, language, picture
