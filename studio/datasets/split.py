"""Training and validation pictures, drawn so that the validation loss means something: what belongs together stays on one
side, so no validation picture is known from training.

Groups come in an order that only the seed and their pictures decide, and whole groups are kept aside until there are
enough, each kind of picture (shape, first tag) by its share. A set that grows is not dealt anew: with the same seed,
what was placed stays, unless a new picture ties a group to one that is learnt from. Groups with varied copies are only
learnt from."""

import hashlib
import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.dataset_requests import SplitRequest
from studio.datasets.entry import Entry
from studio.datasets.kinship import Kin, families, kin_across, kin_among, kin_of
from studio.datasets.measure import look_at
from studio.words import Said, Text

if TYPE_CHECKING:
    from studio.datasets.catalogue import Catalogue

LEAST_TO_SPLIT = 20
"""Below this a share keeps nothing aside: a held-out picture costs more than it tells. A count does as it is told."""
NOTE = "split"

FEW = Text(
    "The set has {count} pictures; below {least}, all are learnt from. Give a number of validation pictures to keep "
    "some aside nevertheless.",
    "数据集只有 {count} 张图片；少于 {least} 张时全部用于训练。若仍想留出验证图片，请直接填写数量。",
)
FEWER = Text(
    "{found} pictures are kept aside instead of {wanted}: the rest belongs to groups that are too large, or that hold "
    "varied copies.",
    "留出了 {found} 张而不是 {wanted} 张：其余图片所在的组太大，或含有增强副本。",
)
HALF = Text(
    "At most half of the pictures are kept aside: {most} instead of {wanted}.",
    "最多留出一半图片：{most} 张，而不是 {wanted} 张。",
)
MORE = Text(
    "{found} pictures are kept aside instead of {wanted}: near-duplicates stay together, and what was placed stays.",
    "留出了 {found} 张而不是 {wanted} 张：近似重复的图片保持在一起，已划分的不再移动。",
)


@dataclass(frozen=True)
class SplitReport:
    """How many pictures are learnt from, are kept aside, in how many groups, and how many changed sides; `said` tells
    what came out otherwise than asked."""

    train: int
    validation: int
    groups: int
    moved: int
    said: tuple[Said, ...] = ()


@dataclass(frozen=True)
class _Group:
    """Pictures that stay together. `kind` is the stratum, `key` its place in the order."""

    members: tuple[Kin, ...]
    key: str
    kind: tuple[int, str]

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def may_validate(self) -> bool:
        return not any(one.parent for one in self.members)

    def holds(self, split: str) -> bool:
        return any(one.split == split for one in self.members)


def split(catalogue: "Catalogue", request: SplitRequest) -> SplitReport:
    """Place every usable picture of a set, as one step that can be undone; what nobody has looked at yet is measured
    first."""
    for _ in look_at(catalogue):
        pass
    pictures = kin_of(catalogue)
    groups = _grouped(pictures, request.seed)
    before = catalogue.note(NOTE) or {}
    keeps = before.get("seed") == request.seed
    is_same = keeps and before == request.to_dict()
    aside = _placed(groups, _wanted(len(pictures), request), keeps, is_same)
    changes = {
        one.id: {"split": side}
        for group in groups
        for side in ("validation" if group.key in aside else "train",)
        for one in group.members
        if one.split != side
    }
    moved = sum(1 for one in pictures if one.split and one.id in changes)
    catalogue.edit_many(changes, "split")
    catalogue.set_note(NOTE, request.to_dict())
    return _report(groups, aside, moved, len(pictures), request)


def leaks(entries: Iterable[Entry]) -> list[tuple[int, int]]:
    """Pairs of ids, training picture and validation picture, that belong together: each with up to 20 of the former."""
    pictures = kin_among(entries)
    learnt = [one for one in pictures if one.split == "train"]
    aside = [one for one in pictures if one.split == "validation"]
    return [(learnt[j].id, aside[i].id) for i, j in kin_across(aside, learnt)]


