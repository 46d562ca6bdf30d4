"""The batches of a run, each a pure function of (seed, number): stopping and going on changes nothing.

A batch is drawn for all devices together, and each takes its share of it; so two devices with four pictures each do what
one does with eight. Noise levels are stratified: every batch covers the whole scale evenly, which makes its gradient
steadier at no cost (Kingma et al., arXiv:2107.00630, appendix I)."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from studio.families.family import Conditioning
from studio.train_plan import Plan
from studio.train_request import TrainRequest
from studio.training.encoding import Entry, Library


class Batch(NamedTuple):
    """What one forward pass takes: latents and noise (B, C, h, w), timesteps (B,), states of B texts, sizes (B, 6), and
    what each picture's loss counts (B,): 1 / pictures of a full batch, 0 for one that only fills up; and which are there to
    keep what the model paints (B,)."""

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    conditioning: Conditioning
    sizes: Tensor
    weights: Tensor
    priors: Tensor


@dataclass(frozen=True)
class Pick:
    """One picture of a batch: which, which of its variants, whether it goes without its caption, how far up the noise
    scale it is (in [0, 1)), the seed of its noise, what its loss counts, and which of the prompts that stay as
    they are it goes with, if any."""

    item: int
    variant: int
    drops_caption: bool
    level: float
    seed: int
    weight: float
    prior: int | None = None


class Stream:
    """All batches of a run, for device `rank` of `world`. `timesteps` is how many noise levels there are."""

    def __init__(
        self,
        plan: Plan,
        library: Library,
        request: TrainRequest,
        timesteps: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._plan, self._library, self._request = plan, library, request
        self._timesteps, self._rank, self._world = timesteps, rank, world
        self._weight = world / min(plan.batch, max(len(bucket.members) for bucket in plan.buckets))
        self._pass = lru_cache(2)(lambda number: tuple(plan.pass_over(request.seed, number)))

    def batch(self, number: int) -> Batch:
        """This device's share of a batch; a share that comes out short is filled up with pictures that don't count."""
        picks = self._picks(number)
        each = -(-len(picks) // self._world)
        mine = picks[self._rank * each : (self._rank + 1) * each]
        filler = replace(picks[0], weight=0.0)
        whole = [*mine, *[filler] * (each - len(mine))]
        return gather(self._library, whole, self._timesteps, self._request.noise_offset)

    def _picks(self, number: int) -> list[Pick]:
        """The whole batch."""
        pass_number, index = divmod(number, self._plan.batches_a_pass)
        _, members = self._pass(pass_number)[index]
        dice = random.Random(f"batch {self._request.seed} {number}")
        strata = list(range(len(members)))
        dice.shuffle(strata)
        picks = [
            Pick(
                item,
                dice.randrange(self._library.entries[item].variants),
                dice.random() < self._request.caption_dropout,
                (stratum + dice.random()) / len(members),
                dice.getrandbits(63),
                self._weight,
            )
            for item, stratum in zip(members, strata, strict=True)
        ]
        if not self._request.keeps_priors:
            return picks
        drawn = [(dice.random(), dice.randrange(len(self._library.priors))) for _ in picks]
        return [
            replace(pick, prior=which) if chance < self._request.prior_share else pick
            for pick, (chance, which) in zip(picks, drawn, strict=True)
        ]


@dataclass(frozen=True)
class Feed:
    """The batches of a stream from number `begin` to before `end`, as Lightning takes them."""

    stream: Stream
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __iter__(self) -> Iterator[Batch]:
        return (self.stream.batch(number) for number in range(self.begin, self.end))


def gather(library: Library, picks: Sequence[Pick], timesteps: int, noise_offset: float) -> Batch:
    """The tensors of some pictures of one size."""
    entries = [library.entries[pick.item] for pick in picks]
    encoded = [library.store.get(entry.latents) for entry in entries]
    texts = [library.text(_text_of(pick, entry, library)) for pick, entry in zip(picks, entries, strict=True)]

    def variants(name: str) -> Tensor:
        return torch.stack([kept[name][pick.variant] for pick, kept in zip(picks, encoded, strict=True)])

    means = variants("mean")
    chances = [_chance(pick.seed, means[0].shape, noise_offset) for pick in picks]
    return Batch(
        latents=means + variants("std") * torch.stack([posterior for posterior, _ in chances]),
        noise=torch.stack([noise for _, noise in chances]),
        timesteps=torch.tensor([int(pick.level * timesteps) for pick in picks]),
        conditioning={name: _stacked([text[name] for text in texts]) for name in texts[0]},
        sizes=variants("sizes"),
        weights=torch.tensor([pick.weight for pick in picks]),
        priors=torch.tensor([pick.prior is not None for pick in picks]),
    )


def _text_of(pick: Pick, entry: Entry, library: Library) -> str:
    if pick.prior is not None:
        return library.priors[pick.prior]
    return library.empty if pick.drops_caption else entry.text


def _stacked(states: Sequence[Tensor]) -> Tensor:
    """One state of each text (B, ...). Where their lengths differ, the shorter are filled up with zeros; families with
    such texts keep a mask, which is then false there."""
    longest = max(len(state) for state in states)
    return torch.stack(
        [torch.cat([state, state.new_zeros(longest - len(state), *state.shape[1:])]) for state in states]
    )


def _chance(seed: int, shape: Sequence[int], offset: float) -> tuple[Tensor, Tensor]:
    """Two draws (C, h, w) of a normal distribution: for the posterior, and the noise, shifted a little as a whole."""
    dice = torch.Generator().manual_seed(seed)
    posterior, noise = torch.randn(tuple(shape), generator=dice), torch.randn(tuple(shape), generator=dice)
    if offset:
        noise += offset * torch.randn((shape[0], 1, 1), generator=dice)
    return posterior, noise
