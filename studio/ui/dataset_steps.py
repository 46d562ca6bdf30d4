"""The steps from pictures to a training set that a model or the studio does by itself: captions, varied copies, and
the split. Each has its form, its button, and its progress."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

import gradio as gr

from studio.captioning.captioners import captioners
from studio.captioning.host import caption
from studio.captioning.weights import installed
from studio.dataset_requests import VARIATIONS
from studio.datasets.augment import augment, preview
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry
from studio.datasets.pictures import Unusable
from studio.datasets.split import split
from studio.ui.changes import Changes
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_form import Pairs, RequestForm
from studio.ui.dataset_work import Came, Work
from studio.ui.safe import html
from studio.ui.sheet import Turn
from studio.words import Language

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_TRIALS, _ORIGINALS, _TRIAL_PX = 2, 3, 200


@dataclass
class Captioning:
    """Captions by a model."""

    desk: Desk
    form: RequestForm = field(init=False)
    work: Work = field(init=False)

    def draw(self) -> None:
        """The model and what it is to do."""
        put = self.desk.sheet.speech.put
        self.form, self.work = RequestForm(self.desk.sheet.speech, "captioning"), Work(self.desk)
        with put(gr.Accordion, {"label": "dataset.captioning"}, open=False, elem_id="ink-captioning"):
            self.form.row("captioner", offer=self._captioners)
            self.form.row("which", "caption_language")
            self.form.add("prompt", lines=1, max_lines=4)
            self.form.add("template", max_lines=1)
            self.form.row("most_tokens")
            if self.desk.sheet.studio.settings.may_import_paths:
                self.form.add("weights", max_lines=1)
            self.button = put(
                gr.Button,
                {"value": "dataset.captioning.start"},
                variant="primary",
                size="sm",
                elem_id="ink-captioning-start",
            )
            self.work.draw("captioning")

    def _captioners(self, language: Language) -> Pairs:
        here = installed(self.desk.sheet.studio.settings)
        return [
            (
                known.title.say(language)
                if here.get(name)
                else self.desk.say(language, "captioning.absent", title=known.title),
                name,
            )
            for name, known in captioners().items()
        ]

    def start(self, data: Data, picked: list[int]) -> Any:
        """The work: a process of its own describes picture by picture."""
        request = self.form.request(data)

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            return caption(catalogue.root, request, picked, self.desk.sheet.studio.settings)

        return run


@dataclass
class Augmenting:
    """Varied copies."""

    desk: Desk
    form: RequestForm = field(init=False)
    work: Work = field(init=False)

    def draw(self) -> None:
        """What is varied and how much, a look at it, and the button."""
        put = self.desk.sheet.speech.put
        self.form, self.work = RequestForm(self.desk.sheet.speech, "augmenting"), Work(self.desk)
        with put(gr.Accordion, {"label": "dataset.augmenting"}, open=False, elem_id="ink-augmenting"):
            self.form.add("variations", self._variations, elem_classes="ink-pills")
            self.form.row("copies", "seed")
            self.form.row("degrees", "zoom")
            self.form.row("cut", "colour")
            self.trials = gr.HTML(elem_id="ink-augmenting-trials", elem_classes="ink-work")
            with gr.Row(elem_classes="ink-actions"):
                self.look = put(
                    gr.Button, {"value": "dataset.augmenting.look"}, size="sm", elem_id="ink-augmenting-look"
                )
                self.button = put(
                    gr.Button, {"value": "dataset.augmenting.start"}, variant="primary", size="sm",
                    elem_id="ink-augmenting-start",
                )  # fmt: skip
            self.work.draw("augmenting")

    def _variations(self, language: Language) -> Pairs:
        return [(self.desk.say(language, f"choice.{name}"), name) for name in VARIATIONS]

    def start(self, data: Data, picked: list[int]) -> Any:
        """The work: copies of the selected pictures, or of all."""
        request = self.form.request(data)

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            return augment(catalogue, request, picked or None)

        return run

    def show(self, catalogue: Catalogue, data: Data, picked: list[int], language: Language) -> Changes:
        """A few copies beside their originals, as they would be made."""
        request = self.form.request(data)
        pictures = (catalogue.get(id) for id in picked) if picked else catalogue.entries()
        originals = islice(
            (one for one in pictures if not one.provenance.parent and one.split != "validation"), _ORIGINALS
        )
        rows = "".join(self._row(catalogue, entry, request, language) for entry in originals)
        words = html(self.desk.say(language, "augmenting.nothing"))
        return {
            self.trials: {"value": f'<div class="ink-trials">{rows}</div>' if rows else f"<p>{words}</p>"}
        }

    def _row(self, catalogue: Catalogue, entry: Entry, request: Any, language: Language) -> str:
        try:
            made = [preview(entry, catalogue.root, request, number) for number in range(_TRIALS)]
        except Unusable as unusable:
            return f"<p>{html(entry.name)}: {html(unusable.reason.say(language))}</p>"
        shown = [self.desk.tile(catalogue.root, entry), *map(_inline, made)]
        return "".join(
            f'<img src="{html(address)}" alt="{html(entry.name)}">' for address in shown if address
        )


@dataclass
class Splitting:
    """Training and validation."""

    desk: Desk
    form: RequestForm = field(init=False)

    def draw(self) -> None:
        """How many are kept aside, the button, and what came of it."""
        put = self.desk.sheet.speech.put
        self.form = RequestForm(self.desk.sheet.speech, "splitting")
        with put(gr.Accordion, {"label": "dataset.splitting"}, open=False, elem_id="ink-splitting"):
            put(gr.Markdown, {"value": "dataset.splitting.why"}, elem_classes="ink-help")
            self.form.row("validation_share", "validation_count")
            self.form.row("seed")
            self.button = put(
                gr.Button,
                {"value": "dataset.splitting.start"},
                variant="primary",
                size="sm",
                elem_id="ink-splitting-start",
            )
            self.note = gr.HTML(elem_id="ink-splitting-note", elem_classes="ink-work")

    def split(self, catalogue: Catalogue, data: Data, language: Language) -> Changes:
        """Split, and say how."""
        done = split(catalogue, self.form.request(data))
        words = self.desk.say(language, "splitting.done", train=f"{done.train:,}", validation=f"{done.validation:,}",
                              groups=f"{done.groups:,}", moved=f"{done.moved:,}")  # fmt: skip
        return {self.note: {"value": f'<p role="status">{html(words)}</p>'}}


def told(came: Came, language: Language) -> str:
    """What the last step of the work said."""
    return came.step.doing.say(language) if came.step.doing else ""


def _inline(picture: "Picture") -> str:
    """A small copy that travels inside the page."""
    small = picture.convert("RGB")
    small.thumbnail((_TRIAL_PX, _TRIAL_PX))
    stream = BytesIO()
    small.save(stream, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
