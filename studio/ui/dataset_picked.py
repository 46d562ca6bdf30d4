"""What can be done to all selected pictures at once: captions with a preview, tags, licence, side, and out. Each is one
step that undo takes back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import gradio as gr

from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import NO_LICENCE, Entry
from studio.datasets.wording import preview, reword_all
from studio.ui.changes import Changes
from studio.ui.controls import Choice, Segments
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_form import RequestForm
from studio.ui.dataset_saving import tags_of
from studio.ui.safe import html
from studio.words import Language

PANELS = ("captions", "tags", "licence")
MOST_SHOWN, MOST_LOOKED_AT = 6, 2_000
LICENCES = (
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-ND-4.0",
    "LicenseRef-Custom",
    NO_LICENCE,
)
_BATCH = 500


@dataclass
class Picked:
    """The bar under the filters, and what it unfolds."""

    desk: Desk
    form: RequestForm = field(init=False)

    def draw(self) -> None:
        """The bar, then one panel at a time."""
        put = self.desk.sheet.speech.put
        self.form = RequestForm(self.desk.sheet.speech, "wording", is_stripped=False)
        with gr.Row(elem_classes="ink-actions", elem_id="ink-picked"):
            self.told = gr.HTML(elem_id="ink-picked-told")
            self.buttons = {
                name: put(
                    gr.Button, {"value": f"dataset.picked.{name}"}, size="sm", elem_id=f"ink-picked-{name}"
                )
                for name in ("page", "none")
            }
            self.every = gr.Button(visible=False, size="sm", elem_id="ink-picked-all")
        with gr.Column(visible=False, elem_id="ink-picked-doing") as self.box:
            with gr.Row(elem_classes="ink-actions"):
                self.panel = put(
                    Segments, {"label": "dataset.picked.doing"}, choices=self._panels("en"), value="captions",
                    show_label=False, container=False, elem_classes="ink-segments", elem_id="ink-picked-panel",
                )  # fmt: skip
                self.desk.sheet.speech.tell(
                    lambda language: {self.panel: {"choices": self._panels(language)}}
                )
                self.moves = {
                    side: put(
                        gr.Button,
                        {"value": f"dataset.picked.{side}"},
                        size="sm",
                        elem_id=f"ink-picked-{side}",
                    )
                    for side in ("train", "validation")
                }
                self.delete = put(
                    gr.Button, {"value": "dataset.delete"}, size="sm", elem_id="ink-picked-delete"
                )
                self.restore = put(
                    gr.Button,
                    {"value": "dataset.picked.restore"},
                    size="sm",
                    visible=False,
                    elem_id="ink-picked-restore",
                )
            with gr.Column(elem_id="ink-picked-captions") as captions:
                self._draw_captions()
            with gr.Row(visible=False, elem_id="ink-picked-tags") as tags:
                self._draw_tags()
            with gr.Row(visible=False, elem_id="ink-picked-licence") as licence:
                self._draw_licence()
        self.panels = dict(zip(PANELS, (captions, tags, licence), strict=True))

    def _panels(self, language: Language) -> list[tuple[str, str]]:
        return [(self.desk.say(language, f"panel.{name}"), name) for name in PANELS]

    def _draw_captions(self) -> None:
        put, form = self.desk.sheet.speech.put, self.form
        with gr.Group(elem_classes="ink-group"):
            form.row("find", "replace", max_lines=1)
            form.row("prefix", "suffix", max_lines=1)
            with gr.Row():
                form.add("trigger", min_width=140)
                form.add("trigger_word", max_lines=1, min_width=140)
                form.add("template", max_lines=1, min_width=140)
            with gr.Row():
                for name in ("whole_word", "ignore_case", "drop_repeated_tags", "tidy"):
                    form.add(name, min_width=140)
        self.preview = gr.HTML(elem_id="ink-picked-preview")
        with gr.Row(elem_classes="ink-actions"):
            self.apply = put(
                gr.Button,
                {"value": "dataset.picked.apply"},
                variant="primary",
                size="sm",
                elem_id="ink-picked-apply",
            )

    def _draw_tags(self) -> None:
        put = self.desk.sheet.speech.put
        self.tags = put(
            gr.Textbox, {"label": "dataset.look.tags", "placeholder": "dataset.look.tags_hint"}, max_lines=1,
            elem_id="ink-picked-tag-words", scale=3, min_width=180,
        )  # fmt: skip
        self.tag = put(
            gr.Button, {"value": "dataset.picked.tag"}, size="sm", elem_id="ink-picked-tag", min_width=90
        )
        self.untag = put(
            gr.Button, {"value": "dataset.picked.untag"}, size="sm", elem_id="ink-picked-untag", min_width=90
        )

    def _draw_licence(self) -> None:
        put = self.desk.sheet.speech.put
        self.licence = put(
            Choice, {"label": "dataset.fact.licence"}, choices=[(one, one) for one in LICENCES], value="CC0-1.0",
            allow_custom_value=True, filterable=True, elem_id="ink-picked-spdx", min_width=180,
        )  # fmt: skip
        self.author = put(
            gr.Textbox,
            {"label": "dataset.fact.author"},
            max_lines=1,
            elem_id="ink-picked-author",
            min_width=140,
        )
        self.state = put(
            gr.Button, {"value": "dataset.picked.state"}, size="sm", elem_id="ink-picked-state", min_width=90
        )

    def turn(self, panel: str) -> list[Any]:
        """Show one panel."""
        return [gr.update(visible=name == panel) for name in PANELS]

    # doing

    def reword(self, catalogue: Catalogue, ids: Iterable[int], data: Data) -> None:
        """Change the captions as the form says; raises a StudioError that names the field."""
        reword_all(catalogue, ids, self.form.request(data))

    def retag(self, catalogue: Catalogue, ids: Iterable[int], data: Data, is_added: bool) -> None:
        """Add tags, or take them off."""
        named = tags_of(data[self.tags] or "")

        def changed(entry: Entry) -> dict[str, Any]:
            kept = [tag for tag in entry.tags if tag not in named]
            return {"tags": tuple(dict.fromkeys([*entry.tags, *named])) if is_added else tuple(kept)}

        if named:
            catalogue.rewrite(ids, changed, "tags")

    def relicense(self, catalogue: Catalogue, ids: Iterable[int], data: Data) -> None:
        """State the licence, and the author when one is named."""
        told = {"license": " ".join(str(data[self.licence] or NO_LICENCE).split())[:80]}
        if author := " ".join(str(data[self.author] or "").split()):
            told["author"] = author[:200]
        catalogue.edit_many(dict.fromkeys(ids, told), "licence")

    # showing

    def changes(self, picked: list[int], count: int, is_deleted: bool, language: Language) -> Changes:
        """The bar for so many selected of so many found."""
        say = self.desk.say
        told = (
            say(language, "picked.told", count=f"{len(picked):,}") if picked else say(language, "picked.hint")
        )
        return {
            self.told: {"value": f'<p role="status">{html(told)}</p>' if count else ""},
            self.box: {"visible": bool(picked)},
            self.delete: {"visible": not is_deleted},
            self.restore: {"visible": is_deleted},
            self.buttons["page"]: {"visible": bool(count)},
            self.every: {"visible": bool(count), "value": say(language, "picked.all_of", count=f"{count:,}")},
            self.buttons["none"]: {"visible": bool(picked)},
        }

    def compare(self, catalogue: Catalogue, data: Data, picked: list[int], language: Language) -> Changes:
        """Before and after, for the first captions that would change."""
        wording = self.form.request(data)
        looked = (catalogue.get(id) for id in islice(picked, MOST_LOOKED_AT))
        changed = preview(looked, wording, MOST_SHOWN)
        if not changed:
            words = html(self.desk.say(language, "picked.unchanged"))
            return {self.preview: {"value": f'<p class="ink-help">{words}</p>'}}
        nothing = f"<em>{html(self.desk.say(language, 'grid.uncaptioned'))}</em>"
        rows = "".join(
            f"<li><del>{html(one.before) or nothing}</del><ins>{html(one.after) or nothing}</ins></li>"
            for one in changed
        )
        return {self.preview: {"value": f'<ul class="ink-before-after">{rows}</ul>'}}
