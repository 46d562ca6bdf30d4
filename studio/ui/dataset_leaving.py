"""Out of the tab: a set written for other trainers, as a folder or a zip, and on to Train."""

import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from studio.dataset_requests import CheckRequest, ExportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import ChecksFailed, TicksWanted
from studio.datasets.export import export, prepare
from studio.datasets.formats import formats
from studio.datasets.found import Step
from studio.runs.names import free_name
from studio.ui.dataset_checks import Checking
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_facts import FactBook
from studio.ui.dataset_form import Pairs, RequestForm
from studio.ui.dataset_push import Pushing
from studio.ui.dataset_work import Came, Work
from studio.ui.sheet import Turn
from studio.words import Language, Said


@dataclass
class Exporting:
    """The components of an export. `made` holds the zip of this visitor's last one."""

    desk: Desk
    form: RequestForm = field(init=False)
    work: Work = field(init=False)
    pushing: Pushing = field(init=False)

    def draw(self) -> None:
        """The layout and its options, where to, the button, the zip, and the way to the Hub."""
        put, may_name = self.desk.sheet.speech.put, self.desk.sheet.studio.settings.may_import_paths
        self.form, self.work = RequestForm(self.desk.sheet.speech, "exporting"), Work(self.desk)
        with put(gr.Accordion, {"label": "dataset.exporting"}, open=False, elem_id="ink-exporting"):
            self.form.row("format", offer=self._formats)
            self.form.row("picture_format", "longest_side")
            self.form.row("repeats")
            if may_name:
                self.form.add("out", max_lines=1)
            self.zipped = put(
                gr.Checkbox, {"label": "dataset.exporting.zip"}, value=not may_name, visible=may_name,
                elem_id="ink-exporting-zip",
            )  # fmt: skip
            self.button = put(
                gr.Button,
                {"value": "dataset.exporting.start"},
                variant="primary",
                size="sm",
                elem_id="ink-exporting-start",
            )
            self.work.draw("exporting")
            self.download = put(
                gr.DownloadButton, {"label": "dataset.exporting.download"}, size="sm", visible=False,
                elem_id="ink-exporting-download",
            )  # fmt: skip
            self.pushing = Pushing(self.desk, self.form)
            self.pushing.draw()

    def _formats(self, language: Language) -> Pairs:
        return [(one.title.say(language), name) for name, one in formats().items() if one.write is not None]

    def start(self, data: Data, made: list[str]) -> Any:
        """The work of an export; `made` gets the path of the zip, if one is wanted."""
        may_name = self.desk.sheet.studio.settings.may_import_paths
        request: ExportRequest = self.form.request(data)
        is_zipped = bool(data[self.zipped]) or not may_name

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            if not is_zipped:
                return export(
                    catalogue, request.with_(out=request.out or str(self._free(catalogue, request)))
                )
            return self._zip(catalogue, request, made)

        return run

    def _free(self, catalogue: Catalogue, request: ExportRequest) -> Path:
        """A folder that isn't there yet, named after set and layout."""
        home = self.desk.sheet.studio.settings.output_dir / "exports"
        taken = {path.name.lower() for path in home.glob("*")}
        return home / free_name(f"{catalogue.root.name}-{request.format}", taken)

    def _zip(self, catalogue: Catalogue, request: ExportRequest, made: list[str]) -> Iterator[Step]:
        with tempfile.TemporaryDirectory(dir=catalogue.root, prefix=".export-") as folder:
            name = f"{catalogue.root.name}-{request.format}"
            whole = Path(folder) / name
            last: Step | None = None
            for step in export(catalogue, request.with_(out=str(whole))):
                last = step
                yield step
            files = [file for file in sorted(whole.rglob("*")) if file.is_file()]
            shelf = Path(get_upload_folder()).resolve() / "inkstone" / secrets.token_hex(16)
            shelf.mkdir(parents=True)
            archive = shelf / f"{name}.zip"
            doing = Said(self.desk.sheet.speech.text("dataset.exporting.zipping"), {})
            with zipfile.ZipFile(archive, "w") as out:  # pictures don't get smaller
                for number, file in enumerate(files, 1):
                    out.write(file, f"{name}/{file.relative_to(whole).as_posix()}")
                    yield Step(number, len(files), doing)
        made.append(str(archive))
        count = last.done if last else 0
        yield Step(
            count,
            count,
            Said(self.desk.sheet.speech.text("dataset.exporting.zipped"), {"count": f"{count:,}"}),
        )


@dataclass
class ToTrain:
    """The way to the Train tab: only what the checks have nothing against."""

    desk: Desk
    checking: Checking
    facts: FactBook
    work: Work = field(init=False)

    def draw(self) -> None:
        """The button, or why there is none."""
        put = self.desk.sheet.speech.put
        self.work = Work(self.desk)
        with gr.Column(elem_id="ink-to-train", visible=False) as self.box:
            self.button = put(
                gr.Button, {"value": "dataset.train"}, variant="primary", elem_id="ink-to-train-start",
                visible=self.desk.sheet.studio.settings.may_train,
            )  # fmt: skip
            key = "dataset.train.why" if self.desk.sheet.studio.settings.may_train else "dataset.train.away"
            put(gr.Markdown, {"value": key}, elem_classes="ink-help")
            self.work.draw("to-train")

    def start(self, data: Data, passed: dict[str, Any]) -> Any:
        """The work: check what has changed since the last check, refuse what errors spoil, write the training folders.
        `passed` gets what the Train tab is told."""
        asked: CheckRequest = self.checking.form.request(data)

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            if not self.facts.of(catalogue).is_fresh:
                yield from self.checking.steps(catalogue, asked)
            self._refuse(catalogue)
            yield from prepare(catalogue)
            need = catalogue.need
            passed.update(dataset_path=str(catalogue.root), trigger_word=need.trigger_word, model=need.model)

        return run

    def _refuse(self, catalogue: Catalogue) -> None:
        report = catalogue.note("report") or {}
        if report.get("is_blocked"):
            raise ChecksFailed(None, count=report["counts"]["error"])
        if report.get("needs_tick"):
            waiting = [row for row in report["rows"] if row["must_tick"] and not row["is_acknowledged"]]
            raise TicksWanted(None, count=len(waiting))

    def told(self, came: Came, language: Language) -> str:
        """What is said in the end: the Train tab says the rest."""
        return "" if came.is_stopped else self.desk.say(language, "train.sent")
