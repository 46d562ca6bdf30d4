"""Paint a captioned picture folder: `python -m studio.storybook.paint --count 2000 --out pictures`.

The folder is an ImageFolder: DIR/train/000000.png … and DIR/train/metadata.csv with one row a picture. Picture i of a
folder depends on the seed and i alone, so a longer run begins with the pictures of a shorter one.
"""

import argparse
import csv
import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from studio.storybook.captions import caption
from studio.storybook.painter import paint
from studio.storybook.scene import CREATURES, KINDS, STYLES, Scene, draw_lot

TextLanguage = Literal["en", "zh", "both"]
COLUMNS = ("file_name", "text", "text_en", "text_zh", "source", "license", "style", "seed")
LICENCE = "CC0-1.0"
_PARALLEL_FROM = 200  # fewer pictures are painted before the workers have started
_REPORT_EVERY = 500


@dataclass(frozen=True)
class PaintRequest:
    """What to paint."""

    count: int
    out_dir: Path
    style: str = "flat"
    seed: int = 0
    language: TextLanguage = "both"
    only: str | None = None

    @property
    def train_dir(self) -> Path:
        """Where pictures and captions go."""
        return self.out_dir / "train"


def scene_of(seed: int, index: int, only: str | None = None) -> Scene:
    """Scene number `index` of a folder painted with `seed`, showing `only` one kind or creature if it is named."""
    return draw_lot(seed * 1_000_003 + index, only=only)


def paint_folder(request: PaintRequest) -> Iterator[dict[str, str]]:
    """Paint the folder, yielding each picture's row once picture and row are on disk: what is interrupted leaves a
    smaller folder, but a whole one."""
    request.train_dir.mkdir(parents=True, exist_ok=True)
    with (request.train_dir / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in _painted(request):
            writer.writerow(row)
            file.flush()
            yield row


def _painted(request: PaintRequest) -> Iterator[dict[str, str]]:
    """The rows in order, by all cores where there are many."""
    jobs = [(request, index) for index in range(request.count)]
    if request.count <= _PARALLEL_FROM:
        yield from map(_paint_one, jobs)
        return
    with get_context("spawn").Pool(os.cpu_count(), _paint_alone) as pool:
        yield from pool.imap(_paint_one, jobs, chunksize=32)


def _paint_alone() -> None:
    """One thread a worker: the workers fill the cores by themselves."""
    import cv2

    cv2.setNumThreads(1)


def _paint_one(job: tuple[PaintRequest, int]) -> dict[str, str]:
    """Paint and save one picture; its row of metadata.csv."""
    request, index = job
    scene = scene_of(request.seed, index, request.only)
    name = f"{index:06d}.png"
    paint(scene, request.style).save(request.train_dir / name, compress_level=4)
    english = caption(scene, "en", random.Random(f"en-{scene.seed}"))
    chinese = caption(scene, "zh", random.Random(f"zh-{scene.seed}"))
    is_chinese = request.language == "zh" or (request.language == "both" and index % 2 == 0)
    return {
        "file_name": name, "text": chinese if is_chinese else english, "text_en": english, "text_zh": chinese,
        "source": "studio.storybook", "license": LICENCE, "style": request.style, "seed": str(scene.seed),
    }  # fmt: skip


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studio.storybook.paint", description="Paint a folder of captioned Storybook pictures."
    )
    parser.add_argument("--count", type=int, required=True, metavar="N", help="number of pictures, 0 or more")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill: DIR/train")
    parser.add_argument("--style", choices=STYLES, default="flat", help="how the pictures are painted")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="another seed gives other pictures")
    parser.add_argument(
        "--language", choices=("en", "zh", "both"), default="both", help="language of the text column"
    )
    parser.add_argument(
        "--only", choices=(*KINDS, *CREATURES), metavar="KIND",
        help="one thing a picture, always of this kind; 'mobo' is a creature that the model has never seen",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code, 2 for a request that cannot be met."""
    given = _arguments().parse_args(arguments)
    request = PaintRequest(given.count, given.out, given.style, given.seed, given.language, given.only)
    reason = _refusal(request)
    if reason is not None:
        print(reason, file=sys.stderr)
        return 2
    for done, _ in enumerate(paint_folder(request), start=1):
        if done % _REPORT_EVERY == 0 or done == request.count:
            print(f"{done} of {request.count} pictures", file=sys.stderr)
    summary = {
        "folder": str(request.train_dir),
        "pictures": request.count,
        "style": request.style,
        "seed": request.seed,
    }
    print(json.dumps(summary) if given.json else f"{request.count} pictures in {request.train_dir}")
    return 0


def _refusal(request: PaintRequest) -> str | None:
    """Why the request cannot be met, in one sentence; None when it can."""
    if request.count < 0:
        return (
            f"--count is {request.count}, but a folder holds 0 pictures or more; pass a count of at least 0."
        )
    if request.train_dir.exists() and not request.train_dir.is_dir():
        return f"'{request.train_dir}' is a file; pass another folder as --out."
    if request.train_dir.is_dir() and any(request.train_dir.iterdir()):
        return f"'{request.train_dir}' already holds files; pass an empty or new folder as --out."
    return None


if __name__ == "__main__":
    sys.exit(main())
