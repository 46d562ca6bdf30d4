"""Choosing what to learn from: a folder of this machine, dropped pictures, or a set that the studio paints itself."""

import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.datasets.upload import caption_rest, store_pictures
from studio.errors import StudioError
from studio.runs.names import free_name
from studio.ui.controls import Segments
from studio.ui.safe import plain
from studio.ui.speech import as_language
from studio.ui.train_workshop import Workshop
from studio.words import Language

EXAMPLE_STYLE, EXAMPLE_COUNT = "ink-wash", 24
"""What a newcomer without pictures learns from: enough for a style, painted in a few seconds."""
_SOURCES = ("folder", "drop")
_DROPPED = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".zip", ".txt", ".csv", ".jsonl"]


@dataclass
class PictureSets:
    """The dataset group. `stored` is the folder that this visitor's dropped pictures were put into."""

    workshop: Workshop

    def draw(self) -> None:
        """The folder box, the drop zone with its caption, and the set that is painted on demand."""
        speech, form = self.workshop.sheet.speech, self.workshop.form
        self.stored = gr.State("")
        with gr.Group(elem_classes="ink-group", visible=self._may_choose):
            self.source = speech.put(
                Segments, {"label": "train.source.label"}, choices=self._sources("en"), value="folder", elem_classes="ink-segments",
                elem_id="ink-train-source",
            )  # fmt: skip
            speech.tell(lambda language: {self.source: {"choices": self._sources(language)}})
            with gr.Column(elem_id="ink-train-folder") as self.folder_box:
                form.draw_dataset()
            with gr.Column(visible=False, elem_id="ink-train-dropping") as self.drop_box:
                self.drop = speech.put(
                    gr.File, {"label": "train.drop.label"}, file_count="multiple", file_types=_DROPPED, height=150,
                    elem_id="ink-train-drop",
                )  # fmt: skip
                self.caption = speech.put(
                    gr.Textbox, {"label": "train.drop.caption", "info": "train.drop.caption_help"}, max_lines=1,
                    elem_id="ink-train-caption",
                )  # fmt: skip
            self.note = gr.Markdown(visible=False, elem_classes="ink-fault", elem_id="ink-train-set-note")
            self.example = speech.put(
                gr.Button, {"value": "train.example"}, size="sm", elem_id="ink-train-example"
            )

    def _sources(self, language: Language) -> list[tuple[str, str]]:
        return [(self.workshop.sheet.speech.say(language, f"train.source.{name}"), name) for name in _SOURCES]

    @property
    def _may_choose(self) -> bool:
        """Handlers ask too: that a control is hidden keeps nobody from calling what stands behind it."""
        return self.workshop.sheet.studio.settings.may_train

    @property
    def outputs(self) -> list[Any]:
        """What the handlers write on."""
        return [self.workshop.form.controls["dataset_path"], self.note, self.stored]

    def turn(self, source: str) -> tuple[Any, Any]:
        """Show one way or the other."""
        return gr.update(visible=source == "folder"), gr.update(visible=source == "drop")

    def store(self, files: list[str] | None, caption: str, name: str, spoken: str) -> dict[Any, Any]:
        """Put dropped files into a picture folder of their own and choose it."""
        if not files or not self._may_choose:
            return {self.stored: ""}
        folder = self._new_folder(name)
        try:
            store_pictures([Path(file) for file in files], caption or "", folder)
        except StudioError as error:
            return self._fault(error, as_language(spoken)) | {self.stored: ""}
        return self._chosen(folder) | {self.stored: str(folder)}

    def recaption(self, caption: str, stored: str, spoken: str) -> dict[Any, Any]:
        """Give the dropped pictures without words of their own another caption."""
        folder = Path(stored)
        if not self._may_choose or not stored or folder.parent != self.workshop.choices.sets_dir:
            return {self.stored: stored}
        try:
            caption_rest(folder, caption or "")
        except StudioError as error:
            return self._fault(error, as_language(spoken))
        return self._chosen(folder)

    def paint(self) -> dict[Any, Any]:
        """Paint the example set, unless it is there, and choose it."""
        if not self._may_choose:
            return {self.stored: ""}
        from studio.storybook.paint import PaintRequest, paint_folder  # brings in OpenCV

        folder = self.workshop.choices.sets_dir / f"{EXAMPLE_STYLE}-{EXAMPLE_COUNT}"
        if not folder.is_dir():
            part = folder.with_name(f".{secrets.token_hex(8)}.part")
            for _ in paint_folder(PaintRequest(EXAMPLE_COUNT, part, EXAMPLE_STYLE)):
                pass
            with suppress(OSError):  # somebody else was quicker
                part.rename(folder)
            shutil.rmtree(part, ignore_errors=True)
        return self._chosen(folder)

    def _chosen(self, folder: Path) -> dict[Any, Any]:
        sets = self.workshop.choices.sets()
        path = self.workshop.form.controls["dataset_path"]
        return {path: gr.update(value=str(folder), choices=sets), self.note: gr.update(visible=False)}

    def _fault(self, error: StudioError, language: Language) -> dict[Any, Any]:
        return {self.note: gr.update(value=plain(error.say(language)), visible=True)}

    def _new_folder(self, name: str) -> Path:
        stem = re.sub(r"[^\w\- ]+", "-", name or "").strip("- ")[:40] or "pictures"
        taken = {path.name.lower() for path in self.workshop.choices.sets_dir.glob("*")}
        return self.workshop.choices.sets_dir / free_name(stem, taken)
