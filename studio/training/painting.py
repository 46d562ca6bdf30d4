"""Samples along the way: by the engine's own stages, with the denoiser as it is at that moment."""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from studio.engine import decode, sample
from studio.engine.device import free_memory
from studio.engine.load import open_part
from studio.engine.stepwise import Hand
from studio.families.family import Conditioning
from studio.requests import GenerateRequest
from studio.train_plan import Size
from studio.train_request import TrainRequest
from studio.training.encoding import Library, tile_if_tight
from studio.training.place import Ground
from studio.training.sources import Sources


class Painter:
    """Paints the prompts of a run, each from the same seed every time."""

    def __init__(
        self,
        sources: Sources,
        ground: Ground,
        library: Library,
        request: TrainRequest,
        prompts: Sequence[str],
        size: Size,
    ) -> None:
        self._sources, self._ground, self._library = sources, ground, library
        self._request, self.prompts, self._size = request, tuple(prompts), size
        self._hand = Hand()
        self._parts: dict[str, Any] = {}

    def paint(self, denoiser: Any) -> Iterator[bytes]:
        """A PNG for each prompt, in order. Raises NotFinite where a picture overflowed."""
        family = self._sources.family
        free_memory(self._ground.device)
        parts = {**self._opened(), family.denoiser: denoiser}
        for index, prompt in enumerate(self.prompts):
            work = sample.Work(
                family=family,
                parts=parts,
                request=self._asked(prompt),
                positive=self._states(self._library.prompts[index]),
                negative=self._states(self._library.empty),
                seed=self._request.sample_seed,
                index=index,
                preview=None,
                pictures_left=0,
                decode_seconds=0.0,
                hand=self._hand,
            )
            with torch.no_grad():
                latents = _last(sample.run(work))
                pixels = decode.run(family, parts, latents.value)
            yield _png(pixels.value, self._size)

    def _asked(self, prompt: str) -> GenerateRequest:
        width, height = self._size
        own = GenerateRequest.from_dict(self._sources.card.defaults)
        steps, seed = self._request.sample_steps, self._request.sample_seed
        return own.with_(prompt=prompt, width=width, height=height, steps=steps, seed=seed, count=1)

    def _states(self, key: str) -> Conditioning:
        device, dtype = self._ground.device.kind, self._ground.dtype
        return {name: tensor[None].to(device, dtype) for name, tensor in self._library.text(key).items()}

    def _opened(self) -> dict[str, Any]:
        """The parts besides the denoiser, opened at the first sample."""
        family, sources = self._sources.family, self._sources
        if not self._parts:
            names = {*family.for_sample, *family.for_decode} - {family.denoiser}
            self._parts = {
                name: open_part(
                    family.part(name),
                    sources.card.folder,
                    self._ground.device.kind,
                    self._ground.dtype,
                    sources.parts[name],
                )
                for name in names
            }
            self._parts["scheduler"] = {**self._parts["scheduler"], **sources.card.scheduler}
        for part in self._parts.values():
            tile_if_tight(part, self._ground)
        return self._parts


def _last(work: Any) -> Any:
    """What a generator returns at its end."""
    while True:
        try:
            next(work)
        except StopIteration as over:
            return over.value


def _png(pixels: bytes, size: Size) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(written, "PNG")
    return written.getvalue()
