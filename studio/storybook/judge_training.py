"""Train the judge on true scenes in all styles, blurred, re-coloured and noisy as well as clean."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.storybook.judge import CELL, Judge
from studio.storybook.networks import mixed
from studio.storybook.recipe import Pace, Recipe
from studio.storybook.scene import COLOURFUL_STYLES, COLOURS, GROUNDS, KINDS, STYLES, TIMES, Scene

_KINDS, _COLOURS = tuple(KINDS), tuple(COLOURS)
MOST = 3


class Lesson:
    """Pictures of one style and size (N, H, W, 3) with the truth about them as tensors."""

    def __init__(self, pixels: Tensor, scenes: Sequence[Scene], style: str) -> None:
        self.pixels, self.style = pixels, style
        device = pixels.device
        rows = []
        for scene in scenes:
            row = []
            for k in range(MOST):
                if k < len(scene.things):
                    thing = scene.things[k]
                    left, top, right, bottom = thing.box(scene.size)
                    row.append([
                        _KINDS.index(thing.kind), _COLOURS.index(thing.colour), (left + right) / 2 / CELL,
                        (top + bottom) / 2 / CELL, min(right - left, bottom - top) / CELL,
                    ])  # fmt: skip
                else:
                    row.append([-1.0, 0.0, -9.0, -9.0, 1.0])
            rows.append(row)
        self.things = torch.tensor(rows, device=device)
        wholes = [[GROUNDS.index(s.ground), TIMES.index(s.time), STYLES.index(style)] for s in scenes]
        self.wholes = torch.tensor(wholes, device=device)


def disturb(x: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1], most of them blurred, re-coloured or noisy, each in its own way."""
    count, device = len(x), x.device

    def lot(low: float, high: float, *shape: int) -> Tensor:
        values = torch.rand((count, *(shape or (1, 1, 1))), generator=rng, device=device)
        calm = torch.rand((count, 1, 1, 1), generator=rng, device=device) < 0.35
        return torch.where(calm, torch.ones_like(values), low + (high - low) * values)

    x = x * lot(0.75, 1.25) * lot(0.9, 1.1, 3, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * lot(0.55, 1.4)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * lot(0.75, 1.25)
    sigma = float(torch.rand((), generator=rng, device=device)) * 2.2
    if sigma > 0.3:
        taps = torch.arange(-5, 6, device=device)
        kernel = torch.exp(-0.5 * (taps / sigma) ** 2)
        kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
        soft = functional.conv2d(functional.pad(x, (5, 5, 0, 0), mode="replicate"), kernel, groups=3)
        soft = functional.conv2d(
            functional.pad(soft, (0, 0, 5, 5), mode="replicate"), kernel.transpose(2, 3), groups=3
        )
        x = torch.where(torch.rand((count, 1, 1, 1), generator=rng, device=device) < 0.6, soft, x)
    noise = torch.randn(x.shape, generator=rng, device=device) * 0.03
    return (x + noise * (lot(0.0, 2.0) - 1).clamp_min(0)).clamp(0, 1)


def targets(things: Tensor, rows: int, columns: int) -> Tensor:
    """Heat (B, 22, rows, columns): 1 at a thing's centre cell, falling off as a Gaussian of a sixth of its size."""
    count, device = len(things), things.device
    heat = torch.zeros(count, len(_KINDS), rows, columns, device=device)
    y = torch.arange(rows, device=device)[:, None] + 0.5
    x = torch.arange(columns, device=device)[None, :] + 0.5
    every = torch.arange(count, device=device)
    for k in range(MOST):
        kind, _, cx, cy, side = things[:, k].unbind(1)
        cx, cy = cx.floor() + 0.5, cy.floor() + 0.5
        sigma = (side / 7).clamp_min(0.5)[:, None, None]
        bump = torch.exp(-0.5 * ((x - cx[:, None, None]) ** 2 + (y - cy[:, None, None]) ** 2) / sigma**2)
        bump = bump * (kind >= 0)[:, None, None]
        which = kind.clamp_min(0).long()
        heat[every, which] = torch.maximum(heat[every, which], bump)
    return heat


def loss_of(judge: nn.Module, x: Tensor, things: Tensor, wholes: Tensor, colourful: Tensor) -> Tensor:
    """Focal loss on centres and cross-entropy on the style for every picture; cross-entropy on ground, time and the
    colours at the centres for those in `colourful` (B,), whose style shows them."""
    marks = judge(x)
    heat = targets(things, *marks.kinds.shape[-2:])
    p = marks.kinds.float().sigmoid().clamp(1e-4, 1 - 1e-4)
    hit = heat > 0.999
    focal = torch.where(hit, (1 - p) ** 2 * p.log(), (1 - heat) ** 4 * p**2 * (1 - p).log())
    loss = -focal.sum() / hit.sum().clamp_min(1)
    loss = loss + functional.cross_entropy(marks.style.float(), wholes[:, 2])
    loss = loss + functional.cross_entropy(marks.ground.float()[colourful], wholes[colourful, 0])
    loss = loss + functional.cross_entropy(marks.time.float()[colourful], wholes[colourful, 1])
    real = (things[..., 0] >= 0) & colourful[:, None]
    picture = torch.arange(len(x), device=x.device)[:, None].expand_as(real)[real]
    cx, cy = things[..., 2][real].long(), things[..., 3][real].long()
    rows, columns = marks.kinds.shape[-2:]
    for dy, dx in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)):
        at = marks.colours[picture, :, (cy + dy).clamp(0, rows - 1), (cx + dx).clamp(0, columns - 1)]
        loss = loss + functional.cross_entropy(at.float(), things[..., 1][real].long()) / 5
    return loss


