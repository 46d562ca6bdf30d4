"""How pictures are laid out for training: the sizes to train at, which picture goes to which, batches, and steps.

Plain arithmetic, so that the page can tell beforehand what the worker will do. All pictures of a batch have one size. A
pass goes over every picture exactly once: the last batch of a size is smaller where the pictures don't come out even."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from studio.train_request import TrainRequest

Size = tuple[int, int]
"""Width and height in pixels."""

MOST_STRETCHED = 2.0
"""The widest shape that a made-up bucket has; sizes from a model's card may be wider."""
LARGE_AREA_PX = 512 * 512
LARGE_STEP_PX, SMALL_STEP_PX = 64, 32
"""Sides of made-up buckets are multiples of this, at large and at small areas."""


@dataclass(frozen=True)
class Bucket:
    """A size and the pictures that are trained at it, as numbers in the order given."""

    size: Size
    members: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """How a picture becomes one of its bucket's size: scaled to cover it, then cut at a corner (all in pixels)."""

    scaled: Size
    left: int
    top: int


@dataclass(frozen=True)
class Plan:
    """The layout of one run. `batch` counts the pictures of one batch over all devices."""

    buckets: tuple[Bucket, ...]
    batch: int
    accumulate: int
    epochs: int
    steps_per_epoch: int
    steps: int

    @property
    def pictures(self) -> int:
        """How many pictures a pass goes over."""
        return sum(len(bucket.members) for bucket in self.buckets)

    @cached_property
    def batches_a_pass(self) -> int:
        """Batches that go over every picture once."""
        return sum(math.ceil(len(bucket.members) / self.batch) for bucket in self.buckets)

    @property
    def pictures_an_epoch(self) -> int:
        """How many different pictures an epoch uses, at least."""
        batches = self.steps_per_epoch * self.accumulate
        return self.pictures if batches >= self.batches_a_pass else min(self.pictures, batches)

    def pass_over(self, seed: int, number: int) -> Iterator[tuple[Size, tuple[int, ...]]]:
        """The batches of a pass, in order: size and pictures. The same seed and number give the same batches."""
        dice = random.Random(f"pass {seed} {number}")
        batches: list[tuple[Size, tuple[int, ...]]] = []
        for bucket in self.buckets:
            members = list(bucket.members)
            dice.shuffle(members)
            batches += [
                (bucket.size, tuple(members[i : i + self.batch])) for i in range(0, len(members), self.batch)
            ]
        dice.shuffle(batches)
        yield from batches


def make_plan(
    request: TrainRequest,
    pictures: Sequence[Size],
    own_sizes: Sequence[Size],
    multiple: int,
    world: int | None = None,
) -> Plan:
    """The plan for `pictures`, given by their sizes. `own_sizes` are those of the model, `multiple` what its sides must
    divide by, `world` the number of devices in all (default: as the request says)."""
    sizes = sizes_for(request, own_sizes, multiple)
    batch = request.batch_size * (world or request.devices * request.num_nodes)
    buckets = sort_into(sizes, pictures)
    a_pass = sum(math.ceil(len(bucket.members) / batch) for bucket in buckets)
    per_epoch = request.steps_per_epoch or max(1, math.ceil(a_pass / request.accumulate_grad_batches))
    steps = request.max_steps or request.max_epochs * per_epoch
    return Plan(
        buckets, batch, request.accumulate_grad_batches, math.ceil(steps / per_epoch), per_epoch, steps
    )


def sizes_for(request: TrainRequest, own_sizes: Sequence[Size], multiple: int) -> list[Size]:
    """The sizes to train at: the model's own, or of the area asked for in several shapes; or one alone."""
    width, height = request.width or own_sizes[0][0], request.height or own_sizes[0][1]
    one = (_rounded(width, multiple), _rounded(height, multiple))
    if not request.aspect_buckets:
        return [one]
    if not request.width and not request.height:
        return list(own_sizes)
    step = math.lcm(LARGE_STEP_PX if width * height >= LARGE_AREA_PX else SMALL_STEP_PX, multiple)
    area, made = width * height, [one]
    for wide in range(step, int(math.sqrt(area * MOST_STRETCHED)) + 1, step):
        high = round(area / wide / step) * step
        if high and max(wide, high) / min(wide, high) <= MOST_STRETCHED and (wide, high) not in made:
            made.append((wide, high))
    return made


def sort_into(sizes: Sequence[Size], pictures: Sequence[Size]) -> tuple[Bucket, ...]:
    """Each picture with the size whose shape is nearest to its own; sizes that got none are left out."""
    members: dict[Size, list[int]] = {size: [] for size in sizes}
    for number, picture in enumerate(pictures):
        members[min(sizes, key=lambda size: abs(_shape(size) - _shape(picture)))].append(number)
    return tuple(Bucket(size, tuple(found)) for size, found in members.items() if found)


def cuts_of(picture: Size, size: Size, count: int, is_centred: bool, chance: str) -> list[Cut]:
    """Up to `count` different ways to cut a picture to `size`: centred, or at places that `chance` decides."""
    scale = max(size[0] / picture[0], size[1] / picture[1])
    scaled = max(size[0], round(picture[0] * scale)), max(size[1], round(picture[1] * scale))
    spare = scaled[0] - size[0], scaled[1] - size[1]
    if is_centred or spare == (0, 0):
        return [Cut(scaled, spare[0] // 2, spare[1] // 2)]
    dice = random.Random(f"cut {chance}")
    cuts = [Cut(scaled, dice.randint(0, spare[0]), dice.randint(0, spare[1])) for _ in range(count)]
    return list(dict.fromkeys(cuts))


def _shape(size: Size) -> float:
    return math.log(size[0] / size[1])


def _rounded(side: int, multiple: int) -> int:
    return max(side // multiple, 1) * multiple
