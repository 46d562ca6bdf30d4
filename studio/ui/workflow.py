"""The form as a ComfyUI workflow to download: for its page, and for its server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from studio.errors import StudioError
from studio.exchange.comfy.shelved import workflow
from studio.exchange.comfy.writing import Written, targets
from studio.ui.controls import Choice
from studio.ui.forms import GenerateForm
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language
from studio.words import Language, Said

PAGE_FILE, SERVER_FILE = "inkstone-workflow.json", "inkstone-workflow-api.json"
_OWN = ""


@dataclass
class Workflow:
    """The choice of nodes, the button, and the two files that it makes."""

    sheet: Sheet
    form: GenerateForm

    def draw(self) -> None:
        """The whole fold."""
        speech = self.sheet.speech
        with speech.put(gr.Accordion, {"label": "workflow.title"}, open=False, elem_id="ink-workflow"):
            self.nodes = speech.put(
                Choice, {"label": "workflow.nodes", "info": "workflow.nodes_help"}, choices=self._choices("en"), value=_OWN,
                filterable=False, elem_id="ink-workflow-nodes",
            )  # fmt: skip
            speech.tell(lambda language: {self.nodes: {"choices": self._choices(language)}})
            self.make = speech.put(
                gr.Button, {"value": "workflow.make"}, size="sm", elem_id="ink-workflow-make"
            )
            with gr.Row(visible=False) as self.files:
                self.page = speech.put(
                    gr.DownloadButton, {"label": "workflow.page"}, size="sm", elem_id="ink-workflow-page"
                )
                self.server = speech.put(
                    gr.DownloadButton, {"label": "workflow.server"}, size="sm", elem_id="ink-workflow-server"
                )
            self.note = gr.Markdown(visible=False, elem_id="ink-workflow-note")

    def wire(self) -> None:
        """Join the button."""
        self.make.click(
            self.made, self.needs, [self.files, self.page, self.server, self.note], show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    @property
    def needs(self) -> set[Any]:
        """What the handler has to be given."""
        return {*self.form.controls.values(), self.sheet.language, self.nodes}

    def made(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Both files of what the form holds now, and what in them isn't the same; or what keeps them from being made."""
        language = as_language(data[self.sheet.language])
        studio = self.sheet.studio
        try:
            request = self.form.request(self.form.values(data))
            written = workflow(request, studio.shelf, studio.presets, data[self.nodes] or None, language)
        except StudioError as error:
            return {
                self.files: gr.update(visible=False),
                self.note: note(plain(error.say(language)), "ink-fault"),
            }
        return {
            self.files: gr.update(visible=True),
            self.page: gr.update(value=_kept(written.page, PAGE_FILE)),
            self.server: gr.update(value=_kept(written.api, SERVER_FILE)),
            self.note: note(self._told(written, language), "ink-notice"),
        }

    def _told(self, written: Written, language: Language) -> str:
        lists = {"workflow.near": written.approximated, "workflow.left": written.left_out}
        first = plain(self.sheet.speech.say(language, "workflow.ready"))
        return "\n\n".join(
            [
                first,
                *(
                    listed(self.sheet.speech.say(language, key), said, language)
                    for key, said in lists.items()
                    if said
                ),
            ]
        )

    def _choices(self, language: Language) -> list[tuple[str, str]]:
        own = (self.sheet.speech.say(language, "workflow.own"), _OWN)
        named = sorted(targets().values(), key=lambda target: target.order)
        return [own, *((target.title.say(language), target.name) for target in named)]


def listed(heading: str, said: tuple[Said, ...], language: Language) -> str:
    """Sentences under a heading, as Markdown; nothing in them is read as markup."""
    return "\n".join([f"**{plain(heading)}**", "", *(f"- {plain(item.say(language))}" for item in said)])


def note(markdown: str, mark: str) -> Any:
    """What shows ready Markdown as a fault or a notice."""
    return gr.update(value=markdown, visible=True, elem_classes=[mark])


def _kept(value: Mapping[str, Any], name: str) -> str:
    """A file for the browser, in gradio's cache, which is emptied by itself."""
    content = json.dumps(value, indent=2).encode()
    return str(save_bytes_to_cache(content, name, str(Path(get_upload_folder()).resolve())))