def _grouped(pictures: Sequence[Kin], seed: int) -> list[_Group]:
    """All groups in their order."""
    made = [_group([pictures[k] for k in family], seed) for family in families(pictures)]
    return sorted(made, key=lambda group: group.key)


def _group(members: list[Kin], seed: int) -> _Group:
    first = min(members, key=lambda one: one.sha256)
    key = hashlib.sha256(f"{seed}{first.sha256}".encode()).hexdigest()
    tag = next(iter(first.tags.split()), "")
    return _Group(tuple(members), f"{key} {first.id}", (_shape(first), tag))


def _shape(one: Kin) -> int:
    """The aspect in half octaves, from very tall (-3) to very wide (3)."""
    aspect = one.m_width / one.m_height
    return max(-3, min(3, round(2 * math.log2(1 / aspect if one.turn % 2 else aspect))))


def _wanted(count: int, request: SplitRequest) -> int:
    if request.validation_count:
        return min(request.validation_count, count // 2)
    return int(request.validation_share * count + 1e-9) if count >= LEAST_TO_SPLIT else 0


def _placed(groups: Sequence[_Group], wanted: int, keeps: bool, is_same: bool) -> set[str]:
    """The keys of the groups that are kept aside. `keeps`: what is aside may stay there; `is_same`: the same was asked
    before, and what is learnt from stays too."""
    able = [group for group in groups if group.may_validate]
    aside = [g for g in able if keeps and g.holds("validation") and not g.holds("train")]
    if not is_same:
        while aside and sum(group.size for group in aside) > wanted:
            aside.pop()
    chosen = {group.key for group in aside}
    free = [
        g
        for g in able
        if g.key not in chosen and not (is_same and (g.holds("train") or g.holds("validation")))
    ]
    return chosen | _drawn(free, aside, groups, wanted)


def _drawn(
    free: Sequence[_Group], aside: Sequence[_Group], groups: Sequence[_Group], wanted: int
) -> set[str]:
    """Groups by their order until there are enough, always of the kind that lacks most."""
    left = wanted - sum(group.size for group in aside)
    lacks: dict[tuple[int, str], float] = {}
    total = sum(group.size for group in groups)
    for group in groups:
        lacks[group.kind] = lacks.get(group.kind, 0.0) + group.size * wanted / max(1, total)
    for group in aside:
        lacks[group.kind] -= group.size
    waiting: dict[tuple[int, str], list[_Group]] = {}
    for group in reversed(free):
        waiting.setdefault(group.kind, []).append(group)
    heap = [(-lacks[kind], queue[-1].key, kind) for kind, queue in waiting.items()]
    heapq.heapify(heap)
    chosen: set[str] = set()
    while heap and left > 0:
        lack, _, kind = heapq.heappop(heap)
        group = waiting[kind].pop()
        if group.size <= left:
            chosen.add(group.key)
            left, lack = left - group.size, lack + group.size
        if waiting[kind]:
            heapq.heappush(heap, (lack, waiting[kind][-1].key, kind))
    return chosen or _smallest(free, aside, left, total)


def _smallest(free: Sequence[_Group], aside: Sequence[_Group], left: int, total: int) -> set[str]:
    """Where every group is larger than what is wanted: the smallest, unless it takes half of the set."""
    group = min(free, key=lambda group: group.size, default=None)
    if aside or left <= 0 or group is None or group.size > total // 2:
        return set()
    return {group.key}


def _report(
    groups: Sequence[_Group], aside: set[str], moved: int, count: int, request: SplitRequest
) -> SplitReport:
    found = sum(group.size for group in groups if group.key in aside)
    wanted = _wanted(count, request)
    said: tuple[Said, ...] = ()
    if not (wanted or request.validation_count) and request.validation_share and count < LEAST_TO_SPLIT:
        said = (Said(FEW, {"count": count, "least": LEAST_TO_SPLIT}),)
    elif found != wanted:
        said = (Said(FEWER if found < wanted else MORE, {"found": found, "wanted": wanted}),)
    if request.validation_count > wanted:
        said = (Said(HALF, {"most": wanted, "wanted": request.validation_count}), *said)
    return SplitReport(count - found, found, len(groups), moved, said)
