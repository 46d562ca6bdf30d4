"""The opened models: each part once, by what its files look like, under the device's share of memory."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.engine import plan as plans
from studio.engine import tell
from studio.engine.adapt import Adapters, Loras, text_parts
from studio.engine.cache import Cache, Kept
from studio.engine.device import Device, cpu, free_memory, pick_dtype, room
from studio.engine.load import Packing, bytes_on_disk, open_part, signature
from studio.engine.needs import work_of
from studio.engine.places import places_of
from studio.engine.plan import Plan, Stage, Work
from studio.engine.preview import Preview, TinyPreview, fit
from studio.engine.stay import Guest, keep_what_is_read, layer_by_layer, set_tiles
from studio.engine.weigh import is_packable, weigh
from studio.families.family import Family
from studio.families.parts import network
from studio.lora.match import Match
from studio.numbers import Sizes
from studio.requests import GenerateRequest

if TYPE_CHECKING:
    import torch

TINY = "taesd"
"""A folder of a model in which a tiny autoencoder is looked for."""
CPU_SHARE, GPU_SHARE = 0.4, 0.7
"""How much of the memory the parts of models may fill before the least recently used makes way; a model that fits whole
may fill more."""


@dataclass(frozen=True)
class Opened:
    """A part, what is attached to it, how many numbers it holds, and how it comes and goes where it does."""

    part: Any
    adapters: Adapters | None
    count: int
    guest: Guest | None


class Models:
    """Parts of models on one device, and those that come to it from main memory."""

    def __init__(self, device: Device) -> None:
        self.device = device
        share = GPU_SHARE if device.kind == "cuda" else CPU_SHARE
        self.kept = Cache(int(device.memory_bytes * share))
        self.guests = Cache(int(room(device).main * plans.CPU_SHARE))
        self._sizes: dict[Hashable, Sizes] = {}

    def at(
        self, family: Family, model_dir: Path, request: GenerateRequest, plan: Plan | None = None
    ) -> "Model":
        """A model as a request needs it, none of whose parts has to be open yet, by its own plan or by one that was made
        already. Raises UnknownChoice for a precision."""
        return Model(self, family, model_dir, request, plan)

    def clear(self) -> None:
        """Let go of everything."""
        self.kept.clear()
        self.guests.clear()

    def sizes(self, family: Family, places: Mapping[str, Path]) -> Sizes:
        """What a model's networks hold."""
        key = (family.name, tuple((place, signature(place)) for place in places.values()))
        if key not in self._sizes:
            self._sizes[key] = weigh(family, places)
        return self._sizes[key]


