"""Groups of near-duplicates as somebody wants to look at them: the best picture first, the others by how far they are
from it. Found anew only when pictures have come that were not compared yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.datasets.catalogue import Catalogue
from studio.datasets.duplicates import DUPLICATE_BITS, Colours, alike
from studio.datasets.entry import Entry
from studio.datasets.phash import as_hashes, distances

HASH_BITS = 64
_COLUMNS = ("id", "m_phash", "m_mirror_phash", "m_colours", "is_measured", "m_fault")


@dataclass(frozen=True)
class Group:
    """Near-duplicates of each other. `bits` says of each how many bits of its perceptual hash, or of its mirror image's,
    differ from the first one's, which is the best."""

    entries: tuple[Entry, ...]
    bits: tuple[int, ...]


@dataclass
class Likeness:
    """The groups of one set; `known` are the pictures that were compared, `left` what was in the set at `stamp`."""

    known: frozenset[int] = frozenset()
    groups: list[tuple[int, ...]] = field(default_factory=list)
    stamp: int = -1
    left: list[tuple[int, ...]] = field(default_factory=list)

    def ids(self, catalogue: Catalogue) -> list[tuple[int, ...]]:
        """The groups of what is in the set now, the largest first. Pictures that nobody has measured are in none."""
        stamp = catalogue.stamp
        if stamp == self.stamp:
            return self.left
        rows = [row for row in catalogue.columns(_COLUMNS) if row[4] and not row[5]]
        here = frozenset(int(row[0]) for row in rows)
        if not here <= self.known:
            self.known, self.groups = here, _found(rows)
        left = [tuple(id for id in group if id in here) for group in self.groups]
        self.left = sorted(
            (group for group in left if len(group) > 1), key=lambda group: (-len(group), group[0])
        )
        self.stamp = stamp
        return self.left


def _found(rows: Sequence[tuple[object, ...]]) -> list[tuple[int, ...]]:
    hashes = as_hashes(int(str(row[1])) for row in rows)
    mirrors = as_hashes(int(str(row[2])) for row in rows)
    colours = Colours([str(row[3]) for row in rows])
    return [
        tuple(int(str(rows[k][0])) for k in group)
        for group in alike(hashes, mirrors, DUPLICATE_BITS, colours)
    ]


def group_of(entries: Sequence[Entry]) -> Group:
    """Measured pictures as a group."""
    best = best_of(entries)
    own, mirror = (as_hashes([value]) for value in _hashes(best))
    there = as_hashes(_hashes(entry)[0] for entry in entries)
    bits = np.minimum(distances(own, there), distances(mirror, there))
    order = sorted(range(len(entries)), key=lambda k: (entries[k].id != best.id, int(bits[k]), entries[k].id))
    return Group(tuple(entries[k] for k in order), tuple(int(bits[k]) for k in order))


def best_of(entries: Sequence[Entry]) -> Entry:
    """The picture to keep: of the larger ones the sharpest. Sharpness only compares pictures of about one size, since a
    small copy always seems crisper."""
    return max(entries, key=lambda entry: (_area_class(entry), _sharpness(entry), -entry.id))


def _area_class(entry: Entry) -> int:
    return (entry.size[0] * entry.size[1]).bit_length()


def _sharpness(entry: Entry) -> float:
    return entry.measures.sharpness if entry.measures else 0.0


def _hashes(entry: Entry) -> tuple[int, int]:
    return (entry.measures.phash, entry.measures.mirror_phash) if entry.measures else (0, 0)
