"""Which pictures belong together, so that a split must not part them: near-duplicates, varied copies and what they were
made from, series, and pictures of one caption that are somewhat alike."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from studio.datasets.duplicates import (
    GROUP_BITS,
    Colours,
    Groups,
    Hashes,
    Numbers,
    Pairs,
    across,
    apart,
    found,
    join_alike,
)
from studio.datasets.entry import Entry
from studio.datasets.phash import as_hashes

if TYPE_CHECKING:
    from studio.datasets.catalogue import Catalogue

CAPTION_BITS = 12
"""Pictures of the same caption belong together when they are this close."""
_FEW, _MOST_NAMED = 16, 20


class Kin(NamedTuple):
    """What is needed of a picture to place it. `tags` as the catalogue keeps them, a line each."""

    id: int
    sha256: str
    split: str
    caption: str
    tags: str
    parent: str
    series: str
    turn: int
    m_width: int
    m_height: int
    m_phash: int
    m_mirror_phash: int
    m_colours: str


def kin_of(catalogue: "Catalogue") -> list[Kin]:
    """All usable pictures of a set that was looked at; a fraction of the memory that entries take."""
    rows = catalogue.columns([*Kin._fields, "m_fault", "is_measured"])
    return [Kin(*row[:-2]) for row in rows if row[-1] and not row[-2]]


def kin_among(entries: Iterable[Entry]) -> list[Kin]:
    """The usable ones among pictures."""
    return [
        Kin(
            entry.id, entry.sha256, entry.split, entry.caption, "\n".join(entry.tags), entry.provenance.parent,
            entry.provenance.series, entry.turn, seen.width, seen.height, seen.phash, seen.mirror_phash, seen.colours,
        )
        for entry in entries
        if (seen := entry.measures) is not None and not seen.fault
    ]  # fmt: skip


def families(pictures: Sequence[Kin]) -> list[list[int]]:
    """All pictures in groups that belong together, as indices; most groups are of one."""
    groups = Groups(len(pictures))
    if not pictures:
        return []
    groups.join(*_chains(pictures))
    hashes, mirrors, colours = _looks(pictures)
    join_alike(groups, hashes, mirrors, GROUP_BITS, colours)
    for first, second in _same_words(pictures, hashes, mirrors):
        agreeing = colours.agree(first, second)
        groups.join(first[agreeing], second[agreeing])
    return groups.listed(1)


def kin_across(own: Sequence[Kin], others: Sequence[Kin]) -> list[tuple[int, int]]:
    """Which of some pictures belong together with which of others, as indices, by the first; of very many others only
    some are named."""
    if not own or not others:
        return []
    kin = set(_relatives(own, others))
    colours = Colours([one.m_colours for one in (*own, *others)])
    words = [_words(one) for one in (*own, *others)]
    named = np.zeros(len(own), np.int64)
    for first, second, bits in _close(own, others):
        is_kin = (named[first] < _MOST_NAMED) & colours.agree(first, second + len(own))
        for i, j, bits_apart in zip(first[is_kin], second[is_kin], bits[is_kin], strict=True):
            is_same = bool(words[i]) and words[i] == words[len(own) + j]
            if named[i] < _MOST_NAMED and (bits_apart <= GROUP_BITS or is_same):
                kin.add((int(i), int(j)))
                named[i] += 1
    return sorted(kin)


def _close(own: Sequence[Kin], others: Sequence[Kin]) -> Iterator[Pairs]:
    (hashes, mirrors, _), (there, mirrored, _) = _looks(own), _looks(others)
    yield from across(hashes, there, CAPTION_BITS)
    yield from across(mirrors, there, CAPTION_BITS)
    yield from across(hashes, mirrored, CAPTION_BITS)


def _looks(pictures: Sequence[Kin]) -> tuple[Hashes, Hashes, Colours]:
    return (
        as_hashes(one.m_phash for one in pictures),
        as_hashes(one.m_mirror_phash for one in pictures),
        Colours([one.m_colours for one in pictures]),
    )


def _keys(one: Kin) -> set[tuple[str, str]]:
    """What pictures have in common that are original and copy, siblings, or of one series."""
    keys = {("picture", one.sha256), ("picture", one.parent or one.sha256), ("series", one.series)}
    return {key for key in keys if key[1]}


def _chains(pictures: Sequence[Kin]) -> tuple[Numbers, Numbers]:
    """Each picture with the one before it that has a key in common with it."""
    last: dict[tuple[str, str], int] = {}
    pairs: list[tuple[int, int]] = []
    for k, one in enumerate(pictures):
        for key in _keys(one):
            if key in last:
                pairs.append((last[key], k))
            last[key] = k
    return _arrays(pairs)


def _relatives(own: Sequence[Kin], others: Sequence[Kin]) -> Iterator[tuple[int, int]]:
    """One of the others for every key that is in common."""
    there = {key: k for k, one in enumerate(others) for key in _keys(one)}
    for k, one in enumerate(own):
        yield from ((k, there[key]) for key in _keys(one) if key in there)


def _words(one: Kin) -> str:
    return " ".join(one.caption.lower().split())


def _same_words(
    pictures: Sequence[Kin], hashes: Hashes, mirrors: Hashes
) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs of one caption that are somewhat alike, a stretch at a time."""
    by_words: dict[str, list[int]] = {}
    for k, one in enumerate(pictures):
        if words := _words(one):
            by_words.setdefault(words, []).append(k)
    few = [pair for ks in by_words.values() if len(ks) <= _FEW for pair in combinations(ks, 2)]
    first, second = _arrays(few)
    near = apart(hashes, mirrors, first, second) <= CAPTION_BITS
    yield first[near], second[near]
    for ks in by_words.values():
        if len(ks) > _FEW:
            there = np.array(ks)
            for first, second in found(hashes[there], mirrors[there], CAPTION_BITS):
                yield there[first], there[second]


def _arrays(pairs: Sequence[tuple[int, int]]) -> tuple[Numbers, Numbers]:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
