"""The pool of painted scenes: shards written by many processes, read by the trainers while it still grows."""

import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from studio.storybook.captions import caption
from studio.storybook.scene import SIZES, STYLES, Scene, draw_lot

LONGEST = 45
"""Tokens kept of a caption; the longest of 12,000 had 36."""
VALIDATION_SEED = 50_000_000


@dataclass(frozen=True)
class Shard:
    """One file of the pool: `count` scenes of one size and style, with seeds counting up from `first_seed`."""

    index: int
    style: str
    size: tuple[int, int]
    first_seed: int
    count: int
    held_out: bool = False

    def scenes(self) -> list[Scene]:
        """The scenes of this shard; painting and captions are pure functions of them."""
        seeds = range(self.first_seed, self.first_seed + self.count)
        return [draw_lot(seed, self.size, held_out=self.held_out) for seed in seeds]

    def file(self, folder: Path) -> Path:
        """Where its pictures lie."""
        return folder / f"{self.index:05d}-{self.style}.npz"


def plan(flat: int, styled: int, count: int) -> list[Shard]:
    """The shards in the order they are painted: every style and size early, then flat ones to the end."""
    others = [style for style in STYLES if style != "flat"]
    styles: list[str] = []
    for k in range(styled):
        styles.append(others[k % len(others)])
        if k % 3 == 0 and len(styles) - k - 1 < flat:
            styles.append("flat")
    styles += ["flat"] * (flat - styles.count("flat"))
    seen: dict[str, int] = {}
    shards = []
    for index, style in enumerate(styles):
        turn = seen.get(style, 0)
        seen[style] = turn + 1
        shards.append(Shard(index, style, SIZES[turn % len(SIZES)], index * count, count))
    return shards


def validation(style: str, count: int) -> list[Shard]:
    """Scenes that no training sees, a third in each size."""
    each = max(1, count // len(SIZES))
    return [Shard(90_000 + k, style, size, VALIDATION_SEED + k * each, each) for k, size in enumerate(SIZES)]


def paint_pixels(shard: Shard) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The shard's pictures (N, H, W, 3)."""
    from studio.storybook.painter import paint

    return np.stack([np.asarray(paint(scene, shard.style)) for scene in shard.scenes()])


def word_ids(
    scene: Scene, wordings: int, encode: Callable[[str], list[int]]
) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Token ids (wordings, LONGEST) of several captions, even rows English and odd rows Chinese, padded by -1."""
    rng = random.Random(f"words-{scene.seed}")
    rows = np.full((wordings, LONGEST), -1, np.int16)
    for k in range(wordings):
        ids = encode(caption(scene, "zh" if k % 2 else "en", rng))[:LONGEST]
        rows[k, : len(ids)] = ids
    return rows


def boxes(scene: Scene) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Where the scene's things are: (3, 4) left, top, right, bottom in pixels; zeros where there is no thing."""
    held = np.zeros((3, 4), np.float32)
    for k, thing in enumerate(scene.things):
        held[k] = thing.box(scene.size)
    return held


def _settle_in() -> None:
    """One thread a painter, and after everybody else: trainers and compilers come first."""
    import cv2

    cv2.setNumThreads(1)
    if hasattr(os, "nice"):
        os.nice(10)


def _write(work: tuple[Shard, Path, Path, int]) -> None:
    shard, folder, tokenizer_file, wordings = work
    file = shard.file(folder)
    if file.exists():
        return
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer_file))  # type: ignore[call-arg, unused-ignore]
    words = np.stack([word_ids(scene, wordings, pieces.encode) for scene in shard.scenes()])
    places = np.stack([boxes(scene) for scene in shard.scenes()])
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.savez(stream, pixels=paint_pixels(shard), words=words, boxes=places)
    part.rename(file)


class Painting:
    """Painter processes at work on a list of shards; `close` ends them. Shards that exist are kept: that is how
    a pool resumes. With no processes it only watches what others paint into the folder."""

    def __init__(
        self, shards: list[Shard], folder: Path, tokenizer_file: Path, wordings: int, processes: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._pool = None
        self._result = None
        if processes:
            self._pool = multiprocessing.get_context("spawn").Pool(processes, _settle_in)
            work = [(shard, folder, tokenizer_file, wordings) for shard in shards]
            self._result = self._pool.map_async(_write, work, chunksize=1)

    def arrivals(self, shards: list[Shard]) -> Iterator[Shard]:
        """Each of these shards as soon as it is on disk. Raises what a painter process raised."""
        for shard in shards:
            while not shard.file(self.folder).exists():
                if self._result is not None and self._result.ready():
                    self._result.get()
                time.sleep(0.05)
            yield shard

    def pixels(self, shards: list[Shard]) -> Iterator[tuple[Shard, Any]]:
        """Shards with their pictures (N, H, W, 3), in order, waiting for the painters."""
        with ThreadPoolExecutor(4) as readers:
            yield from readers.map(
                lambda shard: (shard, read(shard, self.folder).pixels), self.arrivals(shards)
            )

    def close(self) -> None:
        """End the painters."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()


class Held(NamedTuple):
    """What a shard's file holds: pixels (N, H, W, 3), word ids (N, wordings, LONGEST) and boxes (N, 3, 4)."""

    pixels: Any
    words: Any
    boxes: Any


def read(shard: Shard, folder: Path) -> Held:
    """A shard from the pool."""
    with np.load(shard.file(folder)) as held:
        return Held(held["pixels"], held["words"], held["boxes"])
