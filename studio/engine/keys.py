"""What each stage of a job depends on: equal keys, equal results, to the bit.

Files count by path, size and time of change, never by name alone. A network that is replaced therefore changes the keys
of the stages that use it, and of no other: a new autoencoder decodes the kept latents again."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from studio.engine import second
from studio.engine.adapt import LoraKey, changes_texts, lora_key, text_parts
from studio.engine.events import Job, LoraFile
from studio.engine.load import file_signature, signature
from studio.engine.places import Places
from studio.errors import StartMissing
from studio.families.family import Family


@dataclass(frozen=True)
class Pass:
    """One of the passes over a picture: the keys of the latents that it begins with, if any, of those that it ends
    with, and of the pixels; and the size."""

    start: Hashable | None
    latents: Hashable
    picture: Hashable
    size: tuple[int, int]


@dataclass(frozen=True)
class Keys:
    """The keys of one job's stages."""

    parts: dict[str, Hashable]
    loras: tuple[tuple[LoraKey, LoraFile], ...]
    text_parts: tuple[str, ...]
    """The text encoders that LoRAs may change."""
    positive: Hashable
    negative: Hashable | None
    start: Hashable | None
    """The latents of the picture to begin with."""
    _sampling: Hashable
    _decoding: Hashable
    _ways: Hashable
    """The parts that lead from a picture to latents."""
    _size: tuple[int, int]
    _enlarged: tuple[tuple[int, int], float] | None

    @property
    def texts(self) -> list[tuple[str, Hashable]]:
        """The texts to encode, by the request's field that they stand in."""
        both = [("prompt", self.positive), ("negative_prompt", self.negative)]
        return [(field, key) for field, key in both if key is not None]

    def first(self, seed: int) -> Pass:
        """One picture's first pass."""
        latents = ("latents", self._sampling, seed)
        return Pass(self.start, latents, ("picture", self._decoding, latents), self._size)

    def second(self, seed: int) -> Pass | None:
        """Its second pass, which paints over the enlarged picture."""
        if self._enlarged is None:
            return None
        size, strength = self._enlarged
        start = ("start", self._ways, self.first(seed).picture, size)
        latents = ("latents", self._sampling, start, strength, seed)
        return Pass(start, latents, ("picture", self._decoding, latents), size)

    def last(self, seed: int) -> Pass:
        """The pass whose picture is the one that was asked for."""
        return self.second(seed) or self.first(seed)


def keys_of(job: Job, family: Family, places: Places, where: Hashable) -> Keys:
    """The keys of `job`; `where` is the device and number format. Raises LoraMissing, and LoraError for a file that
    can't be read where text encoders may depend on it; StartMissing."""
    request = job.request
    parts: dict[str, Hashable] = {
        part.name: (
            "part",
            family.name,
            part.name,
            str(places[part.name]),
            signature(places[part.name]),
            where,
        )
        for part in family.parts
    }
    loras = tuple((lora_key(lora.file, lora.name), lora) for lora in job.loras)
    texts = text_parts(family)
    changing = tuple((key, lora.weight, lora.blocks) for key, lora in loras if texts and changes_texts(lora))

    def text(words: str) -> Hashable:
        return ("text", tuple(parts[name] for name in family.for_encode), changing, words)

    positive = text(request.prompt)
    is_free = family.guidance == "free"
    negative = text(request.negative_prompt) if is_free and request.guidance > 1 else None
    sampling: tuple[Hashable, ...] = (
        tuple(parts[name] for name in family.for_sample if name not in family.for_decode),
        tuple((key, lora.weight, lora.blocks) for key, lora in loras if lora.weight != 0),
        (positive, negative),
        tuple(sorted(job.scheduler.items())),
        (
            request.sampler,
            request.schedule,
            request.steps,
            1.0 if is_free and not negative else request.guidance,
        ),
        (request.width, request.height),
    )
    start = None
    size = (request.width, request.height)
    ways = tuple(parts[name] for name in family.for_picture)
    if job.start is not None:
        start = ("start", ways, _picture_key(job.start, "start"), size)
        mask = job.mask and _picture_key(job.mask, "mask")
        sampling = (*sampling, (start, mask, request.strength))
    decoding = tuple(parts[name] for name in family.for_decode)
    whole = second.size(request, family.size_multiple)
    enlarged = None if whole is None else (whole, request.upscale_strength)
    return Keys(parts, loras, texts, positive, negative, start, sampling, decoding, ways, size, enlarged)


def _picture_key(file: Path, field: str) -> Hashable:
    """A picture's file by path, size and time of change. Raises StartMissing."""
    try:
        return (str(file), *file_signature(file))
    except OSError:
        raise StartMissing(field) from None