def mixture(
    lessons: list[Lesson], count: int, rng: torch.Generator, choose: torch.Generator
) -> tuple[Tensor, ...]:
    """A batch of one size in which every style occurs and half is flat: bytes (B, H, W, 3), things, wholes, and
    which of them are colourful. Mixed, because batch normalisation would tell pure batches apart."""
    sizes = sorted({lesson.pixels.shape[1:3] for lesson in lessons})
    size = sizes[int(torch.randint(len(sizes), (1,), generator=choose))]
    parts: list[tuple[Tensor, ...]] = []
    others = len(STYLES) - 1
    for style in STYLES:
        matching = [
            lesson for lesson in lessons if lesson.style == style and lesson.pixels.shape[1:3] == size
        ]
        if not matching:
            continue
        lesson = matching[int(torch.randint(len(matching), (1,), generator=choose))]
        share = max(1, count // 2 if style == "flat" else count // 2 // others)
        which = torch.randint(len(lesson.pixels), (share,), generator=rng, device=lesson.pixels.device)
        colourful = torch.full((share,), style in COLOURFUL_STYLES, device=lesson.pixels.device)
        parts.append((lesson.pixels[which], lesson.things[which], lesson.wholes[which], colourful))
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def train(recipe: Recipe, lessons: list[Lesson], device: torch.device, say: Callable[[str], None]) -> Judge:
    """Train a judge on these lessons. Returns it in evaluation mode."""
    torch.manual_seed(3)
    judge = Judge(recipe.judge_width).to(device)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=recipe.judge_rate, weight_decay=0.02)
    rng = torch.Generator(device).manual_seed(3000)
    choose = torch.Generator().manual_seed(3000)
    pace = Pace(recipe.judge_steps, recipe.judge_seconds)
    while pace.share < 1:
        pixels, things, wholes, colourful = mixture(lessons, recipe.judge_batch, rng, choose)
        x = disturb(pixels.permute(0, 3, 1, 2).float() / 255, rng)
        for group in optimizer.param_groups:
            group["lr"] = recipe.judge_rate * pace.rate(100)
        with mixed(device):
            x = x.contiguous(memory_format=torch.channels_last)
            loss = loss_of(judge, x, things, wholes, colourful)
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        pace.advance()
        if pace.step % 250 == 0 or pace.share == 1:
            say(f"judge {pace} loss {loss.item():.3f}")
    judge.eval()
    return judge
