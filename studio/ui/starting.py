"""What puts a start picture into the form and takes it away: an upload, the picture in hand, strokes over a part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from studio.errors import StudioError
from studio.ui.changes import Changes, merged, updates
from studio.ui.pictures import served
from studio.ui.sheet import Sheet
from studio.ui.sight import into_sight
from studio.ui.speech import as_language
from studio.ui.start import NAMES
from studio.ui.strokes import canvas, mask_of
from studio.ui.surface import Surface
from studio.words import Language

SHOW_START = into_sight("ink-start")


class Starting:
    """The handlers of the fold 'Start from a picture'. None of them changes another setting without being asked."""

    def __init__(self, sheet: Sheet, surface: Surface) -> None:
        self._sheet = sheet
        self._on = surface
        self._form = surface.form
        self._start = surface.form.start

    @property
    def needs(self) -> set[Any]:
        """What every handler has to be given."""
        form = self._form.controls
        return {*(form[name] for name in ("start", "mask", "model", "width", "height", "upscale")),
                self._start.picture, self._on.hand.holds, self._sheet.language}  # fmt: skip

    @property
    def outputs(self) -> list[Any]:
        """What they write on."""
        form = self._form.controls
        names = ("start", "mask", "upscale", "upscale_strength", "width", "height")
        return [*self._start.parts, *(form[name] for name in names), self._form.aspect]

    def upload(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Begin with the picture that was uploaded, pasted or dropped."""
        given = data[self._start.picture]
        return self._begin(Path(given), data) if given else self.clear(data)

    def hand(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Begin with the picture in hand; prompt and settings stay as they are."""
        entry = self._on.past.entry(data[self._on.hand.holds])
        if entry is None:
            return {}
        shown: Changes = {
            self._start.picture: {"value": served(entry.file)},
            self._start.fold: {"open": True},
        }
        return self._begin(entry.file, data, shown)

    def clear(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Begin with noise again."""
        return self._told("", data, {self._start.picture: {"value": None}})

    def paint(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Open the editor over the start picture."""
        values = self._values(data)
        start = self._start.file_of(values["start"])
        if start is None:
            return {}
        return updates(self._start.painted_over(canvas(start, self._start.file_of(values["mask"]))))

    def whole(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Put the editor away: the whole picture is repainted."""
        return updates(self._start.painted_over(None), {self._form.controls["mask"]: {"value": ""}})

    def shape(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Take the start picture's proportions."""
        values = self._values(data)
        size = self._start.size_for(values)
        if size is None:
            return {}
        values |= dict(zip(("width", "height"), size, strict=True))
        sides: Changes = {self._form.controls[side]: {"value": values[side]} for side in ("width", "height")}
        return updates(
            sides, self._form.size_changes(values), self._start.offer(values, self._language(data))
        )

    def follow(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """What follows from a changed size or factor."""
        return updates(self._start.changes(self._values(data), self._language(data)))

    def masked(self, values: Mapping[str, Any], data: Mapping[Any, Any]) -> tuple[dict[str, Any], Changes]:
        """The values with the strokes of an open editor kept as their mask, and what tells the form of it. Raises
        StudioError where they can't be kept."""
        painted, start = data[self._start.editor], self._start.file_of(values["start"])
        if painted is None or start is None:
            return dict(values), {}
        with Image.open(start) as picture:
            mask = mask_of(painted, picture.size)
        name = self._sheet.studio.starts.keep(mask, "mask") if mask else ""
        bare = self._sheet.speech.say(self._language(data), "start.bare")
        said = {} if mask else self._start.hint("mask", bare, is_fault=False)
        return {**values, "mask": name}, merged(said, {self._form.controls["mask"]: {"value": name}})

    def _begin(self, file: Path, data: Mapping[Any, Any], *more: Changes) -> dict[Any, Any]:
        start = self._start
        try:
            name = self._sheet.studio.starts.keep(file)
        except StudioError as error:
            faulty = start.hint("start", error.say(self._language(data)), is_fault=True)
            return self._told("", data, {start.picture: {"value": None}}, faulty)
        return self._told(name, data, *more)

    def _told(self, name: str, data: Mapping[Any, Any], *more: Changes) -> dict[Any, Any]:
        """The form with another start picture: the editor is put away, what was said is past."""
        values = {**self._values(data), "start": name, "mask": ""}
        start = self._start
        held: Changes = {start.held[each]: {"value": values[each]} for each in NAMES}
        changes = start.changes(values, self._language(data))
        return updates(start.calm(), start.painted_over(None), changes, held, *more)

    def _values(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        form = self._form.controls
        return {name: data[made] for name, made in form.items() if made in data}

    def _language(self, data: Mapping[Any, Any]) -> Language:
        return as_language(data[self._sheet.language])
