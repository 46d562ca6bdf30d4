"""Near-duplicates are found, exactly, however many pictures there are, and strangers are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from studio.datasets import duplicates
from studio.datasets.duplicates import DUPLICATE_BITS, GROUP_BITS, Colours, clusters, clusters_of, pairs
from studio.datasets.entry import Entry, Measures
from studio.datasets.phash import as_hashes, hashes
from studio.datasets.pixels import measured
from tests.datasets.shapes import VARIANTS, picture, recompressed


def entry(id: int, image: Image.Image, **changes: object) -> Entry:
    told = {**measured(np.asarray(image)), **changes}
    return Entry(id=id, file=f"{id}.png", name=f"{id}.png", sha256=f"{id:064x}", measures=Measures(**told))


def apart(one: Entry, other: Entry) -> int:
    a, b = one.measures, other.measures
    assert a
    assert b
    return min((a.phash ^ b.phash).bit_count(), (a.mirror_phash ^ b.phash).bit_count())


@pytest.mark.parametrize("vary", VARIANTS, ids=lambda vary: vary.__name__)
def test_variants_of_a_picture_are_near_duplicates(vary):
    for seed in range(12):
        image = picture(seed)
        found = clusters_of(
            [entry(1, image), entry(2, picture(seed + 500)), entry(3, vary(image))], GROUP_BITS
        )
        assert found == [(1, 3)]


def test_unrelated_pictures_are_not():
    entries = [entry(seed, picture(seed, 128, 128)) for seed in range(150)]
    assert clusters_of(entries, GROUP_BITS) == []
    assert min(apart(a, b) for a in entries for b in entries if a.id < b.id) > GROUP_BITS


def test_equal_hashes_of_other_colours_are_no_duplicates():
    """Flat graphics: the same disc in red and in blue."""
    y, x = np.mgrid[:128, :128]
    disc = (((x - 50) ** 2 + (y - 60) ** 2) < 900)[..., None]
    red, blue = (
        Image.fromarray(np.where(disc, np.array(c, np.uint8), np.uint8(255)))
        for c in ((210, 60, 60), (60, 90, 210))
    )
    assert apart(entry(1, red), entry(2, blue)) <= DUPLICATE_BITS
    assert clusters_of([entry(1, red), entry(2, blue), entry(3, recompressed(red))], DUPLICATE_BITS) == [
        (1, 3)
    ]


def test_pictures_that_cannot_be_used_are_in_no_group():
    image = picture(1)
    unseen = Entry(id=3, file="c", name="c", sha256="c")
    assert clusters_of([entry(1, image), entry(2, image, fault="truncated"), unseen], GROUP_BITS) == []
    assert clusters_of([], GROUP_BITS) == []


def test_noise_does_not_flip_the_bits_of_flat_pictures():
    draw = np.random.default_rng(0)
    flat = np.full((32, 32), 128, np.uint8)
    for _ in range(20):
        noisy = (flat + draw.integers(-1, 2, flat.shape)).astype(np.uint8)
        assert (hashes(noisy)[0] ^ hashes(flat)[0]).bit_count() <= 2


def planted(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random hashes, every tenth with a neighbour up to 11 bits away, by its own hash or by its mirror image's."""
    draw = np.random.default_rng(seed)
    own, mirror = (draw.integers(0, 2**64, count, dtype=np.uint64) for _ in range(2))
    for k in range(0, count - 1, 10):
        bits = draw.choice(64, int(draw.integers(0, 12)), replace=False)
        source = own if k % 20 else mirror
        own[k + 1] = source[k] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    return own, mirror


def plainly(own: np.ndarray, mirror: np.ndarray, most: int) -> set[tuple[int, int, int]]:
    mirrored = np.bitwise_count(mirror[:, None] ^ own)
    bits = np.minimum(np.bitwise_count(own[:, None] ^ own), np.minimum(mirrored, mirrored.T))
    first, second = np.nonzero(np.triu(bits <= most, 1))
    return {(int(i), int(j), int(bits[i, j])) for i, j in zip(first, second, strict=True)}


