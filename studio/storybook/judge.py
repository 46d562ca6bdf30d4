"""The judge: a small network that finds the things of a picture, their colours, its ground, time and style.

It looks for the centres of things on a grid of 8-pixel cells (Zhou et al., "Objects as Points", arXiv:1904.07850),
so it can count and compare positions, and it knows nothing of captions or of the model that it judges.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.storybook.scene import COLOURS, GROUNDS, KINDS, STYLES, TIMES

CELL = 8
THRESHOLD = 0.3
_KINDS, _COLOURS = tuple(KINDS), tuple(COLOURS)


class Marks(NamedTuple):
    """Raw marks of a batch: kinds (B, 22, h, w) and colours (B, 10, h, w) for each cell; ground (B, 6), time (B, 4)
    and style (B, 8) for each picture; all logits."""

    kinds: Tensor
    colours: Tensor
    ground: Tensor
    time: Tensor
    style: Tensor


@dataclass(frozen=True)
class Seen:
    """A thing that the judge found: x and y of its centre in shares of the picture, and how sure it is (0 to 1)."""

    kind: str
    colour: str
    x: float
    y: float
    sureness: float


@dataclass(frozen=True)
class Reading:
    """All that the judge says of one picture."""

    things: tuple[Seen, ...]
    ground: str
    time: str
    style: str


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.last = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm(self.first(x)))
        return functional.relu(x + self.last(self.second(y)))


def _down(narrow: int, wide: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(narrow, wide, 3, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU())


class Judge(nn.Module):
    """RGB pictures (B, 3, H, W) in [0, 1], H and W multiples of 16, to `Marks`."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width
        self.fine = nn.Sequential(
            _down(3, width), _Block(width), _down(width, 2 * width), _Block(2 * width), _Block(2 * width),
            _down(2 * width, 3 * width), _Block(3 * width), _Block(3 * width),
        )  # fmt: skip
        self.coarse = nn.Sequential(_down(3 * width, 4 * width), *(_Block(4 * width) for _ in range(3)))
        self.join = nn.Conv2d(4 * width, 3 * width, 1)
        self.finish = _Block(3 * width)
        self.kinds = nn.Conv2d(3 * width, len(_KINDS), 1)
        self.colours = nn.Conv2d(3 * width, len(_COLOURS), 1)
        self.whole = nn.Linear(14 * width, len(GROUNDS) + len(TIMES) + len(STYLES))
        nn.init.constant_(self.kinds.bias, -4.0)  # type: ignore[arg-type]

    def look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features of each cell (B, 96, h, w) and of the whole picture (B, 448), at the shipped width."""
        fine = self.fine(2 * x - 1)
        coarse = self.coarse(fine)
        cells = self.finish(fine + functional.interpolate(self.join(coarse), size=fine.shape[-2:]))
        # sky and ground differ: pool the upper and the lower half apart
        half = fine.shape[2] // 2
        pooled = [fine[:, :, :half].mean((2, 3)), fine[:, :, half:].mean((2, 3))]
        pooled += [coarse[:, :, : half // 2].mean((2, 3)), coarse[:, :, half // 2 :].mean((2, 3))]
        return cells, torch.cat(pooled, 1)

    def forward(self, x: Tensor) -> Marks:
        """Marks of a batch of pictures."""
        cells, whole = self.look(x)
        parts = self.whole(whole).split([len(GROUNDS), len(TIMES), len(STYLES)], 1)
        return Marks(self.kinds(cells), self.colours(cells), *parts)


@torch.no_grad()
def read(judge: nn.Module, pictures: Tensor) -> list[Reading]:
    """What the judge sees in pictures (B, 3, H, W) in [0, 1]."""
    marks: Marks = judge(pictures)
    heat = marks.kinds.float().sigmoid()
    best, kind = heat.max(1)
    peaks = (best == functional.max_pool2d(best, 5, 1, 2)) & (best > THRESHOLD)
    colour = marks.colours.argmax(1)
    rows, columns = best.shape[-2:]
    ground, time, style = marks.ground.argmax(1), marks.time.argmax(1), marks.style.argmax(1)
    readings = []
    for i in range(len(pictures)):
        things = tuple(
            Seen(
                _KINDS[int(kind[i, y, x])], _COLOURS[int(colour[i, y, x])],
                (x + 0.5) / columns, (y + 0.5) / rows, float(best[i, y, x]),
            )
            for y, x in peaks[i].nonzero().tolist()
        )  # fmt: skip
        readings.append(Reading(things, GROUNDS[int(ground[i])], TIMES[int(time[i])], STYLES[int(style[i])]))
    return readings


def save(judge: Judge, file: Path) -> None:
    """Write the judge in fp16."""
    from safetensors.torch import save_file

    tensors = {
        k: (v.half() if v.is_floating_point() else v).contiguous().cpu()
        for k, v in judge.state_dict().items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"width": str(judge.width), "licence": "Apache-2.0"})


def load(file: Path, device: Any = "cpu") -> Judge:
    """Read the judge that `save` wrote, in evaluation mode."""
    from safetensors import safe_open

    with safe_open(file, "pt") as held:  # type: ignore[no-untyped-call, unused-ignore]
        judge = Judge(int(held.metadata()["width"]))
        judge.load_state_dict({key: held.get_tensor(key) for key in held.keys()})  # noqa: SIM118
    return judge.float().to(device).eval()
