"""Which pictures are nearly the same: exact search for perceptual hashes a few bits apart, of pictures and of mirror
images, and the groups that such pairs make.

Few pictures are compared all with all. Among many, two hashes at most r bits apart must agree closely in one of their
four 16-bit parts (Norouzi, Punjani & Fleet 2012, Multi-Index Hashing), so only those that do are compared: nothing is
missed, and 100,000 pictures take seconds. An approximate index was weighed and left for what it misses, and faiss' exact
one because it is slower (at 100,000: 6.8 s without mirror images, 3.7 s with them, on one core)."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.datasets.entry import Entry
from studio.datasets.phash import as_hashes, distances
from studio.datasets.pixels import GREYS, HUES

DUPLICATE_BITS = 8
"""Pictures this close are called duplicates: no wrong merge among 279 clusters."""
GROUP_BITS = 10
"""Pictures this close stay on one side of a split; 12 bits merged half of all clusters wrongly."""

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Pairs = tuple[Numbers, Numbers, NDArray[np.uint8]]

_TILE, _TILE_ROWS = 2**17, 32
_PARTS, _PART_BITS = 4, 16
_FEW = 12_000
_MOST_AT_ONCE = 2**17
_WORTH_PARTS = 15
"""Comparing two hashes by way of the parts costs this many times what it costs in a row."""
_GREYS_APART = 0.25
_HUES_SHARED = 0.6
_COLOURLESS = 0.06


def pairs(hashes: Hashes, mirrors: Hashes, most_bits: int) -> Pairs:
    """All pairs i < j whose hashes differ by at most so many bits, or one's from that of the other's mirror image, by i
    and j, with the least distance."""
    parts = list(found(hashes, mirrors, most_bits))
    first, second = (np.concatenate([np.zeros(0, np.int64), *(part[k] for part in parts)]) for k in (0, 1))
    both = np.unique(first * max(1, len(hashes)) + second)
    first, second = np.divmod(both, max(1, len(hashes)))
    return first, second, apart(hashes, mirrors, first, second)


def apart(hashes: Hashes, mirrors: Hashes, first: Numbers, second: Numbers) -> NDArray[np.uint8]:
    """Bits between the pictures of each pair, or between one and the other's mirror image."""
    mirrored = np.minimum(
        distances(mirrors[first], hashes[second]), distances(hashes[first], mirrors[second])
    )
    return np.asarray(np.minimum(distances(hashes[first], hashes[second]), mirrored))


def clusters(hashes: Hashes, mirrors: Hashes, most_bits: int) -> list[list[int]]:
    """Groups of two and more that such pairs connect, as sorted indices, by their first member."""
    return alike(hashes, mirrors, most_bits, None)


def clusters_of(entries: Sequence[Entry], most_bits: int) -> list[tuple[int, ...]]:
    """Groups of two and more near-duplicates, as ids. Their colours must agree too, since flat graphics have alike hashes
    easily. Pictures that can't be used, or that nobody has looked at, are in no group."""
    known = [entry for entry in entries if entry.measures is not None and not entry.measures.fault]
    hashes = as_hashes(entry.measures.phash for entry in known if entry.measures)
    mirrors = as_hashes(entry.measures.mirror_phash for entry in known if entry.measures)
    colours = [entry.measures.colours for entry in known if entry.measures]
    return [
        tuple(known[k].id for k in group) for group in alike(hashes, mirrors, most_bits, Colours(colours))
    ]


class Colours:
    """The coarse colour histograms of many pictures."""

    def __init__(self, colours: Sequence[str]) -> None:
        digits = HUES + GREYS
        line = "".join(one if len(one) == digits else "0" * digits for one in colours)
        values = np.array([int(digit, 16) for digit in line], np.float32).reshape(-1, digits) / 15
        shares = values**2
        self.marks = np.unique(np.array(colours, dtype=object).astype(str), return_inverse=True)[1]
        hues = shares[:, :HUES]
        self._strength = hues.sum(1)
        self._hues = _normal(hues * 2 + np.roll(hues, 1, 1) + np.roll(hues, -1, 1))
        self._levels = _normal(shares[:, HUES:]).cumsum(1)

    def agree(self, first: Numbers, second: Numbers) -> NDArray[np.bool_]:
        """Whether two pictures could be one picture in other light or without its colour: greys that are not far apart
        (earth mover's distance), and half of the hues in common where both have hues."""
        apart = np.abs(self._levels[first] - self._levels[second]).sum(1) / (GREYS - 1)
        shared = np.minimum(self._hues[first], self._hues[second]).sum(1)
        is_grey = np.minimum(self._strength[first], self._strength[second]) < _COLOURLESS
        return np.asarray((apart <= _GREYS_APART) & (is_grey | (shared >= _HUES_SHARED)))


