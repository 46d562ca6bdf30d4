"""The one endpoint for programs: a request in, picture files and the first seed out."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from studio.errors import StudioError
from studio.requests import GenerateRequest
from studio.studio import Saved
from studio.ui.controls import Figure, StartPicture
from studio.ui.pictures import served
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language

_OWN = GenerateRequest()
FROM_FORM = ("prompt", "negative_prompt", "model", "sampler", "schedule", "steps", "guidance", "width", "height", "seed",
             "count", "styles")  # fmt: skip
"""Parameters that pass through the form's controls, in order."""


class Api:
    """The endpoint and the hidden components that its values pass through."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet

    def draw(self) -> None:
        """Components that no page shows."""
        with gr.Group(visible=False):
            self.loras = gr.JSON(value=[], visible=False)
            self.start, self.mask = (StartPicture(type="filepath", visible=False) for _ in range(2))
            self.upscale = Figure(value=_OWN.upscale, visible=False)
            self.pictures = gr.File(file_count="multiple", visible=False)
            self.seed = gr.Number(precision=0, visible=False)
            self.call = gr.Button(visible=False)

    def takes(self, form: Mapping[str, Any]) -> list[Any]:
        """The components of the parameters, in the order in which `generate` names them."""
        return [*(form[name] for name in FROM_FORM), self.loras, self.start, self.mask, form["strength"], self.upscale,
                form["upscale_strength"], form["memory"]]  # fmt: skip

    def generate(
        self,
        prompt: str = _OWN.prompt,
        negative_prompt: str = _OWN.negative_prompt,
        model: str = _OWN.model,
        sampler: str = _OWN.sampler,
        schedule: str = _OWN.schedule,
        steps: int = _OWN.steps,
        guidance: float = _OWN.guidance,
        width: int = _OWN.width,
        height: int = _OWN.height,
        seed: int | None = _OWN.seed,
        count: int = _OWN.count,
        styles: list[str] | None = None,
        loras: list[Any] | None = None,
        start: str | None = None,
        mask: str | None = None,
        strength: float = _OWN.strength,
        upscale: float = _OWN.upscale,
        upscale_strength: float = _OWN.upscale_strength,
        memory: str = _OWN.memory,
        asked: gr.Request | None = None,
    ) -> tuple[list[str], int | None]:
        """Paint pictures. `seed` None takes a new one; `loras` is a list of "name:weight"; `start` and `mask` are picture
        files (`gradio_client.handle_file`). Returns the PNG files, which hold their settings, and the seed of the first.
        A caller who leaves ends the work."""
        language = as_language((_header(asked, "accept-language") or "en")[:2].lower())
        values = {
            "prompt": prompt, "negative_prompt": negative_prompt, "model": model, "sampler": sampler,
            "schedule": schedule, "steps": steps, "guidance": guidance, "width": width, "height": height,
            "seed": seed, "count": count, "styles": styles or [], "loras": loras or [], "strength": strength,
            "upscale": upscale, "upscale_strength": upscale_strength, "memory": memory,
        }  # fmt: skip
        try:
            GenerateRequest.from_dict(values)  # no picture is kept for a request that is refused
            request = GenerateRequest.from_dict({**values, **self._kept(start=start, mask=mask)})
            with closing(self._sheet.studio.generate(request)) as events:
                heard = itertools.takewhile(_caller_stays(), events)
                entries = [event.entry for event in heard if isinstance(event, Saved)]
        except StudioError as error:
            raise gr.Error(error.say(language), print_exception=False) from None
        return [served(entry.file) for entry in entries], entries[0].seed if entries else None

    def _kept(self, **files: str | None) -> dict[str, str]:
        """The names of the pictures that were sent, by field; raises StudioError for what is none."""
        starts = self._sheet.studio.starts
        return {field: starts.keep(Path(file), field) for field, file in files.items() if file}


def _caller_stays() -> Callable[[object], bool]:
    """Whether the caller of the running handler still listens, to be asked at each event. Only a generator is closed by
    gradio when its caller goes, and that would tell callers of every event; its queue knows of other handlers too: what
    nobody waits for is marked there, or gone from it."""
    page, number = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    waiting = page._queue.event_ids_to_events if page is not None else {}
    asked = waiting.get(number or "")
    return lambda _: asked is None or (asked.alive and waiting.get(asked._id) is asked)


def _header(asked: gr.Request | None, name: str) -> str | None:
    headers = getattr(asked, "headers", None)
    return str(headers.get(name, "")) if headers else None
