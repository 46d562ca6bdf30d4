"""Encodes every picture and every text once, before training, and then lets the encoders go.

Latents are kept as mean and standard deviation, so that every step still draws its own sample of the posterior; mirrored
pictures and several cuts are encoded apart. What another run has encoded is not encoded again."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.datasets.folder import Item
from studio.datasets.pictures import load_rgb
from studio.disk import reason_of
from studio.engine.device import free_memory
from studio.engine.load import open_part
from studio.families.family import Conditioning
from studio.letters import whole
from studio.train_plan import Cut, Size, cuts_of
from studio.train_request import TrainRequest
from studio.training.errors import PictureGone
from studio.training.place import Ground, Place
from studio.training.sources import Sources
from studio.training.store import Store, mark_of

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

VERSION = 2
"""Goes up when what is kept of a picture or a text changes."""
TILED_BELOW_BYTES = 12 * 2**30
"""On a GPU with less free memory, pictures are encoded and decoded in tiles."""
_WAIT_S = 0.2


@dataclass(frozen=True)
class Entry:
    """An encoded picture: key of its latents, key of its caption's states, its size, and how many variants there are:
    cuts, each plain and, where flips are on, mirrored."""

    latents: str
    text: str
    size: Size
    variants: int


@dataclass(frozen=True)
class Library:
    """All that training reads. `entries` are in the order of the items given."""

    store: Store
    entries: tuple[Entry, ...]
    empty: str
    prompts: tuple[str, ...]
    priors: tuple[str, ...] = ()

    def text(self, key: str) -> Conditioning:
        """The states of one text, without a batch dimension."""
        return self.store.get(key)


@dataclass(frozen=True)
class _Picture:
    item: Item
    size: Size
    cuts: tuple[Cut, ...]
    flips: bool
    key: str


class Encoding:
    """The encode stage of one run. `tell` is called with how much is done and how much there is."""

    def __init__(
        self,
        sources: Sources,
        ground: Ground,
        place: Place,
        store: Store,
        tell: Callable[[int, int], None],
    ) -> None:
        self._sources, self._ground, self._place = sources, ground, place
        self._store, self._tell = store, tell
        self._done, self._total = 0, 0

    def run(
        self, request: TrainRequest, items: Sequence[Item], sizes: Sequence[Size], prompts: Sequence[str]
    ) -> Library:
        """Encode what is missing of `items`, each at its size. Raises PictureGone, ModelError or StorageError."""
        family = self._sources.family
        mark = self._sources.fingerprint(*family.for_picture)
        pictures = [
            _picture(request, *pair, f"{family.name} {mark}") for pair in zip(items, sizes, strict=True)
        ]
        priors = request.prior_prompts if request.keeps_priors else ()
        texts = dict.fromkeys([*(caption_of(item, request) for item in items), "", *prompts, *priors])
        mark = self._sources.fingerprint(*family.for_encode)
        made_by = (family.name, mark, self._ground.device.kind, self._ground.dtype)
        keys = {text: mark_of("text", VERSION, *made_by, text) for text in texts}
        self._total = len(pictures) + len(keys)
        self._encode_texts(self._missing(keys.items(), lambda pair: pair[1]))
        self._encode_pictures(self._missing(pictures, lambda picture: picture.key))
        self._wait_for({*keys.values(), *(picture.key for picture in pictures)})
        entries = tuple(
            Entry(p.key, keys[caption_of(p.item, request)], p.size, len(p.cuts) * (1 + p.flips))
            for p in pictures
        )
        asked, kept = (tuple(keys[prompt] for prompt in told) for told in (prompts, priors))
        return Library(self._store, entries, keys[""], asked, kept)

    def _missing(self, things: Any, key: Callable[[Any], str]) -> list[Any]:
        """What is not encoded yet, of this process's share; the shares don't depend on when each of them looks."""
        things = list(things)
        mine = things[self._place.rank :: self._place.together] if self._place.together > 1 else things
        missing = [thing for thing in mine if not self._store.has(key(thing))]
        self._count(len(things) - len(missing))
        return missing

    def _count(self, more: int = 1) -> None:
        self._done += more
        self._tell(self._done, self._total)

    def _encode_texts(self, missing: Sequence[tuple[str, str]]) -> None:
        if not missing:
            return
        family = self._sources.family
        parts = self._open(family.for_encode, self._ground.dtype)
        for text, key in missing:
            states = (family.encode_caption or family.encode)(parts, whole(text))
            self._store.put(key, {name: tensor[0] for name, tensor in states.items()})
            self._count()
        del parts
        free_memory(self._ground.device)

    def _encode_pictures(self, missing: Sequence[_Picture]) -> None:
        import torch

        if not missing:
            return
        parts = self._open(self._sources.family.for_picture, torch.float32)
        for part in parts.values():
            tile_if_tight(part, self._ground)
        for picture in missing:
            self._store.put(picture.key, self._latents(parts, picture))
            self._count()
        del parts
        free_memory(self._ground.device)

    def _latents(self, parts: Any, picture: _Picture) -> "dict[str, torch.Tensor]":
        import torch

        try:
            loaded = load_rgb(picture.item.file)
        except OSError as error:
            raise PictureGone("dataset_path", file=picture.item.name, reason=str(error)[:120]) from None
        means, deviations, sizes = [], [], []
        for cut in picture.cuts:
            rgb = _cut(loaded, cut, picture.size)
            for is_flipped in (False, True)[: 1 + picture.flips]:
                mean, deviation = self._sources.family.encode_picture(
                    parts, (rgb.flip(-1) if is_flipped else rgb)[None].to(self._ground.device.kind)
                )
                means.append(mean[0])
                deviations.append(deviation[0])
                sizes.append(_conditioning_sizes(loaded.size, cut, picture.size, is_flipped))
        return {
            "mean": torch.stack(means),
            "std": torch.stack(deviations),
            "sizes": torch.tensor(sizes, dtype=torch.float32),
        }

    def _open(self, names: Sequence[str], dtype: "torch.dtype") -> dict[str, Any]:
        """These parts, on the device if they fit there, else on the CPU."""
        import torch

        device = self._ground.device.kind
        if device == "cuda":
            wanted = sum(self._sources.bytes_of(name) for name in names)
            if wanted > 0.9 * torch.cuda.mem_get_info()[0]:
                device = "cpu"
        return {
            name: open_part(
                self._sources.family.part(name),
                self._sources.card.folder,
                device,
                dtype,
                self._sources.parts[name],
            )
            for name in names
        }

    def _wait_for(self, keys: set[str]) -> None:
        """Until the other processes have done their shares."""
        while self._place.together > 1 and (missing := {key for key in keys if not self._store.has(key)}):
            time.sleep(_WAIT_S)
            keys = missing


def _picture(request: TrainRequest, item: Item, size: Size, made_by: str) -> _Picture:
    try:
        content = hashlib.sha256(item.file.read_bytes()).hexdigest()
    except OSError as error:
        raise PictureGone("dataset_path", file=item.name, reason=reason_of(error)) from None
    cuts = tuple(cuts_of((item.width, item.height), size, request.crops, request.center_crop, content))
    key = mark_of("picture", VERSION, made_by, content, size, cuts, request.random_flip)
    return _Picture(item, size, cuts, request.random_flip, key)


def caption_of(item: Item, request: TrainRequest) -> str:
    """What a picture is learnt with: its caption, and the trigger word before it unless it is in there already."""
    comma = "，" if any("\u3400" <= mark <= "\u9fff" for mark in item.caption) else ", "
    trigger = request.trigger_word.strip()
    is_said = trigger.casefold() in item.caption.casefold()
    return item.caption if is_said else comma.join(word for word in (trigger, item.caption) if word)


def tile_if_tight(part: Any, ground: Ground) -> None:
    """Let an autoencoder work in tiles where the GPU has little memory left."""
    import torch

    if ground.device.kind == "cuda" and hasattr(part, "enable_tiling"):
        if torch.cuda.mem_get_info()[0] < TILED_BELOW_BYTES:
            part.enable_tiling()
        else:
            part.disable_tiling()


def _cut(picture: "Image", cut: Cut, size: Size) -> "torch.Tensor":
    """RGB (3, H, W) in [-1, 1]."""
    import numpy as np
    import torch
    from PIL.Image import Resampling

    scaled = picture if picture.size == cut.scaled else picture.resize(cut.scaled, Resampling.LANCZOS)
    cropped = scaled.crop((cut.left, cut.top, cut.left + size[0], cut.top + size[1]))
    return torch.from_numpy(np.array(cropped)).permute(2, 0, 1).float() / 127.5 - 1


def _conditioning_sizes(original: Size, cut: Cut, size: Size, is_flipped: bool) -> tuple[int, ...]:
    """Height and width as the picture was, top and left of the cut, height and width as it is learnt."""
    left = cut.scaled[0] - size[0] - cut.left if is_flipped else cut.left
    return original[1], original[0], cut.top, left, size[1], size[0]
