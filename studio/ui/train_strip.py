"""The sample strip: the same prompts and seed at each checkpoint, side by side, so that learning is seen and the best
moment can be picked by looking. And the grid: one prompt at each checkpoint and weight."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from studio.runs import RunView
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.ui.train_made import Made
from studio.ui.train_show import Showcase
from studio.ui.train_story import Sample, Story
from studio.words import Language


class Strips:
    """Draws strips and grids."""

    def __init__(self, speech: Speech, showcase: Showcase) -> None:
        self._speech, self._showcase = speech, showcase

    def strip(
        self, view: RunView, story: Story, made: Sequence[Made], picked: str, language: Language
    ) -> str:
        """Rows are prompts, columns steps; a column with a LoRA on the disk can be picked. Empty before there are
        samples."""
        if not story.samples:
            return ""
        steps = sorted({sample.step for sample in story.samples.values()})
        prompts = {sample.index: sample.prompt for sample in story.samples.values()}
        picks = {point.step: point.value for point in made}
        head = "".join(self._column(step, picks.get(step), picked, language) for step in steps)
        rows = "".join(
            f'<tr><th scope="row">{html(prompt)}</th>'
            + "".join(
                self._cell(
                    view.folder.path, story.samples.get((step, index)), picks.get(step), picked, language
                )
                for step in steps
            )
            + "</tr>"
            for index, prompt in sorted(prompts.items())
        )
        return self._table(head, rows, "train.strip", language)

    def grid(
        self, made: Sequence[Made], weights: Sequence[float], files: Mapping[tuple[str, float], Path], picked: str,
        language: Language,
    ) -> str:  # fmt: skip
        """Rows are checkpoints, columns weights; `files` has what is painted so far, by value and weight."""
        if not files:
            return ""
        say = self._speech.say
        head = "".join(
            f'<th scope="col">{html(say(language, "train.grid.weight", weight=f"{w:g}"))}</th>'
            for w in weights
        )
        rows = ""
        for point in made:
            label = self._name(point, language)
            cells = ""
            for weight in weights:
                file = files.get((point.value, weight)) if weight else files.get(("", 0.0))
                source = self._showcase.small(file) if file else ""
                told = html(say(language, "train.grid.cell", name=label, weight=f"{weight:g}"))
                image = (
                    f'<img src="{html(source)}" alt="{told}">' if source else '<span class="is-blank"></span>'
                )
                mark = " is-picked" if point.value == picked else ""
                cells += f'<td class="is-pick{mark}" data-pick="{html(point.value)}">{image}</td>'
            rows += f'<tr><th scope="row">{html(label)}</th>{cells}</tr>'
        return self._table(head, rows, "train.grid", language)

    def _table(self, head: str, rows: str, key: str, language: Language) -> str:
        label = html(self._speech.say(language, f"{key}.label"))
        return (
            f'<div class="ink-strip" role="region" aria-label="{label}" tabindex="0"><table><thead><tr><td></td>{head}'
            f"</tr></thead><tbody>{rows}</tbody></table></div>"
        )

    def _column(self, step: int, value: str | None, picked: str, language: Language) -> str:
        words = html(self._speech.say(language, "train.step", step=f"{step:,}"))
        if value is None:
            return f'<th scope="col">{words}</th>'
        told = html(self._speech.say(language, "train.strip.pick", step=f"{step:,}"))
        is_picked = value == picked
        return (
            f'<th scope="col" class="is-pick{" is-picked" if is_picked else ""}"><button type="button" data-pick='
            f'"{html(value)}" aria-pressed="{str(is_picked).lower()}" title="{told}">{words}</button></th>'
        )

    def _cell(
        self, folder: Path, sample: Sample | None, value: str | None, picked: str, language: Language
    ) -> str:
        if sample is None or not (source := self._showcase.small(inside(folder, sample.file))):
            return "<td></td>"
        told = self._speech.say(language, "train.strip.cell", step=f"{sample.step:,}", prompt=sample.prompt)
        image = f'<img src="{html(source)}" alt="{html(told)}">'
        if value is None:
            return f"<td>{image}</td>"
        mark = " is-picked" if value == picked else ""
        return f'<td class="is-pick{mark}" data-pick="{html(value)}">{image}</td>'

    def _name(self, point: Made, language: Language) -> str:
        return self._speech.say(language, "train.step", step=f"{point.step:,}")


def inside(folder: Path, name: str) -> Path:
    """A file that a run's events name, held to the run's folder."""
    file = (folder / name).resolve()
    return file if file.is_relative_to(folder.resolve()) else folder / "outside"
