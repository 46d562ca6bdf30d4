"""What stands behind the Dataset tab: the sets, who may open which, and their pictures on the way to the browser."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks import checks
from studio.datasets.checks.check import Check
from studio.datasets.entry import Entry
from studio.datasets.errors import SetMissing
from studio.datasets.pictures import Unusable
from studio.datasets.sets import Sets
from studio.datasets.thumbnails import LARGE_PX, place_of, thumbnail
from studio.errors import StudioError
from studio.ui.safe import plain
from studio.ui.sheet import Sheet
from studio.ui.speech import as_language
from studio.ui.train_show import address
from studio.words import Language

_STEPS = (
    "edit",
    "delete",
    "reword",
    "tags",
    "licence",
    "split",
    "restore",
    "caption",
    "fix",
    "name",
    "tidy",
    "trigger",
)
Data = Mapping[Any, Any]
Updates = dict[Any, Any]


@dataclass
class Desk:
    """One for all visitors. `chosen` is the list of sets, `own` holds the names of those that this visitor has made;
    `nothing` is written on where a handler has nothing to say."""

    sheet: Sheet
    sets: Sets
    chosen: Any = None
    own: Any = None
    nothing: Any = None
    checks: Mapping[str, Check] = field(default_factory=dict)

    @classmethod
    def of(cls, sheet: Sheet) -> "Desk":
        """A desk over the sheet's studio."""
        return cls(sheet, Sets(sheet.studio.settings), checks=checks())

    def draw_memory(self) -> None:
        """What a visitor's page remembers without showing it."""
        self.own, self.nothing = gr.State([]), gr.State(None)

    @property
    def is_public(self) -> bool:
        """Whether strangers come here."""
        return self.sheet.studio.settings.public

    def say(self, language: Language, key: str, /, **values: object) -> str:
        """A line of the tab's words."""
        return self.sheet.speech.say(language, f"dataset.{key}", **values)

    def names(self, own: list[str]) -> list[str]:
        """The sets that this visitor may see."""
        return [card.name for card in self.sets.list() if not self.is_public or card.name in own]

    def step(self, what: str, language: Language) -> str:
        """What a step of the undo list is called."""
        return self.say(language, f"step.{what if what in _STEPS else 'other'}")

    @contextmanager
    def opened(self, data: Data) -> Iterator[Catalogue]:
        """The chosen set; raises SetMissing for one that isn't there or isn't this visitor's."""
        name = str(data[self.chosen] or "")
        if not name or (self.is_public and name not in (data[self.own] or [])):
            raise SetMissing(None, path=name or "-")
        with self.sets.open(name) as catalogue:
            yield catalogue

    @staticmethod
    def as_language(value: object) -> Language:
        """What a page's switch holds, as a language."""
        return as_language(value)

    def language(self, data: Data) -> Language:
        """What this visitor's page speaks."""
        return as_language(data[self.sheet.language])

    @property
    def needs(self) -> set[Any]:
        """What `opened` and `language` have to be given."""
        return {self.chosen, self.own, self.sheet.language}

    def handler(self, do: Callable[[Catalogue, Data], Updates]) -> Callable[[Data], Updates]:
        """`do` with the chosen set, and errors told as a toast."""

        def handle(data: Data) -> Updates:
            try:
                with self.opened(data) as catalogue:
                    return do(catalogue, data) or {self.nothing: None}
            except StudioError as error:
                return self.sorry(error, data)

        return handle

    def sorry(self, error: StudioError, data: Data) -> Updates:
        """An error as a toast."""
        gr.Warning(plain(error.say(self.language(data))))
        return {self.nothing: None}

    # pictures

    def tile(self, root: Path, entry: Entry) -> str:
        """The address of a picture's thumbnail; empty when it hasn't been made yet."""
        copy = place_of(root, entry)
        return lent(copy) if copy.is_file() else ""

    def large(self, root: Path, entry: Entry) -> str:
        """The address of the picture to look at closely, turned but not cut; empty for what can't be shown."""
        try:
            return lent(thumbnail(root, entry, LARGE_PX, is_cut=False))
        except Unusable:
            return ""


def lent(file: Path) -> str:
    """The address of a copy in gradio's cache, whose name says all that it is."""
    copy = Path(get_upload_folder()).resolve() / "inkstone" / file.name
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(f".{secrets.token_hex(8)}.part")
        shutil.copyfile(file, part)
        part.replace(copy)
    return address(copy)