class Model:
    """One model folder, in one number format, by one plan."""

    def __init__(
        self, models: Models, family: Family, model_dir: Path, request: GenerateRequest, plan: Plan | None
    ) -> None:
        self.places = places_of(family, model_dir)
        self.keys: Mapping[str, Hashable] = {}
        self._models, self._family, self._dir, self._request = models, family, model_dir, request
        self.device = models.device
        self.dtype: torch.dtype = self._format()
        weighed = self._weighed()
        self.plan = plan or plans.choose(*weighed, request.memory)
        if self.plan.mode == "cpu" and self.device.kind != "cpu":
            self.device = cpu()
            self.dtype = self._format()
        sizes, work, _ = weighed
        self._bytes = (
            sizes.encoders + sizes.denoiser
        ) * work.itemsize + sizes.decoder * work.decoder_itemsize

    @property
    def where(self) -> Hashable:
        """Device and number format."""
        return (self.device.kind, str(self.dtype))

    def smaller(self, at: Stage) -> Plan | None:
        """The plan to go on with after memory ran out at a stage, if there is one."""
        return plans.smaller(self.plan, *self._weighed(), at)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these parts are not open."""
        return [name for name in names if self._key(name) not in self._store]

    def load(self, names: Iterable[str]) -> None:
        """Open these parts where the plan has them wait; those that would be dropped again wait for their stage. Raises
        ModelError."""
        names = list(names)
        if not self.plan.takes_turns:
            self.parts(names)
        elif self.plan.drops:
            self.parts([name for name in names if name in self._family.for_encode] or names)
        else:
            self._clear_other_store()
            for name in names:
                self._open(name)

    def parts(self, names: Iterable[str], tile_px: int = 0) -> dict[str, Any]:
        """These parts on the device, opened where they aren't yet; by the plan others leave it. An autoencoder decodes
        in tiles of `tile_px`. Raises ModelError."""
        names = list(names)
        self._clear_other_store()
        if self.plan.takes_turns:
            self._make_way(names)
        return self._bring(names, tile_px)

    def _bring(self, names: Iterable[str], tile_px: int = 0) -> dict[str, Any]:
        """These parts on the device, whatever else is there."""
        opened = {name: self._open(name).value for name in names}
        for each in opened.values():
            if each.guest:
                each.guest.come()
        for name, each in opened.items():
            if name in self._family.for_decode and hasattr(each.part, "enable_tiling"):
                set_tiles(each.part, tile_px)
        return {name: each.part for name, each in opened.items()}

    def adapters(self, part: str = "") -> Adapters:
        """The LoRAs of the denoiser, or of the text encoder `part`."""
        if self.plan.drops and not part:
            self.parts([self._family.denoiser])
        adapters: Adapters = self._open(part or self._family.denoiser).value.adapters
        return adapters

    def adapt(self, loras: Loras) -> list[Match]:
        """Make the denoiser work with exactly these LoRAs. Raises LoraError."""
        stays = not self.plan.takes_turns
        matches = self.adapters().apply(loras, self._family.name, self._dir.name, stays)
        if self._comes_by_layers(self._family.denoiser):
            keep_what_is_read(self._open(self._family.denoiser).value.part, self.device.kind)
        return matches

    def preview(self) -> Preview:
        """The user's tiny autoencoder where there is one, else the preview map of the autoencoder, fitted once."""
        tiny = self._dir / TINY
        key = (
            "preview",
            tuple(self.keys[name] for name in self._family.for_decode),
            (self.where, signature(tiny)),
        )
        kept = self._store.get(key)
        if kept is None:
            made = self._tiny(tiny) if tiny.is_dir() else self._fitted()
            kept = self._store.put(key, Kept(made, made.nbytes, tell.NOT_NEEDED))
        preview: Preview = kept.value
        return preview

    def _fitted(self) -> Preview:
        return fit(self._family, self._bring(self._family.for_decode))

    def _tiny(self, folder: Path) -> Preview:
        part = network(TINY, "AutoencoderTiny")
        return TinyPreview(open_part(part, self._dir, self.device.kind, self.dtype, folder))

    def summary(self) -> Kept:
        """What is open of this model, in bytes and words."""
        held = [kept for name in self.keys if (kept := self._store.get(self._key(name)))]
        count = sum(kept.value.count for kept in held)
        said = tell.model(self._dir.name, count, self.device, self.dtype, self.plan)
        return Kept(None, sum(kept.bytes for kept in held), said)

    @property
    def _store(self) -> Cache:
        is_at_home = not self.plan.takes_turns and self.device is self._models.device
        return self._models.kept if is_at_home else self._models.guests

    def _key(self, name: str) -> Hashable:
        """A part whose layers come one at a time is another than the same part whole."""
        return (self.keys[name], "layers") if self._comes_by_layers(name) else self.keys[name]

    def _comes_by_layers(self, name: str) -> bool:
        is_network = self._family.part(name).is_network
        return self.plan.mode == "offload" and is_network and name not in self._family.for_decode

    def _open(self, name: str) -> Kept:
        kept = self._store.get(self._key(name))
        if kept is not None:
            return kept
        part, place = self._family.part(name), self.places[name]
        self._store.make_room(bytes_on_disk(place) if part.is_network else 0)
        waits = self.plan.takes_turns and not self.plan.drops and part.is_network
        is_packed = self.plan.bits and name in self._family.for_encode and is_packable(part)
        packing = Packing(self.plan.bits, self.device.kind) if is_packed else None
        where = "cpu" if waits else self.device.kind
        opened = open_part(part, self._dir, where, self.dtype, place, packing)
        weights = list(opened.state_dict().values()) if part.is_network else []
        size, count = sum(tensor.nbytes for tensor in weights), sum(tensor.numel() for tensor in weights)
        guest = None
        if self._comes_by_layers(name):
            layer_by_layer(opened, self.device.kind)
        elif waits:
            guest = Guest(opened, self.device.kind)
        made = Opened(opened, self._adapters(name, opened), count, guest)
        return self._store.put(self._key(name), Kept(made, size, tell.NOT_NEEDED))

    def _adapters(self, name: str, opened: Any) -> Adapters | None:
        texts = text_parts(self._family)
        if name == self._family.denoiser:
            return Adapters(opened, texts=texts)
        return Adapters(opened, name) if name in texts else None

    def _clear_other_store(self) -> None:
        """One plan's parts leave the device before another's come."""
        if not self.plan.takes_turns:
            _send_away(self._models.guests, set(), self.device)
            if self._store is self._models.kept:
                self._models.kept.budget_bytes = max(self._models.kept.budget_bytes, self._bytes)
        elif self._models.kept.items():
            self._models.kept.clear()
            free_memory(self.device)

    def _make_way(self, names: list[str]) -> None:
        """Have everything leave the device that the stage with these parts doesn't need, save the autoencoder; and the
        denoiser, where there is room for both."""
        big = {self._family.denoiser, *self._family.for_encode}
        stays = {*names, *self._family.for_decode}
        if not big & {*names} and not self.plan.is_decoded_alone:
            stays.add(self._family.denoiser)
        keep = {self._key(name) for name in stays}
        if self.plan.drops:
            away = [
                key
                for key, kept in self._models.guests.items()
                if key not in keep and isinstance(kept.value, Opened) and kept.value.count
            ]
            for key in away:
                self._models.guests.drop(key)
            if away:
                free_memory(self.device)
        else:
            _send_away(self._models.guests, keep, self.device)

    def _format(self) -> "torch.dtype":
        size = sum(bytes_on_disk(place) for place in {*self.places.values()}) // 2
        return pick_dtype(self.device, self._request.precision, self._family.fp16_is_safe, size)

    def _weighed(self) -> tuple[Sizes, Work, plans.Room]:
        decoder_itemsize = 4 if str(self.dtype) == "torch.float16" else self.dtype.itemsize
        work = work_of(self._request, self._family, self.dtype.itemsize, decoder_itemsize)
        return self._models.sizes(self._family, self.places), work, room(self._models.device)


def _send_away(store: Cache, stays: set[Hashable], device: Device) -> None:
    """Have all guests leave the device but those under these keys."""
    gone = [
        kept.value.guest.go()
        for key, kept in store.items()
        if key not in stays and isinstance(kept.value, Opened) and kept.value.guest
    ]
    if any(gone):
        free_memory(device)
