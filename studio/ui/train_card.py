"""The pre-flight card: what the pictures are, what the run will take, and what stands in its way."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

from studio.datasets.folder import Item, PictureFolder
from studio.datasets.pictures import load_rgb
from studio.runs.machine import Machine
from studio.train_request import TrainRequest
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.ui.train_check import SUPPOSED, Checked
from studio.ui.train_words import amount, duration
from studio.words import Language

THUMBNAILS = 8
THUMBNAIL_PX = 96
MOST_NAMED = 4
"""So many files are named for each reason."""


class Cards:
    """Draws pre-flight cards; keeps the thumbnails of the pictures that it last showed."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._thumbnails: dict[tuple[Path, int], str] = {}

    def html(self, checked: Checked, machine: Machine, language: Language) -> str:
        """The card of a request as far as it was checked."""
        if checked == Checked():
            return self._empty(language)
        parts = []
        if checked.folder is None and checked.weighed is not None:
            told = html(self._speech.say(language, "train.check.supposed", count=SUPPOSED))
            parts.append(f'<p class="ink-check-head">{told}</p>')
        if checked.folder is not None:
            parts += [self._pictures(checked.folder, language), self._problems(checked.folder, language)]
        if checked.weighed is not None:
            parts.append(self._figures(checked, machine, language))
            parts.append(self._notices(checked, language))
        mood = "is-fault" if checked.fault or checked.refusal else "is-ready"
        if checked.fault is not None:
            parts.append(f'<p class="ink-check-fault">{html(checked.fault.say(language))}</p>')
        elif checked.refusal is not None:
            parts.append(f'<p class="ink-check-fault">{html(checked.refusal.said.say(language))}</p>')
        title = html(self._speech.say(language, "train.check.title"))
        return (
            f'<section class="ink-check {mood}" aria-label="{title}" role="status">{"".join(parts)}</section>'
        )

    def _empty(self, language: Language) -> str:
        words = html(self._speech.say(language, "train.check.empty"))
        return f'<section class="ink-check is-empty" role="status"><p>{words}</p></section>'

    def _pictures(self, folder: PictureFolder, language: Language) -> str:
        told = self._speech.say(language, "train.check.pictures", count=len(folder.train))
        if folder.validation:
            told += self._speech.say(language, "train.check.validation", count=len(folder.validation))
        shown = "".join(self._thumbnail(item) for item in folder.train[:THUMBNAILS])
        return f'<p class="ink-check-head">{html(told)}</p><div class="ink-check-row">{shown}</div>'

    def _thumbnail(self, item: Item) -> str:
        try:
            key = item.file, item.file.stat().st_mtime_ns
            if key not in self._thumbnails:
                while len(self._thumbnails) > 8 * THUMBNAILS:
                    del self._thumbnails[next(iter(self._thumbnails))]
                self._thumbnails[key] = _small(item.file)
        except OSError:
            return ""  # gone since the folder was read; the next look will tell
        words = html(item.caption or item.file.name)
        return f'<img src="data:image/jpeg;base64,{self._thumbnails[key]}" alt="{words}" title="{words}">'

    def _problems(self, folder: PictureFolder, language: Language) -> str:
        rows = []
        for is_dropped, key in ((True, "train.check.dropped"), (False, "train.check.noted")):
            for reason, files in folder.reasons(is_dropped):
                names = ", ".join(file.name for file in files[:MOST_NAMED])
                names += " …" if len(files) > MOST_NAMED else ""
                told = self._speech.say(language, key, count=len(files), reason=reason.say(language))
                rows.append(f"<li>{html(told)} <small>{html(names)}</small></li>")
        return f'<ul class="ink-check-list">{"".join(rows)}</ul>' if rows else ""

    def _figures(self, checked: Checked, machine: Machine, language: Language) -> str:
        assert checked.weighed is not None
        say, estimate = self._speech.say, checked.weighed.estimate
        time = duration(estimate.seconds, self._speech, language)
        source = "train.check.measured" if estimate.is_measured else "train.check.guessed"
        there = say(language, "train.check.of", there=amount(machine.memory_bytes), name=machine.name)
        each = say(language, "train.check.passes", passes=f"{estimate.passes:.3g}")
        epoch = say(language, "train.check.an_epoch", count=estimate.pictures_an_epoch)
        figures = [
            ("train.check.steps", f"{estimate.steps:,}", f"{each} · {epoch}"),
            ("train.check.time", say(language, "train.check.about", time=time), say(language, source)),
            ("train.check.memory", amount(estimate.memory_bytes), there),
            ("train.check.disk", amount(estimate.disk_bytes), ""),
        ]
        terms = "".join(
            f"<div><dt>{html(say(language, key))}</dt><dd>{html(value)}<small>{html(more)}</small></dd></div>"
            for key, value, more in figures
        )
        return f'<dl class="ink-check-figures">{terms}</dl>'

    def _notices(self, checked: Checked, language: Language) -> str:
        assert checked.weighed is not None
        rows = "".join(
            f"<li><b>{html(_label(name, language))}</b> {html(said.say(language))}</li>"
            for name, said in checked.weighed.notices
        )
        return f'<ul class="ink-check-list is-notices">{rows}</ul>' if rows else ""


def _label(name: str, language: Language) -> str:
    return TrainRequest.settings()[name].label.say(language)


def _small(file: Path) -> str:
    picture = load_rgb(file)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=82)
    return b64encode(stream.getvalue()).decode("ascii")
