"""What a captioner is: a family of models that put pictures into words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.dataset_requests import CaptionRequest
from studio.engine.device import Device
from studio.words import Language, Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


@dataclass(frozen=True)
class Described:
    """What a model said of one picture; tags where it speaks in tags."""

    caption: str
    tags: tuple[str, ...] = ()


Describe = Callable[[Sequence["Picture"], CaptionRequest], list[Described]]
"""RGB pictures of any size, and what was asked for, to what was said of each."""


@dataclass(frozen=True)
class Captioner:
    """A family of captioning models. `instructions` holds, for each language that it can write, what it is told when
    nobody says otherwise; `hub_ids` are weights that fit; `batch` is how many pictures a GPU takes at once.
    `recognises` looks at a folder's files; `check` raises for a request that the family can't serve; `load` opens a
    folder on a device, and brings in the heavy libraries."""

    title: Text
    about: Text
    order: int
    instructions: Mapping[Language, str]
    hub_ids: tuple[str, ...]
    recognises: Callable[[Path], bool]
    load: Callable[[Path, Device], Describe]
    check: Callable[[CaptionRequest], None] = lambda request: None
    batch: int = 8

    def instruction(self, request: CaptionRequest) -> str:
        """What the model is told: the request's words, or the usual ones in its language."""
        return request.prompt.strip() or self.instructions["zh" if request.caption_language == "zh" else "en"]
