"""What a run has made, tried out: a checkpoint picked by looking, with and without, at several weights, and on to
Generate."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.engine.events import Step
from studio.errors import ModelMissing, StudioError
from studio.runs import RunView
from studio.studio import Waiting
from studio.ui.changes import Changes
from studio.ui.controls import Choice, Knob, Segments
from studio.ui.safe import html, plain
from studio.ui.sheet import Turn, visitor_of
from studio.ui.speech import as_language
from studio.ui.train_made import FINAL, Made, made_by, pick, settled, shelf_name, shelve
from studio.ui.train_story import Story
from studio.ui.train_strip import inside
from studio.ui.train_trials import MOST_ROWS, WEIGHTS, Painted, Trial
from studio.ui.train_workshop import Workshop
from studio.words import Language


@dataclass
class After:
    """The panel under the strip. Its pictures are read from the run's folder, so that everybody sees the same."""

    workshop: Workshop

    def draw(self) -> None:
        """The picked checkpoint, what to do with it, and the two ways of comparing."""
        speech = self.workshop.sheet.speech
        with gr.Column(visible=False, elem_id="ink-after") as self.box:
            with gr.Group(elem_classes="ink-group"):
                self.picked = speech.put(
                    Segments, {"label": "train.after.checkpoint", "info": "train.after.checkpoint_help"}, choices=[],
                    elem_classes="ink-segments", elem_id="ink-checkpoint",
                )  # fmt: skip
                with gr.Row():
                    self.prompt = speech.put(
                        Choice, {"label": "train.after.prompt"}, choices=[], allow_custom_value=True, scale=3, min_width=260,
                        elem_id="ink-after-prompt",
                    )  # fmt: skip
                    self.weight = speech.put(
                        Knob, {"label": "loras.weight"}, minimum=0.0, maximum=1.5, step=0.05, value=1.0, buttons=[], scale=2,
                        min_width=220, elem_id="ink-after-weight",
                    )  # fmt: skip
            with gr.Row(elem_classes="ink-actions"):
                self.use = speech.put(
                    gr.Button,
                    {"value": "train.after.use"},
                    variant="primary",
                    size="sm",
                    elem_id="ink-after-use",
                )
                self.compare = speech.put(
                    gr.Button, {"value": "train.after.compare"}, size="sm", elem_id="ink-after-compare"
                )
                self.grid = speech.put(
                    gr.Button, {"value": "train.after.grid"}, size="sm", elem_id="ink-after-grid"
                )
                self.download = speech.put(
                    gr.DownloadButton,
                    {"label": "train.after.download"},
                    size="sm",
                    elem_id="ink-after-download",
                )
                self.stop = speech.put(
                    gr.Button, {"value": "stop.button"}, size="sm", visible=False, elem_id="ink-after-stop"
                )
            self.note = gr.HTML(elem_id="ink-after-note")
            with gr.Group(visible=False, elem_id="ink-after-comparison") as self.comparison:
                self.slider = speech.put(
                    gr.ImageSlider, {}, show_label=False, interactive=False, buttons=["fullscreen"], max_height=560,
                    elem_id="ink-after-slider",
                )  # fmt: skip
                self.legend = gr.Markdown(elem_classes="ink-legend")
            self.trials = gr.HTML(elem_id="ink-trials")

    @property
    def needs(self) -> set[Any]:
        """What the panel's handlers have to be given besides the run."""
        return {self.picked, self.prompt, self.weight}

    @property
    def parts(self) -> list[Any]:
        """What showing a run writes on."""
        return [
            self.box,
            self.picked,
            self.prompt,
            self.download,
            self.comparison,
            self.slider,
            self.legend,
            self.trials,
        ]

    def changes(
        self, view: RunView | None, story: Story, asked: Mapping[Any, Any], language: Language
    ) -> Changes:
        """The panel for a run: pure facts of its folder and of what this visitor picked."""
        return settled(lambda: self._changes(view, story, asked, language))

    def _changes(
        self, view: RunView | None, story: Story, asked: Mapping[Any, Any], language: Language
    ) -> Changes:
        made = made_by(view, self.workshop.sheet.studio.settings) if view else []
        point = pick(made, asked[self.picked])
        if view is None or point is None:
            nothing: dict[str, Any] = {"choices": [], "value": None}
            return {self.box: {"visible": False}, self.picked: nothing, self.prompt: nothing}
        prompts = self._prompts(view, story)
        prompt = asked[self.prompt] if asked[self.prompt] else prompts[0]
        lent = self.workshop.showcase.lend(point.file, f"{shelf_name(view, point)}.safetensors")
        told: Changes = {
            self.box: {"visible": True},
            self.picked: {
                "choices": [(self._label(one, language), one.value) for one in made],
                "value": point.value,
            },
            self.prompt: {"choices": [(one, one) for one in prompts], "value": prompt},
            self.download: {"value": lent},
        }
        return told | self._pictures(view, made, point, prompt, float(asked[self.weight] or 0), language)

    def _pictures(
        self, view: RunView, made: list[Made], point: Made, prompt: str, weight: float, language: Language
    ) -> Changes:
        """The comparison and the grid, as far as they have been painted."""
        trials = self.workshop.trials
        rows = made[-MOST_ROWS:]
        try:
            pair = trials.found(view, trials.pair(view, prompt, point, weight))
            found = trials.found(view, trials.grid(view, prompt, rows))
        except ModelMissing:  # the run of a model that has been taken away: nothing can be tried
            pair, found = {}, {}
        has_both = len(pair) == 2
        files = [self.workshop.showcase.whole(file) for file in pair.values()]
        legend = self.workshop.sheet.speech.say(
            language, "train.after.legend", name=self._label(point, language), weight=f"{weight:g}"
        )
        grid = (
            self.workshop.strips.grid(rows, WEIGHTS, found, point.value, language) if len(found) > 2 else ""
        )
        return {
            self.comparison: {"visible": has_both},
            self.slider: {"value": tuple(files) if has_both else None},
            self.legend: {"value": plain(legend)},
            self.trials: {"value": grid},
        }

    def _prompts(self, view: RunView, story: Story) -> list[str]:
        """The prompts that the run itself painted, or was told to."""
        painted = {sample.index: sample.prompt for sample in story.samples.values()}
        found = [prompt for _, prompt in sorted(painted.items())] or list(view.request.sample_prompts)
        return found or [view.request.trigger_word]

    def _label(self, point: Made, language: Language) -> str:
        key = "train.final" if point.value == FINAL else "train.step"
        return self.workshop.sheet.speech.say(language, key, step=f"{point.step:,}")

    # doing

    def paint_pair(
        self, view: RunView, data: Mapping[Any, Any], asked: gr.Request, story: Story
    ) -> Iterator[dict[Any, Any]]:
        """Paint the same seed with and without the picked LoRA."""
        made = made_by(view, self.workshop.sheet.studio.settings)
        prompt = data[self.prompt] or self._prompts(view, story)[0]
        weight = float(data[self.weight] or 0)
        yield from self._paint(view, self.workshop.trials.pair(view, prompt, pick(made, data[self.picked]), weight),
                               data, asked, story)  # fmt: skip

    def paint_grid(
        self, view: RunView, data: Mapping[Any, Any], asked: gr.Request, story: Story
    ) -> Iterator[dict[Any, Any]]:
        """Paint the picked prompt with every checkpoint at every weight."""
        made = made_by(view, self.workshop.sheet.studio.settings)
        prompt = data[self.prompt] or self._prompts(view, story)[0]
        yield from self._paint(view, self.workshop.trials.grid(view, prompt, made), data, asked, story)

    def _paint(
        self, view: RunView, trials: list[Trial], data: Mapping[Any, Any], asked: gr.Request, story: Story
    ) -> Iterator[dict[Any, Any]]:
        language = as_language(data[self.workshop.sheet.language])
        with self.workshop.sheet.visitors.turn(visitor_of(asked), language) as turn:
            yield {self.stop: gr.update(visible=True)}
            try:
                yield from self._progress(view, trials, data, turn, story)
                words = ""
            except StudioError as error:
                words = f'<p class="ink-check-fault" role="alert">{html(error.say(turn.language))}</p>'
            yield {self.note: words, self.stop: gr.update(visible=False)}

    def _progress(
        self, view: RunView, trials: list[Trial], data: Mapping[Any, Any], turn: Turn, story: Story
    ) -> Iterator[dict[Any, Any]]:
        say, done, total = self.workshop.sheet.speech.say, 0, len(trials)
        with closing(self.workshop.trials.paint(view, trials)) as events:
            for event in events:
                words = ""
                if isinstance(event, Painted):
                    done, total = event.done, event.total
                    told = self.changes(view, story, data, turn.language)
                    yield {made: gr.update(**props) for made, props in told.items()}
                elif isinstance(event, Waiting):
                    words = say(turn.language, "easel.waiting", position=event.position)
                elif isinstance(event, Step):
                    words = say(turn.language, "train.after.painting", done=done + 1, total=total, step=event.step,
                                steps=event.steps)  # fmt: skip
                if words:
                    yield {self.note: f'<p role="status">{html(words)}</p>'}
                if turn.is_stopped:
                    return

    def hand_over(
        self, view: RunView, data: Mapping[Any, Any], story: Story, language: Language
    ) -> dict[Any, Any]:
        """Put the picked LoRA on the shelf and go to Generate with it, its weight and its trigger word."""
        sheet = self.workshop.sheet

        def shelved() -> str | None:
            point = pick(made_by(view, sheet.studio.settings), data[self.picked])
            if point is None:
                return None
            return shelve(view, point, _sample_file(view, story, point), sheet.studio.settings)

        try:
            name = settled(shelved)
        except StudioError as error:
            gr.Warning(plain(error.say(language)))
            name = None
        if name is None:
            return {sheet.passed: None}
        use = {"name": name, "weight": float(data[self.weight] or 0), "on": True}
        told = {"model": view.request.model, "loras": [use], "trigger_word": view.request.trigger_word}
        return {sheet.passed: told, sheet.tabs: gr.update(selected="generate")}


def _sample_file(view: RunView, story: Story, point: Made) -> Path | None:
    """The first sample that was painted at a checkpoint."""
    found = [sample for (step, _), sample in sorted(story.samples.items()) if step == point.step]
    return inside(view.folder.path, found[0].file) if found else None
