"""A set on its way to the Hugging Face Hub: where to, who may see it, what its licences say, and the token, which is used
once and forgotten. Not on a page for everybody: the token of this machine isn't its visitors'."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.dataset_requests import ExportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import PushRefused
from studio.datasets.hub import PUSHED, push
from studio.datasets.sharing import warnings
from studio.ui.changes import Changes
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_form import RequestForm
from studio.ui.dataset_work import Came, Work
from studio.ui.safe import html
from studio.ui.sheet import Turn
from studio.words import Language


@dataclass
class Pushing:
    """The components, inside the export's; `form` is the export's, which says how the set is written."""

    desk: Desk
    form: RequestForm
    work: Work = field(init=False)

    def draw(self) -> None:
        """Repository, switch, token, licences, button, progress and the link."""
        put, self.work = self.desk.sheet.speech.put, Work(self.desk)
        with put(
            gr.Accordion, {"label": "dataset.pushing"}, open=False, elem_id="ink-pushing", visible=not self.desk.is_public
        ) as self.fold:  # fmt: skip
            with gr.Row():
                self.repo = put(
                    gr.Textbox, {"label": "dataset.pushing.repo", "info": "dataset.pushing.repo.help"}, max_lines=1,
                    placeholder="owner/name", elem_id="ink-pushing-repo", min_width=180, scale=2,
                )  # fmt: skip
                self.is_private = put(
                    gr.Checkbox, {"label": "dataset.pushing.private", "info": "dataset.pushing.private.help"}, value=True,
                    elem_id="ink-pushing-private", min_width=140,
                )  # fmt: skip
            self.token = put(
                gr.Textbox, {"label": "dataset.pushing.token", "info": "dataset.pushing.token.help"}, type="password",
                max_lines=1, elem_id="ink-pushing-token",
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )  # fmt: skip
            self.licences = gr.HTML(elem_id="ink-pushing-licences", elem_classes="ink-work")
            self.button = put(
                gr.Button, {"value": "dataset.pushing.start"}, variant="primary", size="sm", elem_id="ink-pushing-start"
            )  # fmt: skip
            self.work.draw("pushing")
            self.link = gr.HTML(elem_id="ink-pushing-link", elem_classes="ink-work")

    @property
    def needs(self) -> set[Any]:
        """What pushing has to be given."""
        return {self.repo, self.is_private, self.token}

    def start(self, data: Data, made: list[str]) -> Any:
        """The work of a push; `made` gets the address of what came of it. Raises PushRefused on a public page."""
        if self.desk.is_public:
            raise PushRefused(None)
        request: ExportRequest = self.form.request(data, out="")
        repo, token = " ".join(str(data[self.repo] or "").split()), str(data[self.token] or "").strip()

        def run(catalogue: Catalogue, turn: Turn) -> Iterator[Any]:
            for step in push(catalogue, request, repo, bool(data[self.is_private]), token):
                if step.doing is not None and step.doing.text is PUSHED:
                    made.append(str(step.doing.values["url"]))
                yield step

        return run

    def told(self, came: Came, language: Language) -> str:
        """What the last step said."""
        return came.step.doing.say(language) if came.step.doing else ""

    def linked(self, address: str, language: Language) -> str:
        """The address as a link; what is none stays out."""
        if not address.startswith(("https://", "http://")):
            return ""
        words = html(self.desk.say(language, "pushing.open"))
        return f'<p><a href="{html(address)}" target="_blank" rel="noopener noreferrer">{words}</a></p>'

    def look(self, catalogue: Catalogue, language: Language) -> Changes:
        """What the licences of the set say about sharing it."""
        say = self.desk.say
        said = warnings(catalogue)
        rows = "".join(f"<li>{html(one.say(language))}</li>" for one in said)
        nothing = "pushing.free" if catalogue.count() else "pushing.empty"
        words = (
            f'<ul class="ink-check-list is-notices">{rows}</ul>'
            if rows
            else f"<p>{html(say(language, nothing))}</p>"
        )
        return {self.licences: {"value": words}}
