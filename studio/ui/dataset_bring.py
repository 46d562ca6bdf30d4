"""Bringing pictures in: drop them, or choose a source and fill in what it reads; and the guide to places that have some."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from studio.dataset_requests import ImportRequest
from studio.datasets.catalogue import Catalogue
from studio.sources.guide import ANSWERS, GuideEntry, guide
from studio.sources.importing import import_from, sources, sources_for
from studio.sources.source import Place
from studio.storybook.scene import STYLES
from studio.ui.changes import Changes
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_form import Pairs, RequestForm
from studio.ui.dataset_grid import SCRIPT
from studio.ui.dataset_work import Came, Work
from studio.ui.safe import html, plain
from studio.ui.sheet import Turn
from studio.words import Language

FIRST = "upload"
DROPPED = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".zip", ".txt", ".caption", ".csv",
           ".jsonl", ".json", ".parquet", ".tar"]  # fmt: skip
WORK = ".imports"
"""Folder of a set for what sources fetch before it is taken in."""
_TALL = {"where": 4, "query": 4}


@dataclass
class Bring:
    """The components."""

    desk: Desk
    form: RequestForm = field(init=False)
    work: Work = field(init=False)

    def draw(self) -> None:
        """Source, drop zone, fields, button, progress, guide."""
        put = self.desk.sheet.speech.put
        self.form, self.work = RequestForm(self.desk.sheet.speech, "importing"), Work(self.desk)
        with put(gr.Accordion, {"label": "dataset.bring"}, open=False, elem_id="ink-bring") as self.fold:
            self.source = self.form.add("source", self._sources, value=FIRST)
            self.about = gr.Markdown(elem_classes="ink-help", elem_id="ink-bring-about")
            self.drop = put(
                gr.File, {"label": "dataset.drop"}, file_count="multiple", file_types=DROPPED, height=170,
                elem_id="ink-bring-drop",
            )  # fmt: skip
            for name in ImportRequest.settings():
                if name != "source":
                    self.form.add(name, self._styles if name == "style" else None, visible=name in _fields(FIRST),
                                  **self._props(name))  # fmt: skip
            self.button = put(
                gr.Button, {"value": "dataset.bring.start"}, variant="primary", size="sm", visible=False,
                elem_id="ink-bring-start",
            )  # fmt: skip
            self.work.draw("bring")
            with put(
                gr.Accordion, {"label": "dataset.guide"}, open=False, elem_id="ink-guide"
            ) as self.guide_fold:
                self.words = put(
                    gr.Textbox, {"label": "dataset.guide.words", "placeholder": "dataset.guide.words"}, show_label=False,
                    container=False, max_lines=1, elem_id="ink-guide-words",
                )  # fmt: skip
                self.guide = gr.HTML(elem_id="ink-guide-list", elem_classes="ink-live", js_on_load=SCRIPT)

    def _props(self, name: str) -> dict[str, Any]:
        return {"lines": 1, "max_lines": _TALL[name]} if name in _TALL else {}

    def _sources(self, language: Language) -> Pairs:
        offered = sources_for(self.desk.sheet.studio.settings)
        return [(source.title.say(language), name) for name, source in offered.items()]

    def _styles(self, language: Language) -> Pairs:
        return [(self.desk.say(language, f"choice.{name}"), name) for name in STYLES]

    # doing

    def start(self, data: Data) -> Any:
        """The work of an import, from what the form says."""
        asked = self.form.request(data)
        known = _fields(asked.source)
        default = ImportRequest().to_dict()
        request = ImportRequest.from_dict(
            {
                name: value if name in known or name == "source" else default[name]
                for name, value in asked.to_dict().items()
            }
        )
        files = tuple(Path(file) for file in data[self.drop] or ()) if request.source == FIRST else ()
        studio = self.desk.sheet.studio

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            place = Place(
                studio.settings,
                catalogue.root / WORK,
                files=files,
                studio=studio,
                environment=dict(os.environ),
            )
            return import_from(catalogue, request, place)

        return run

    def title(self, data: Data) -> str:
        """What tells an import from others under way: its files, or its source and where or what that looks for."""
        files = [Path(file).name for file in data[self.drop] or ()]
        source = str(data[self.source] or FIRST)
        if source == FIRST:
            return files[0] + (f" +{len(files) - 1}" if len(files) > 1 else "") if files else ""
        known = sources().get(source)
        fields = _fields(source)
        asked = " ".join(
            str(data[self.form.controls[name]] or "") for name in ("where", "query") if name in fields
        )
        title = known.title.say(self.desk.language(data)) if known else source
        return f"{title}: {asked[:60]}" if asked.strip() else title

    def told(self, came: Came, language: Language) -> str:
        """What came in."""
        return self.desk.say(language, "bring.taken", count=f"{came.count:,}")

    # showing

    def turned(self, source: object, language: Language) -> Changes:
        """The form for a source: what it reads, and what it is."""
        name = str(source or FIRST)
        fields, known = _fields(name), sources().get(name)
        told: Changes = {
            made: {"visible": field in fields}
            for field, made in self.form.controls.items()
            if field != "source"
        }
        told[self.about] = {"value": plain(known.help.say(language)) if known else ""}
        told[self.drop] = {"visible": name == FIRST}
        told[self.button] = {"visible": name != FIRST}
        return told

    def places(self, words: str, language: Language) -> Changes:
        """The guide, as far as all these words are in it."""
        rows = "".join(self._place(entry, language) for entry in guide(words or ""))
        nothing = html(self.desk.say(language, "guide.nothing"))
        return {self.guide: {"value": f'<ul class="ink-guide">{rows}</ul>' if rows else f"<p>{nothing}</p>"}}

    def _place(self, entry: GuideEntry, language: Language) -> str:
        say, offered = self.desk.say, sources_for(self.desk.sheet.studio.settings)
        use = entry.source or entry.instead
        button = ""
        if use in offered:
            key = "guide.use" if entry.source else "guide.instead"
            label = html(say(language, key, source=offered[use].title))
            told = html(json.dumps({"source": use, "where": entry.where if entry.source else ""}))
            button = f'<button type="button" data-do="guide" data-with="{told}">{label}</button>'
        link = (
            f'<a href="{html(entry.link)}" target="_blank" rel="noopener noreferrer">{html(entry.name)}</a>'
        )
        return (
            f'<li class="is-{html(entry.training)}"><b>{link}</b> <span class="ink-mark">'
            f"{html(ANSWERS[entry.training].say(language))}</span><p>{html(entry.what.say(language))}</p>"
            f"<small>{html(entry.terms.say(language))}</small>{button}</li>"
        )

    def chosen(self, told: object, language: Language) -> Changes:
        """The form for a place of the guide that was clicked."""
        held = told if isinstance(told, dict) else {}
        source = str(held.get("source", ""))
        if source not in sources_for(self.desk.sheet.studio.settings):
            return {}
        shown = self.turned(source, language)
        shown[self.source] = {"value": source}
        where = self.form.controls["where"]
        shown[where] = {**shown[where], "value": str(held.get("where", ""))[:400]}
        return shown


def _fields(source: str) -> tuple[str, ...]:
    known = sources().get(source)
    return known.fields if known else ()
