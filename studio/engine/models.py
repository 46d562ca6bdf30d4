"""The opened models: each part once, by what its files look like, under the device's share of memory."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.engine import tell
from studio.engine.adapt import Adapters, text_parts
from studio.engine.cache import Cache, Kept
from studio.engine.device import Device, pick_dtype
from studio.engine.load import bytes_on_disk, open_part, signature
from studio.engine.places import places_of
from studio.engine.preview import Preview, TinyPreview, fit
from studio.families.family import Family
from studio.families.parts import network

if TYPE_CHECKING:
    import torch

TINY = "taesd"
"""A folder of a model in which a tiny autoencoder is looked for."""
CPU_SHARE, GPU_SHARE = 0.4, 0.7
"""How much of the memory the parts of models may fill before the least recently used makes way."""


class Models:
    """Parts of models on one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        share = GPU_SHARE if device.kind == "cuda" else CPU_SHARE
        self.kept = Cache(int(device.memory_bytes * share))

    def at(self, family: Family, model_dir: Path, precision: str) -> "Model":
        """A model, none of whose parts has to be open yet. Raises UnknownChoice for a precision."""
        return Model(self, family, model_dir, precision)


class Model:
    """One model folder, in one number format."""

    def __init__(self, models: Models, family: Family, model_dir: Path, precision: str) -> None:
        self.places = places_of(family, model_dir)
        size = sum(bytes_on_disk(place) for place in {*self.places.values()}) // 2
        self.dtype: torch.dtype = pick_dtype(models.device, precision, family.fp16_is_safe, size)
        self.keys: Mapping[str, Hashable] = {}
        self._models, self._family, self._dir = models, family, model_dir

    @property
    def where(self) -> Hashable:
        """Device and number format."""
        return (self._models.device.kind, str(self.dtype))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these parts are not open."""
        return [name for name in names if self.keys[name] not in self._models.kept]

    def parts(self, names: Iterable[str]) -> dict[str, Any]:
        """These parts, opened where they aren't yet. Raises ModelError."""
        return {name: self._open(name).value[0] for name in names}

    def adapters(self, part: str = "") -> Adapters:
        """The LoRAs of the denoiser, or of the text encoder `part`."""
        adapters: Adapters = self._open(part or self._family.denoiser).value[1]
        return adapters

    def preview(self) -> Preview:
        """The user's tiny autoencoder where there is one, else the preview map of the autoencoder, fitted once."""
        tiny = self._dir / TINY
        key = (
            "preview",
            tuple(self.keys[name] for name in self._family.for_decode),
            (self.where, signature(tiny)),
        )
        kept = self._models.kept.get(key)
        if kept is None:
            made = self._tiny(tiny) if tiny.is_dir() else self._fitted()
            kept = self._models.kept.put(key, Kept(made, made.nbytes, tell.NOT_NEEDED))
        preview: Preview = kept.value
        return preview

    def _fitted(self) -> Preview:
        return fit(self._family, self.parts(self._family.for_decode))

    def _tiny(self, folder: Path) -> Preview:
        part = network(TINY, "AutoencoderTiny")
        return TinyPreview(open_part(part, self._dir, self._models.device.kind, self.dtype, folder))

    def summary(self) -> Kept:
        """What is open of this model, in bytes and words."""
        held = [kept for key in self.keys.values() if (kept := self._models.kept.get(key))]
        count = sum(kept.value[2] for kept in held)
        said = tell.model(self._dir.name, count, self._models.device, self.dtype)
        return Kept(None, sum(kept.bytes for kept in held), said)

    def _open(self, name: str) -> Kept:
        kept = self._models.kept.get(self.keys[name])
        if kept is not None:
            return kept
        part = self._family.part(name)
        place = self.places[name]
        self._models.kept.make_room(bytes_on_disk(place) if part.is_network else 0)
        opened = open_part(part, self._dir, self._models.device.kind, self.dtype, place)
        adapters, texts = None, text_parts(self._family)
        if name == self._family.denoiser:
            adapters = Adapters(opened, texts=texts)
        elif name in texts:
            adapters = Adapters(opened, name)
        weights = list(opened.state_dict().values()) if part.is_network else []
        size, count = sum(tensor.nbytes for tensor in weights), sum(tensor.numel() for tensor in weights)
        return self._models.kept.put(self.keys[name], Kept((opened, adapters, count), size, tell.NOT_NEEDED))