@pytest.mark.parametrize("most", [0, 3, 8, 10])
@pytest.mark.parametrize("few", [0, 10**9], ids=["by parts", "all with all"])
def test_both_ways_of_searching_find_every_pair(monkeypatch, few, most):
    monkeypatch.setattr(duplicates, "_FEW", few)
    monkeypatch.setattr(duplicates, "_WORTH_PARTS", 0)
    own, mirror = planted(1500)
    found = pairs(own, mirror, most)
    assert {*zip(*(part.tolist() for part in found), strict=True)} == plainly(own, mirror, most)
    assert len(found[0]) >= 10


@settings(max_examples=60, deadline=None)
@given(
    numbers=some.lists(some.tuples(some.integers(0, 2**64 - 1), some.integers(0, 2**64 - 1)), max_size=40),
    twins=some.lists(some.tuples(some.integers(0, 39), some.integers(0, 63)), max_size=40),
    most=some.integers(0, 20),
)
def test_any_hashes_are_searched_whole(numbers, twins, most):
    own, mirror = [a for a, _ in numbers], [b for _, b in numbers]
    for of, bit in twins:
        if of < len(numbers):
            own.append(own[of] ^ 1 << bit)
            mirror.append(mirror[of])
    own, mirror = as_hashes(own), as_hashes(mirror)
    found = {*zip(*(part.tolist() for part in pairs(own, mirror, most)), strict=True)}
    assert found == plainly(own, mirror, most)
    radii = [(most + 1) // 4 - 1 + (part < (most + 1) % 4) for part in range(4)]
    if len(own) > 0 and max(radii) <= 2:
        parts = list(duplicates._by_parts(own, mirror, most, radii))
        by_parts = {(int(i), int(j)) for first, second in parts for i, j in zip(first, second, strict=True)}
        assert by_parts == {(i, j) for i, j, _ in found}


def test_clusters_are_what_pairs_connect():
    own = as_hashes([0, 0b1111, 0b11111111, 2**64 - 1, 2**63 - 1, 0xF0F0F0F0F0F0F0F0])
    mirror = as_hashes([2**40 - 1] * 6)
    assert clusters(own, mirror, 4) == [[0, 1, 2], [3, 4]]
    assert clusters(own, mirror, 3) == [[3, 4]]
    assert clusters(own[:0], mirror[:0], 8) == []


def test_ten_thousand_equal_pictures_are_one_cluster_at_once():
    own = np.zeros(10_000, np.uint64)
    assert [len(group) for group in clusters(own, own, GROUP_BITS)] == [10_000]
    near = np.array([sum(1 << b for b in range(k % 9)) for k in range(10_000)], np.uint64)
    assert [len(group) for group in clusters(near, near, 1)] == [10_000]


def test_long_chains_are_one_cluster():
    chain, value = [], 0
    draw = np.random.default_rng(3)
    for bit in draw.integers(0, 64, 3000):
        value ^= 1 << int(bit)
        chain.append(value)
    order = draw.permutation(3000)
    own = as_hashes(chain)[order]
    assert [len(group) for group in clusters(own, np.full(3000, 0xDEADBEEF, np.uint64), 1)] == [3000]


def test_colours_agree_in_other_light_and_without_colour():
    for seed in range(10):
        image = np.asarray(picture(seed)).astype(float)
        grey = np.asarray(picture(seed).convert("L").convert("RGB"))
        others = [np.clip(image * factor, 0, 255).astype(np.uint8) for factor in (1.25, 0.8)]
        told = [measured(one)["colours"] for one in (np.asarray(picture(seed)), *others, grey)]
        seen = Colours(told)
        assert seen.agree(np.zeros(3, np.int64), np.arange(1, 4)).all()
    bright = Colours([measured(np.full((64, 64, 3), value, np.uint8))["colours"] for value in (255, 0)])
    assert not bright.agree(np.array([0]), np.array([1])).any()
