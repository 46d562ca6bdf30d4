"""One picture up close: its caption and tags, which save themselves, its turn and cut, its neighbours."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Crop
from studio.datasets.errors import EntryMissing
from studio.datasets.query import Query
from studio.ui.changes import Changes
from studio.ui.controls import Knob, Segments
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_grid import SCRIPT
from studio.ui.dataset_model import Learner
from studio.ui.dataset_saving import Base, Saved, Visit, save, standing, tags_of
from studio.ui.dataset_sight import Sight
from studio.ui.safe import html
from studio.words import Language

SIDES = ("left", "top", "right", "bottom")
DRAGGING = (Path(__file__).parent / "assets" / "cut.js").read_text("utf-8")
"""A cut by dragging on the picture, told as the event 'cut'."""
_MOST_CUT = 90
LEAST_SHARE = 0.1
_HALF = 2


@dataclass
class Close:
    """The panel. `opened` is carried by the page itself and not by the session, so that what arrives late is still
    about the picture that it was typed for; `visit` is what the session knows of the page meanwhile."""

    desk: Desk
    learner: Learner

    def draw(self) -> None:
        """Neighbours on top, the picture on the left, words and facts on the right."""
        put = self.desk.sheet.speech.put
        self.opened, self.visit = gr.Textbox(visible=False, elem_id="ink-look-opened"), gr.State(Visit())
        with gr.Column(visible=False, elem_id="ink-look") as self.box:
            with gr.Row(elem_classes="ink-actions", elem_id="ink-look-head"):
                self.before = put(
                    gr.Button, {"value": "dataset.look.before"}, size="sm", elem_id="ink-look-before"
                )
                self.after = put(
                    gr.Button, {"value": "dataset.look.after"}, size="sm", elem_id="ink-look-after"
                )
                self.where = gr.Markdown(elem_classes="ink-help", elem_id="ink-look-where")
                self.delete = put(
                    gr.Button, {"value": "dataset.delete"}, size="sm", elem_id="ink-look-delete"
                )
                self.close = put(
                    gr.Button, {"value": "dataset.look.close"}, size="sm", elem_id="ink-look-close"
                )
            with gr.Row(elem_id="ink-look-body"):
                with gr.Column(elem_id="ink-look-left", min_width=240):
                    self.picture = gr.HTML(elem_id="ink-look-picture", js_on_load=DRAGGING)
                    self._draw_cut()
                with gr.Column(elem_id="ink-look-right", min_width=260):
                    self._draw_words()

    def _draw_words(self) -> None:
        put = self.desk.sheet.speech.put
        self.caption = put(
            gr.Textbox, {"label": "dataset.look.caption", "placeholder": "dataset.look.caption_hint"}, lines=1,
            max_lines=12, elem_id="ink-look-caption",
        )  # fmt: skip
        self.note = gr.HTML(elem_id="ink-look-note")
        with gr.Row(visible=False, elem_classes="ink-actions", elem_id="ink-look-clash") as self.clash:
            self.mine = put(gr.Button, {"value": "dataset.look.mine"}, size="sm", elem_id="ink-look-mine")
            self.theirs = put(
                gr.Button, {"value": "dataset.look.theirs"}, size="sm", elem_id="ink-look-theirs"
            )
        self.tags = put(
            gr.Textbox, {"label": "dataset.look.tags", "placeholder": "dataset.look.tags_hint"}, max_lines=1,
            elem_id="ink-look-tags",
        )  # fmt: skip
        self.side = put(
            Segments, {"label": "dataset.look.side"}, choices=self._sides("en"), value="", elem_classes="ink-segments",
            elem_id="ink-look-side",
        )  # fmt: skip
        self.desk.sheet.speech.tell(lambda language: {self.side: {"choices": self._sides(language)}})
        self.facts = gr.HTML(elem_id="ink-look-facts", elem_classes="ink-live", js_on_load=SCRIPT)

    def _draw_cut(self) -> None:
        put = self.desk.sheet.speech.put
        with gr.Row(elem_classes="ink-actions"):
            self.left_turn = put(
                gr.Button, {"value": "dataset.turn.left"}, size="sm", elem_id="ink-turn-left"
            )
            self.right_turn = put(
                gr.Button, {"value": "dataset.turn.right"}, size="sm", elem_id="ink-turn-right"
            )
            self.fitted = put(gr.Button, {"value": "dataset.cut.fit"}, size="sm", elem_id="ink-cut-fit")
            self.whole = put(gr.Button, {"value": "dataset.cut.whole"}, size="sm", elem_id="ink-cut-whole")
            self.is_free = put(
                gr.Checkbox, {"label": "dataset.cut.free"}, value=False, container=False, elem_id="ink-cut-free",
                min_width=120,
            )  # fmt: skip
        put(gr.Markdown, {"value": "dataset.cut.drag"}, elem_classes="ink-help", elem_id="ink-cut-drag")
        with (
            put(gr.Accordion, {"label": "dataset.cut"}, open=False, elem_id="ink-cut"),
            gr.Group(elem_classes="ink-group"),
        ):
            self.cuts = [
                put(
                    Knob,
                    {"label": f"dataset.cut.{side}"},
                    minimum=0,
                    maximum=_MOST_CUT,
                    step=0.5,
                    value=0,
                    buttons=[],
                    elem_id=f"ink-cut-{side}",
                )
                for side in SIDES
            ]

    def _sides(self, language: Language) -> list[tuple[str, str]]:
        return [
            (self.desk.say(language, "side.train"), ""),
            (self.desk.say(language, "side.validation"), "validation"),
        ]

    @property
    def parts(self) -> list[Any]:
        """What handlers about the picture have to be given."""
        return [self.opened, self.caption, self.tags, self.visit]

    # which one

    def base(self, data: Data) -> Base | None:
        """The picture that the page shows; none when it is one of a set that was left meanwhile."""
        base = Base.read(data[self.opened])
        return base if base and base.set == data[self.desk.chosen] else None

    def is_behind(self, data: Data) -> bool:
        """Whether the page was given another picture, or none, since it asked."""
        base, opened = self.base(data), data[self.visit].opened
        return opened is not None and opened != (base.id if base else 0)

    def found(self, catalogue: Catalogue, query: Query, id: int) -> Base:
        """A picture that was clicked, with its place in what is shown."""
        entry = catalogue.get(id)
        ids = catalogue.ids(query)
        return Base.of(catalogue, entry, ids.index(id) if id in ids else 0)

    def neighbour(self, catalogue: Catalogue, query: Query, base: Base, way: int) -> Base | None:
        """The one before (-1) or after (1) in what is shown now; where the picture itself has left it, the one that
        took its place. None at either end."""
        here = catalogue.page(query, base.place, 1)
        is_there = bool(here) and here[0].id == base.id
        place = base.place + (way if is_there or way < 0 else 0)
        found = catalogue.page(query, place, 1) if place >= 0 else []
        return Base.of(catalogue, found[0], place) if found else None

    # saving

    def save(self, catalogue: Catalogue, data: Data) -> tuple[Base, Saved] | None:
        """Save what was typed; None when no picture is open. The base goes on from what was written."""
        base = self.base(data)
        if base is None:
            return None
        (caption, tags), visit = self.typed(data), data[self.visit]
        known = visit.caught_up(base)
        saved = save(catalogue, known, caption, tags)
        if not saved.is_written:
            return known, saved
        now = replace(known, caption=caption, tags=tags, is_written=True)
        visit.wrote(known, now)
        return now, saved

    def rebased(self, catalogue: Catalogue, base: Base, data: Data) -> Base:
        """The base as if what was typed had been typed over what is there by now; what wasn't touched stays as it was
        shown, and so isn't saved over what somebody else made of it."""
        entry, typed = catalogue.get(base.id), tags_of(data[self.tags] or "")
        is_mine = (data[self.caption] or "") != base.caption
        return replace(
            base, caption=entry.caption if is_mine else base.caption, tags=entry.tags if typed != base.tags else base.tags
        )  # fmt: skip

    def is_touched(self, base: Base, data: Data) -> bool:
        """Whether words are typed that aren't saved yet."""
        return (data[self.caption] or "") != base.caption or tags_of(data[self.tags] or "") != base.tags

    def turn(self, catalogue: Catalogue, base: Base, way: int) -> None:
        """A quarter turn; a cut turns with the picture."""
        entry = catalogue.get(base.id)
        crop = _turned(entry.crop, way) if entry.crop else None
        catalogue.edit(entry.id, entry.version, turn=(entry.turn + way) % 4, crop=crop)

    def cut(self, catalogue: Catalogue, base: Base, crop: Crop | None) -> None:
        """Cut to a part of what is seen, or show it whole."""
        entry = catalogue.get(base.id)
        catalogue.edit(entry.id, entry.version, crop=crop)

    def cut_of(self, data: Data) -> Crop | None:
        """What the four controls leave; at least a tenth each way."""
        left, top, right, bottom = (
            min(_MOST_CUT, max(0.0, float(data[made] or 0))) / 100 for made in self.cuts
        )
        right, bottom = max(left + 0.1, 1 - right), max(top + 0.1, 1 - bottom)
        crop = (min(left, 0.9), min(top, 0.9), min(right, 1.0), min(bottom, 1.0))
        return None if crop == (0.0, 0.0, 1.0, 1.0) else crop

    def dragged(self, told: object, base: Base) -> Crop | None:
        """A cut that was drawn on this picture; a stranger's word, so None for what is no cut of it."""
        held = told.get("crop") if isinstance(told, dict) and told.get("id") == base.id else None
        if not isinstance(held, list) or len(held) != len(SIDES):
            return None
        if not all(isinstance(one, int | float) and math.isfinite(one) for one in held):
            return None
        left, top, right, bottom = (round(min(1.0, max(0.0, float(one))), 4) for one in held)
        is_wide = right - left > LEAST_SHARE - 1e-3 and bottom - top > LEAST_SHARE - 1e-3
        return (left, top, right, bottom) if is_wide else None

    def fitting(self, catalogue: Catalogue, base: Base) -> Crop | None:
        """The middle of the picture in the shape that it is trained at."""
        entry = catalogue.get(base.id)
        width, height = replace(entry, crop=None).size
        fit = self.learner.fit((width, height), catalogue.need)
        if fit is None:
            return None
        wanted, shape = fit.size[0] / fit.size[1], width / height
        across, down = min(1.0, wanted / shape), min(1.0, shape / wanted)
        x, y = (1 - across) / _HALF, (1 - down) / _HALF
        return None if across == down == 1.0 else (round(x, 4), round(y, 4), round(1 - x, 4), round(1 - y, 4))

    # showing

    def changes(self, catalogue: Catalogue, base: Base | None, count: int, language: Language) -> Changes:
        """The panel for a picture, or none."""
        if base is None:
            return {self.box: {"visible": False}, self.opened: {"value": ""}}
        entry, need = catalogue.get(base.id), catalogue.need
        if entry.is_deleted:
            raise EntryMissing(None, id=base.id)
        sight, say = Sight(self.desk), self.desk.say
        crop = entry.crop or (0.0, 0.0, 1.0, 1.0)
        cuts = (crop[0], crop[1], 1 - crop[2], 1 - crop[3])
        fit, sizes = self.learner.fit(entry.size, need), self.learner.sizes(need)
        shape = round(fit.size[0] / fit.size[1], 6) if fit else 0.0
        where = say(language, "look.where", place=f"{base.place + 1:,}", count=f"{count:,}")
        told: Changes = {
            self.box: {"visible": True},
            self.opened: {"value": base.write()},
            self.where: {"value": where},
            self.before: {"interactive": base.place > 0},
            self.after: {"interactive": base.place + 1 < count},
            self.whole: {"interactive": entry.crop is not None},
            self.picture: {"value": sight.picture(catalogue, entry, sizes, shape, language)},
            self.side: {"value": "validation" if entry.split == "validation" else ""},
            self.facts: {"value": sight.facts(catalogue, entry, fit, language)},
        }
        for made, share in zip(self.cuts, cuts, strict=True):
            told[made] = {"value": round(100 * share, 1)}
        return told

    def words(self, base: Base) -> Changes:
        """The words of the picture, put into their boxes."""
        return {self.caption: {"value": base.caption}, self.tags: {"value": ", ".join(base.tags)}}

    def told(
        self, catalogue: Catalogue, base: Base, caption: str, tags: tuple[str, ...], language: Language
    ) -> Changes:
        """The line under the caption: whether what is typed is saved, and its tokens; the words of whoever was quicker.
        It follows from the catalogue alone, so that answers may come late or twice."""
        entry, say = catalogue.get(base.id), self.desk.say
        state = standing(entry, base, caption, tags)
        words = Sight(self.desk).tokens(caption, self.learner.limit(catalogue.need), language)
        if state == "clash":
            sentence = say(language, "look.clash", caption=entry.caption, tags=", ".join(entry.tags) or "–")
            words = f'<p class="ink-look-clash" role="alert">{html(sentence)}</p>{words}'
        elif state == "saved" and base.is_written:
            words = f'<span class="ink-look-saved" role="status">{html(say(language, "look.saved"))}</span> {words}'
        return {self.note: {"value": words}, self.clash: {"visible": state == "clash"}}

    def typed(self, data: Data) -> tuple[str, tuple[str, ...]]:
        """The caption and the tags as they stand in their boxes."""
        return data[self.caption] or "", tags_of(data[self.tags] or "")


def _turned(crop: Crop, way: int) -> Crop:
    left, top, right, bottom = crop
    return (1 - bottom, left, 1 - top, right) if way > 0 else (top, 1 - right, bottom, 1 - left)
