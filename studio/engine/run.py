"""One job on its way through the chain: which stages somebody needs, and each stage's work for the pictures of the job."""

import time
from collections.abc import Generator, Hashable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from studio.engine import decode, encode, sample, second, start, tell
from studio.engine.adapt import report, report_texts
from studio.engine.cache import Cache, Kept
from studio.engine.device import Device, peak_bytes
from studio.engine.events import (
    Event,
    Finished,
    FirstPass,
    Job,
    Picture,
    Stage,
    StageEnded,
    StageStarted,
    Step,
)
from studio.engine.keys import Pass, keys_of
from studio.engine.models import Models
from studio.engine.plan import Plan
from studio.engine.stepwise import Hand
from studio.families import families
from studio.families.family import Conditioning, Parts
from studio.requests import MOST_SEED

if TYPE_CHECKING:
    import torch

Events = Generator[Event, None, None]


class Home(Protocol):
    """What outlives a job: the device, its models, kept results, and how long decoding took."""

    device: Device
    models: Models
    results: Cache
    decode_seconds: float
    hand: Hand


class Run:
    """One job on its way through the chain."""

    def __init__(self, chain: Home, job: Job, plan: Plan | None = None, done: int = 0) -> None:
        self.family = families()[job.family]
        self.job, self.notices = tell.fitted(job, self.family)
        self.request = self.job.request
        self.results = chain.results
        self.chain = chain
        self.model = chain.models.at(self.family, job.model_dir, self.request, plan)
        self.notices += tell.precision(self.request.precision, self.model.device, self.model.dtype)
        self.keys = keys_of(self.job, self.family, self.model.places, self.model.where, self.model.plan)
        self.model.keys = self.keys.parts
        self._walked = 0  # steps that this job has taken for the first pass of the picture
        self.seeds = [((self.request.seed or 0) + i) % (MOST_SEED + 1) for i in range(self.request.count)]
        self.done = done

    def events(self) -> Events:
        """All of it, in the order of the chain."""
        began = time.perf_counter()
        yield from self.notices
        yield from self._load()
        # where what is away is read again, the denoiser had better come after the texts
        stages = (self._encode, self._adapt) if self.model.plan.drops else (self._adapt, self._encode)
        for stage in stages:
            yield from stage()
        for index, seed in enumerate(self.seeds[self.done :], self.done):
            yield from self._passes(index, seed)
            yield self._picture(index, seed, self.keys.last(seed))
        yield Finished(time.perf_counter() - began, peak_bytes(self.chain.device))

    def _passes(self, index: int, seed: int) -> Events:
        """The first pass over a picture and, where it is enlarged, the second."""
        first, again = self.keys.first(seed), self.keys.second(seed)
        self._walked = 0
        if again is None or not self._has(again.latents, again.picture, again.start):
            yield from self._sample(index, seed, first)
            yield from self._decode(index, first)
            if again is not None:
                yield FirstPass(self._picture(index, seed, first))
        if again is not None:
            yield from self._sample(index, seed, again)
            yield from self._decode(index, again)

    def _picture(self, index: int, seed: int, made: Pass) -> Picture:
        pixels: bytes = self._result(made.picture).value
        return Picture(index, seed, *made.size, pixels)

    def _load(self) -> Events:
        yield from self._begin("load")
        missing = self.model.missing(self._needed_parts())
        if missing and self.model.plan.takes_turns:
            yield tell.planned(self.job.model_dir.name, self.model.plan)
        self.model.load(missing)
        if self.job.previews and self._unsampled:
            self.model.preview()
        yield self._ended("load", self.model.summary(), reused=not missing)

    def _adapt(self) -> Events:
        yield from self._begin("adapt")
        key = ("adapt", self.keys.parts[self.family.denoiser], self.keys.loras)
        kept = self.results.get(key)
        reused = kept is not None or not self._unsampled
        if self._unsampled:
            reused = self.model.adapters().has(self.keys.loras) and reused
            kept = self.results.put(key, self._apply())
        yield from kept.tells if kept else ()
        yield self._ended("adapt", kept, reused)

    def _apply(self) -> Kept:
        loras, model = self.keys.loras, self.job.model_dir.name
        matches = self.model.adapt(loras)
        told = [
            event
            for (_, lora), match in zip(loras, matches, strict=True)
            for event in report(lora, match, self.keys.text_parts, model)
        ]
        return Kept(None, sum(match.bytes for match in matches), tell.loras(self.job.loras), tuple(told))

    def _encode(self) -> Events:
        yield from self._begin("encode")
        reused = True
        for field, key in self.keys.texts:
            if self._unsampled and key not in self.results:
                told = self._apply_to_texts()
                yield from told if reused else ()
                reused = False
                parts = self.model.parts(self.family.for_encode)
                self.results.put(key, encode.run(self.family, parts, getattr(self.request, field), field))
        reused = self._encode_start() and reused
        kept = [self.results.get(key) for key in (*dict(self.keys.texts).values(), self.keys.start) if key]
        for one in kept:
            yield from one.tells if one else ()
        held = kept[0] and Kept(None, sum(one.bytes for one in kept if one), kept[0].holds)
        yield self._ended("encode", held, reused)

    def _encode_start(self) -> bool:
        """Encode the picture to begin with where somebody needs it; gives whether nothing had to be done."""
        key = self.keys.start
        if key is None or self.job.start is None or not self._unsampled or key in self.results:
            return True
        pixels = start.fitted(self.job.start, self.request.width, self.request.height)
        self.results.put(key, start.encode(self.family, self.model.parts(self.family.for_picture), pixels))
        return False

    def _apply_to_texts(self) -> list[Event]:
        """Make the text encoders work with the job's LoRAs; gives what the reader should know of that."""
        loras, told = self.keys.loras, list[Event]()
        for part in self.keys.text_parts:
            matches = self.model.adapters(part).apply(loras, self.family.name, self.job.model_dir.name)
            for (_, lora), match in zip(loras, matches, strict=True):
                told += report_texts(lora, match)
        return told

    def _sample(self, index: int, seed: int, made: Pass) -> Events:
        yield from self._begin("sample", index)
        kept = self.results.get(made.latents)
        reused = kept is not None or made.picture in self.results
        if not reused:
            again = made if made == self.keys.second(seed) else None
            kept = yield from self._paint_over(index, seed, again) if again else self._paint(index, seed)
            self.results.put(made.latents, kept)
        yield self._ended("sample", kept, reused, index)

    def _paint(self, index: int, seed: int) -> Generator[Step, None, Kept]:
        after = second.steps(self.request, self.family.size_multiple)
        work = replace(self._work(index, seed), begin=self._begin_with(), after=after)
        self._walked = work.steps[0]
        return sample.run(work)

    def _paint_over(self, index: int, seed: int, made: Pass) -> Generator[Step, None, Kept]:
        """The second pass; the enlarged picture's latents are kept as those of a picture to begin with are."""
        kept = self.results.get(made.start)
        if kept is None:
            first = self.keys.first(seed)
            pixels = second.enlarged(self._result(first.picture).value, first.size, made.size)
            parts = self.model.parts(self.family.for_picture, self.model.plan.tile_px)
            kept = start.encode(self.family, parts, pixels)
            self.results.put(made.start, kept)
        tiles = second.tiles(self.request, made.size, self.family.size_multiple)
        return second.run(replace(self._work(index, seed), before=self._walked), kept.value, tiles)

    def _work(self, index: int, seed: int) -> sample.Work:
        later = [
            other for other in self.seeds[index + 1 :] if self.keys.last(other).picture not in self.results
        ]
        parts = self.model.parts(self.family.for_sample)
        # once more: decoding may have dropped the denoiser that it was done to
        self.model.adapt(self.keys.loras)
        return sample.Work(
            family=self.family,
            parts={**parts, "scheduler": {**parts["scheduler"], **self.job.scheduler}},
            request=self.request,
            positive=self._conditioning(self.keys.positive),
            negative=self._conditioning(self.keys.negative) if self.keys.negative else None,
            seed=seed,
            index=index,
            preview=self.model.preview() if self.job.previews else None,
            pictures_left=len(later),
            decode_seconds=self.chain.decode_seconds,
            hand=self.chain.hand,
        )

    def _begin_with(self) -> sample.Begin | None:
        """The latents to begin with, and the mask in their shape."""
        if self.keys.start is None:
            return None
        latents: torch.Tensor = self._result(self.keys.start).value
        mask = self._mask
        small = None if mask is None else start.shrunk(mask, latents)
        return sample.Begin(latents, small, self.request.strength)

    @cached_property
    def _mask(self) -> "torch.Tensor | None":
        """The mask as the first pass needs it; all pictures of the job have the same."""
        if self.job.mask is None:
            return None
        return start.fitted_mask(self.job.mask, self.request.width, self.request.height)

    def _decode(self, index: int, made: Pass) -> Events:
        yield from self._begin("decode", index)
        kept = self.results.get(made.picture)
        reused = kept is not None
        if kept is None:
            latents: torch.Tensor = self._result(made.latents).value
            kept = decode.run(self.family, self._decoder(), latents)
            if made.start == self.keys.start:
                kept = self._with_the_rest(kept)
            self.results.put(made.picture, kept)
            self.chain.decode_seconds = time.perf_counter() - self._began
        yield self._ended("decode", kept, reused, index)

    def _decoder(self) -> Parts:
        return self.model.parts(self.family.for_decode, self.model.plan.tile_px)

    def _with_the_rest(self, kept: Kept) -> Kept:
        """The decoded pixels, and around the mask those of the picture to begin with."""
        mask = self._mask
        if mask is None or self.job.start is None:
            return kept
        old = start.fitted(self.job.start, self.request.width, self.request.height)
        return replace(kept, value=start.composed(kept.value, old, mask))

    def _begin(self, stage: Stage, picture: int = 0) -> Iterator[Event]:
        yield StageStarted(stage, picture)
        self._began = time.perf_counter()

    def _ended(self, stage: Stage, kept: Kept | None, reused: bool, picture: int = 0) -> StageEnded:
        """What a stage has to show; nothing kept means that nobody needed it."""
        seconds = time.perf_counter() - self._began
        size, holds = (kept.bytes, kept.holds) if kept else (0, tell.NOT_NEEDED)
        return StageEnded(stage, seconds, size, holds, reused, picture)

    @property
    def _unsampled(self) -> list[int]:
        """Seeds whose latents and picture both have to be made."""
        lasts = [(seed, self.keys.last(seed)) for seed in self.seeds[self.done :]]
        return [seed for seed, last in lasts if not self._has(last.picture, last.latents)]

    def _has(self, *keys: Hashable) -> bool:
        """Whether one of these results is kept."""
        return any(key in self.results for key in keys)

    def _needed_parts(self) -> list[str]:
        """Parts that this job's stages will use, in the order of the family."""
        names: set[str] = set()
        if self._unsampled:
            names.update(self.family.for_sample)
            if any(key not in self.results for _, key in self.keys.texts):
                names.update(self.family.for_encode)
            begins = {self.keys.last(seed).start for seed in self._unsampled} | {self.keys.start}
            if any(key is not None and key not in self.results for key in begins):
                names.update(self.family.for_picture)
        if not all(self._has(self.keys.last(seed).picture) for seed in self.seeds[self.done :]):
            names.update(self.family.for_decode)
        return [part.name for part in self.family.parts if part.name in names]

    def _conditioning(self, key: Hashable) -> Conditioning:
        conditioning: Conditioning = self._result(key).value
        return conditioning

    def _result(self, key: Hashable) -> Kept:
        kept = self.results.get(key)
        assert kept is not None, key
        return kept