def _normal(shares: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(shares / np.maximum(shares.sum(1, keepdims=True), 1e-9))


def alike(hashes: Hashes, mirrors: Hashes, most_bits: int, colours: Colours | None) -> list[list[int]]:
    """Groups of two and more, as sorted indices, whose hashes are near and whose colours, if given, agree."""
    groups = Groups(len(hashes))
    join_alike(groups, hashes, mirrors, most_bits, colours)
    return groups.listed()


def join_alike(
    groups: "Groups", hashes: Hashes, mirrors: Hashes, most_bits: int, colours: Colours | None
) -> None:
    """Join what is alike. Equal pictures are put together first, so that ten thousand blank ones are not compared with
    each other."""
    marks = colours.marks if colours else np.zeros(len(hashes), np.int64)
    keys = np.stack([hashes, mirrors, marks.astype(np.uint64)], 1)
    _, kept, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    groups.join(np.arange(len(hashes)), kept[same.ravel()])
    for first, second in found(hashes[kept], mirrors[kept], most_bits):
        first, second = kept[first], kept[second]
        is_new = groups.root[first] != groups.root[second]
        first, second = first[is_new], second[is_new]
        if colours is not None:
            agreeing = colours.agree(first, second)
            first, second = first[agreeing], second[agreeing]
        groups.join(first, second)


class Groups:
    """Union-find over 0 to n - 1; `root` holds the smallest member of each one's group."""

    def __init__(self, count: int) -> None:
        self.root = np.arange(count)

    def join(self, first: Numbers, second: Numbers) -> None:
        """Put the groups of each pair together."""
        a, b = self.root[first], self.root[second]
        linked = np.unique(np.stack([np.minimum(a, b), np.maximum(a, b)], 1)[a != b], axis=0)
        if not len(linked):
            return
        above: dict[int, int] = {}
        for low, high in linked.tolist():
            low, high = sorted((_top(above, low), _top(above, high)))
            if low != high:
                above[high] = low
        moved = np.arange(len(self.root))
        moved[list(above)] = [_top(above, one) for one in above]
        self.root = moved[self.root]

    def listed(self, least: int = 2) -> list[list[int]]:
        """The groups of so many members and more, each sorted, by their first member."""
        order = np.argsort(self.root, kind="stable")
        starts = np.flatnonzero(np.diff(self.root[order], prepend=-1))
        sizes = np.diff(starts, append=len(order))
        return [
            order[at : at + size].tolist() for at, size in zip(starts, sizes, strict=True) if size >= least
        ]


def _top(above: dict[int, int], one: int) -> int:
    while (over := above.get(one)) is not None:
        one, below = over, one
        if (further := above.get(over)) is not None:
            above[below] = further
    return one


def found(hashes: Hashes, mirrors: Hashes, most_bits: int) -> Iterator[tuple[Numbers, Numbers]]:
    """The pairs i < j, a stretch at a time; some more than once."""
    count = len(hashes)
    if count <= _FEW or most_bits >= 2 * _PART_BITS:
        return _all_with_all(hashes, mirrors, most_bits)
    radii = [(most_bits + 1) // _PARTS - 1 + (part < (most_bits + 1) % _PARTS) for part in range(_PARTS)]
    if _candidates(hashes, mirrors, radii) * _WORTH_PARTS > count * count:
        return _all_with_all(hashes, mirrors, most_bits)
    return _by_parts(hashes, mirrors, most_bits, radii)


def _all_with_all(hashes: Hashes, mirrors: Hashes, most_bits: int) -> Iterator[tuple[Numbers, Numbers]]:
    step = _TILE_ROWS * 8
    for top in range(0, len(hashes), step):
        for first, second, _ in across(hashes[top : top + step], hashes[top:], most_bits):
            yield first[first < second] + top, second[first < second] + top
    for first, second, _ in across(mirrors, hashes, most_bits):
        yield _ordered(first, second)


def _ordered(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    low, high = np.minimum(first, second), np.maximum(first, second)
    return low[low < high], high[low < high]


def across(hashes: Hashes, others: Hashes, most_bits: int) -> Iterator[Pairs]:
    """Each hash against all others: index, other's index and bits of the near ones, a stretch at a time."""
    rows = max(1, min(_TILE_ROWS, len(hashes)))
    high = max(1, min(len(others), _TILE // rows))
    mixed, bits = np.empty(rows * high, np.uint64), np.empty(rows * high, np.uint8)
    for left in range(0, len(others), high):
        there = others[left : left + high]
        for top in range(0, len(hashes), rows):
            own = hashes[top : top + rows]
            here = bits[: len(own) * len(there)]
            np.bitwise_xor(own[:, None], there, out=mixed[: len(here)].reshape(len(own), -1))
            np.bitwise_count(mixed[: len(here)], out=here)
            if here.min() <= most_bits:
                near = np.flatnonzero(here <= most_bits)
                first, second = np.divmod(near, len(there))
                yield first + top, second + left, here[near]


def _part(hashes: Hashes, part: int) -> Numbers:
    return np.asarray((hashes >> np.uint64(part * _PART_BITS)) & np.uint64(2**_PART_BITS - 1), np.int64)


def _masks(radius: int) -> list[int]:
    """All patterns of at most so many of a part's bits."""
    return [
        sum(1 << bit for bit in chosen)
        for count in range(radius + 1)
        for chosen in combinations(range(_PART_BITS), count)
    ]


def _candidates(hashes: Hashes, mirrors: Hashes, radii: Sequence[int]) -> float:
    """About how many comparisons the way by parts would make, from every eighth pattern."""
    total = 0.0
    for part, radius in enumerate(radii):
        keys, mirrored, masks = _part(hashes, part), _part(mirrors, part), _masks(radius)
        counts = np.bincount(keys, minlength=2**_PART_BITS)
        some = masks[::8]
        found = sum(int(counts[keys ^ mask].sum()) / 2 + int(counts[mirrored ^ mask].sum()) for mask in some)
        total += found * len(masks) / max(1, len(some))
    return total


def _by_parts(
    hashes: Hashes, mirrors: Hashes, most_bits: int, radii: Sequence[int]
) -> Iterator[tuple[Numbers, Numbers]]:
    """Whatever agrees closely in one part; of two hashes that look for each other only one does."""
    for part, radius in enumerate(radii):
        keys = _part(hashes, part)
        order = np.argsort(keys, kind="stable")
        there = hashes[order]
        starts = np.searchsorted(keys[order], np.arange(2**_PART_BITS + 1))
        mirrored = _part(mirrors, part)
        for mask in _masks(radius):
            asks = (keys & (1 << mask.bit_length() >> 1)) == 0
            for own, wanted, asking in ((hashes, keys ^ mask, asks), (mirrors, mirrored ^ mask, None)):
                begin = starts[wanted]
                sizes = starts[wanted + 1] - begin
                if asking is not None:
                    sizes[~asking] = 0
                for first, places in _near(own, there, begin, sizes, most_bits):
                    yield _ordered(first, order[places])


def _near(
    own: Hashes, there: Hashes, begin: Numbers, sizes: Numbers, most_bits: int
) -> Iterator[tuple[Numbers, Numbers]]:
    """Each number k with those of the size[k] places from begin[k] on whose hash is near its own, some at a time."""
    ends = sizes.cumsum()
    low = 0
    while low < len(sizes):
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + _MOST_AT_ONCE, side="right")))
        some, until = sizes[low:high], ends[low:high] - before
        places = np.repeat(begin[low:high] - (until - some), some)
        places += np.arange(len(places))
        mixed = np.repeat(own[low:high], some)
        mixed ^= there[places]
        near = np.flatnonzero(np.bitwise_count(mixed) <= most_bits)
        first = np.asarray(np.searchsorted(until, near, side="right") + low, np.int64)
        yield first, np.asarray(places[near], np.int64)
        low = high
