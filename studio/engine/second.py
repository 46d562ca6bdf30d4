"""The second pass: a finished picture is enlarged and painted over.

A picture much larger than the first would be painted as several (two horizons, two heads): it is painted in tiles of
the first one's size instead. They overlap, share one field of noise, and are mixed by smooth weights."""

import math
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from studio.engine import sample
from studio.engine.cache import Kept
from studio.engine.events import Step
from studio.requests import GenerateRequest
from studio.schedulers.start import shortened
from studio.words import Said

if TYPE_CHECKING:
    import torch

LARGEST = 1.6
"""How much larger than the first picture the second may be on a side and still be painted whole."""
OVERLAP = 0.25
"""The least share of a tile that its neighbour covers too."""
_MOST_PX = 4096
_LATENT_PX = 8


class Tile(NamedTuple):
    """A part of the enlarged picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


def size(request: GenerateRequest, multiple: int) -> tuple[int, int] | None:
    """Width and height of the enlarged picture; None where it isn't enlarged."""
    first = (request.width, request.height)
    width, height = (round(side * request.upscale / multiple) * multiple for side in first)
    return None if (width, height) == first else (width, height)


def steps(request: GenerateRequest, multiple: int) -> int:
    """How many steps the second pass takes over all its tiles."""
    whole = size(request, multiple)
    walked, _ = shortened(request.steps, request.upscale_strength)
    return walked * len(tiles(request, whole, multiple)) if whole else 0


def tiles(request: GenerateRequest, whole: tuple[int, int], multiple: int) -> list[Tile]:
    """The tiles of an enlarged picture, row by row."""
    width, height = (
        side if side <= min(LARGEST * own, _MOST_PX) else own
        for side, own in zip(whole, (request.width, request.height), strict=True)
    )
    return [
        Tile(left, top, width, height)
        for top in _places(whole[1], height, multiple)
        for left in _places(whole[0], width, multiple)
    ]


def enlarged(rgb: bytes, size: tuple[int, int], whole: tuple[int, int]) -> "torch.Tensor":
    """Pixels (3, H, W), 0 to 255, of a picture's RGB bytes scaled up."""
    import numpy as np
    import torch
    from PIL import Image

    large = Image.frombytes("RGB", size, rgb).resize(whole, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(large)).permute(2, 0, 1).float()


def run(work: sample.Work, latents: "torch.Tensor", parts: list[Tile]) -> Generator[Step, None, Kept]:
    """Paint over the enlarged picture's latents (1, C, h, w), tile by tile. Raises NotFinite."""
    import torch

    request = work.request
    walked, _ = shortened(request.steps, request.upscale_strength)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(work.seed))
    canvas, total, weights = latents.clone(), torch.zeros_like(latents), torch.zeros_like(latents)
    for place, tile in enumerate(parts):
        rows, columns = (
            slice(edge // _LATENT_PX, (edge + side) // _LATENT_PX)
            for edge, side in ((tile.top, tile.height), (tile.left, tile.width))
        )
        here = (..., rows, columns)
        one = replace(
            work,
            request=request.with_(width=tile.width, height=tile.height),
            begin=sample.Begin(latents[here], None, request.upscale_strength, noise[here]),
            before=work.before + place * walked,
            after=(len(parts) - place - 1) * walked,
            canvas=sample.Canvas(canvas, here),
            tile=(place + 1, len(parts)),
        )
        kept = yield from sample.run(one)
        painted = kept.value.to(latents)
        canvas[here] = painted
        weight = _weight(painted)
        total[here] += painted * weight
        weights[here] += weight
    whole = total / weights
    shape = "x".join(str(n) for n in whole.shape[1:])
    return Kept(whole, whole.nbytes, Said(sample.LATENTS, {"shape": shape, "seed": work.seed}))


def _places(whole: int, tile: int, multiple: int) -> list[int]:
    """Where tiles begin along one side, evenly spread, so that neighbours overlap enough."""
    count = math.ceil((whole - tile) / (tile * (1 - OVERLAP))) + 1
    if count == 1:
        return [0]
    return [round((whole - tile) * k / (count - 1) / multiple) * multiple for k in range(count)]


def _weight(latents: "torch.Tensor") -> "torch.Tensor":
    """How much each of a tile's latents counts (h, w): a hill that falls to next to nothing at the edges."""
    import torch

    hills = []
    for side in latents.shape[-2:]:
        along = (torch.arange(side, device=latents.device) + 0.5) / side
        hills.append(torch.sin(along * math.pi) ** 2 + 1e-4)
    return hills[0][:, None] * hills[1][None, :]
