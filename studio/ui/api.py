"""The one endpoint for programs: a request in, picture files and the first seed out."""

from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.requests import GenerateRequest
from studio.studio import Saved
from studio.ui.pictures import served
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language


class Api:
    """The endpoint and the hidden components that its values pass through."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet

    def draw(self) -> None:
        """Components that no page shows."""
        with gr.Group(visible=False):
            self.loras = gr.JSON(value=[], visible=False)
            self.pictures = gr.File(file_count="multiple", visible=False)
            self.seed = gr.Number(precision=0, visible=False)
            self.call = gr.Button(visible=False)

    def generate(
        self,
        prompt: str,
        negative_prompt: str = "",
        model: str = "storybook",
        sampler: str = "euler",
        schedule: str = "auto",
        steps: int = 25,
        guidance: float = 3.0,
        width: int = 256,
        height: int = 256,
        seed: int | None = None,
        count: int = 1,
        styles: list[str] | None = None,
        loras: list[Any] | None = None,
        asked: gr.Request | None = None,
    ) -> tuple[list[str], int | None]:
        """Paint pictures. `seed` None takes a new one; `loras` is a list of "name:weight". Returns the PNG files, which
        hold their settings, and the seed of the first."""
        language = as_language((_header(asked, "accept-language") or "en")[:2].lower())
        values = {
            "prompt": prompt, "negative_prompt": negative_prompt, "model": model, "sampler": sampler,
            "schedule": schedule, "steps": steps, "guidance": guidance, "width": width, "height": height,
            "seed": seed, "count": count, "styles": styles or [], "loras": loras or [],
        }  # fmt: skip
        try:
            request = GenerateRequest.from_dict(values)
            entries = [
                event.entry for event in self._sheet.studio.generate(request) if isinstance(event, Saved)
            ]
        except StudioError as error:
            raise gr.Error(error.say(language), print_exception=False) from None
        return [served(entry.file) for entry in entries], entries[0].seed if entries else None


def _header(asked: gr.Request | None, name: str) -> str | None:
    headers = getattr(asked, "headers", None)
    return str(headers.get(name, "")) if headers else None
