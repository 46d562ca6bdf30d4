"""Trying out what a run has made: one prompt and seed, painted with the LoRA of a checkpoint at some weight, and without.

The pictures are kept in the run's own folder, named after all that decides their pixels: they are painted once, shown
to everybody who looks at the run, and gone with it; the history stays what somebody meant to paint."""

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.disk import write_atomically
from studio.engine.events import Event, LoraFile, Picture
from studio.exchange.picture import png_with_settings
from studio.requests import GenerateRequest, LoraUse
from studio.runs import RunView
from studio.studio import Studio, Waiting
from studio.ui.train_made import Made, shelf_name

WEIGHTS = (0.0, 0.5, 0.75, 1.0)
"""Columns of the grid; 0 is the bare model, the same for every checkpoint."""
MOST_ROWS = 6
BARE = ("", 0.0)


@dataclass(frozen=True)
class Trial:
    """One picture: the request without LoRA, and the LoRA with its name and weight (none: the bare model)."""

    request: GenerateRequest
    made: Made | None = None
    name: str = ""
    weight: float = 0.0

    @property
    def key(self) -> tuple[str, float]:
        """Which LoRA at which weight, as grids know it."""
        return (self.made.value, self.weight) if self.made and self.weight else BARE


@dataclass(frozen=True)
class Painted:
    """So many of all pictures are there."""

    done: int
    total: int


class Trials:
    """Paints trials and finds those that were painted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def request(self, view: RunView, prompt: str) -> GenerateRequest:
        """What the worker asks for when it paints its own samples, with this prompt. Raises ModelMissing."""
        shelf, model = self._studio.shelf, view.request.model
        card = next((card for card in shelf.models() if card.name == model), None) or shelf.model(model)
        asked, own = view.request, card.sizes[0]
        return GenerateRequest.from_dict(card.defaults).with_(
            prompt=prompt, width=asked.width or own[0], height=asked.height or own[1],
            steps=asked.sample_steps, seed=asked.sample_seed, count=1,
        )  # fmt: skip

    def grid(self, view: RunView, prompt: str, made: Sequence[Made]) -> list[Trial]:
        """Every checkpoint at every weight, the bare model once."""
        request = self.request(view, prompt)  # once: it reads the models' cards
        rows = [
            Trial(request, point, shelf_name(view, point), weight)
            for point in made[-MOST_ROWS:]
            for weight in WEIGHTS
            if weight
        ]
        return [Trial(request), *rows]

    def pair(self, view: RunView, prompt: str, point: Made | None, weight: float) -> list[Trial]:
        """The bare model, and a LoRA at a weight."""
        request = self.request(view, prompt)
        used = [Trial(request, point, shelf_name(view, point), weight)] if point and weight else []
        return [Trial(request), *used]

    def found(self, view: RunView, trials: Sequence[Trial]) -> dict[tuple[str, float], Path]:
        """The pictures that are painted already."""
        files = {trial.key: self._file(view, trial) for trial in trials}
        return {key: file for key, file in files.items() if file.is_file()}

    def paint(
        self, view: RunView, trials: Sequence[Trial]
    ) -> Generator[Painted | Waiting | Event, None, None]:
        """Paint what is missing, telling after each picture. Raises StudioError; closing keeps what is done."""
        done = len(self.found(view, trials))
        yield Painted(done, len(trials))
        for trial in trials:
            file = self._file(view, trial)
            if file.is_file():
                continue
            for event in self._studio.draw(trial.request, _loras(trial)):
                if isinstance(event, Picture):
                    write_atomically(file, _png(event, trial))
                yield event
            done += 1
            yield Painted(done, len(trials))

    def _file(self, view: RunView, trial: Trial) -> Path:
        told: dict[str, object] = {"request": trial.request.to_dict(), "weight": trial.weight}
        if trial.made is not None and trial.weight:
            stat = trial.made.file.stat()
            told["lora"] = [trial.made.step, stat.st_size, stat.st_mtime_ns]
        mark = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]
        return view.folder.path / "trials" / f"{mark}.png"


def _loras(trial: Trial) -> tuple[LoraFile, ...]:
    if trial.made is None or not trial.weight:
        return ()
    return (LoraFile(trial.name, trial.made.file, trial.weight),)


def _png(picture: Picture, trial: Trial) -> bytes:
    uses = tuple(LoraUse(lora.name, lora.weight) for lora in _loras(trial))
    request = trial.request.with_(loras=uses, width=picture.width, height=picture.height)
    return png_with_settings(picture.rgb, picture.width, picture.height, request, {"seed": picture.seed})
