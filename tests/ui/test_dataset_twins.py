"""Near-duplicates as strips: the best first, one kept with one click, undone with another, a page at any size."""

import time
from dataclasses import replace

import pytest

from studio.dataset_requests import Need
from studio.datasets.entry import Measures
from studio.datasets.likeness import Likeness, best_of
from studio.datasets.sets import Sets
from studio.ui.dataset_twins import GROUPS
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill, rows


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def measures(phash, sharpness=1.0):
    return Measures(
        width=96, height=64, phash=phash, mirror_phash=~phash % 2**64, colours="0" * 20, sharpness=sharpness
    )


@pytest.fixture
def catalogue(settings):
    """Pictures 1 to 3 are alike, 2 the sharpest; 4 and 5 are equal; 6 is alone."""
    with fill(settings, 6) as catalogue:
        far, other = 0x0F0F_0F0F_0F0F_0F0F, 0x3333_CCCC_3333_CCCC
        looks = (
            measures(far),
            measures(far ^ 0b11, 9.0),
            measures(far ^ 0b1111),
            measures(other),
            measures(other),
            measures(0xFFFF),
        )
        catalogue.measure(dict(enumerate(looks, 1)))
        yield catalogue


def strips(bench, catalogue, **over):
    twins = bench.room.checking.twins
    data = bench.data() | {twins.page: 1} | {getattr(twins, name): value for name, value in over.items()}
    return twins.changes(catalogue, data, "en")[twins.strips]["value"]


def test_the_best_is_first_and_the_others_tell_how_far_they_are(bench, catalogue):
    twins = bench.room.checking.twins
    assert twins.groups(catalogue) == [(1, 2, 3), (4, 5)]
    group, _ = twins.shown(catalogue, bench.data() | {twins.page: 1})[0]
    assert [entry.id for entry in group.entries] == [2, 1, 3]
    assert group.bits == (0, 2, 2)
    told = strips(bench, catalogue)
    assert "2 groups" in told
    assert "Keep the best, take out 2" in told


def test_keeping_one_takes_the_others_out_and_undo_brings_them_back(bench, catalogue):
    twins = bench.room.checking.twins
    assert twins.keep(catalogue, {"id": 3}) == 2
    assert sorted(catalogue.ids()) == [3, 4, 5, 6]
    assert twins.groups(catalogue) == [(4, 5)]
    catalogue.undo()
    assert twins.groups(catalogue) == [(1, 2, 3), (4, 5)]
    assert twins.take_out(catalogue, {"id": 1}) == 1
    assert twins.groups(catalogue) == [(2, 3), (4, 5)]


@pytest.mark.parametrize(
    "told", [None, "x", {}, {"id": 6}, {"id": 99}, {"id": "1"}, {"id": [1]}, {"id": None}]
)
def test_what_is_no_picture_of_a_group_changes_nothing(bench, catalogue, told):
    twins = bench.room.checking.twins
    assert twins.keep(catalogue, told) == 0
    assert twins.take_out(catalogue, told) == 0
    assert len(catalogue.ids()) == 6


def test_without_any_it_says_why(bench, settings, catalogue):
    catalogue.delete([1, 2, 4])
    assert "No two pictures" in strips(bench, catalogue)


def test_the_best_is_large_before_it_is_sharp(catalogue):
    first, second = catalogue.get(1), catalogue.get(2)
    large = replace(first, measures=replace(first.measures, width=960, height=640))
    assert best_of([second, large]) is large


@pytest.mark.long
def test_pages_of_groups_cost_a_page_at_any_size(bench, settings, capsys, monkeypatch):
    """What is asserted is the work: the pictures are compared once, and a page reads its own pictures alone."""
    news = [
        replace(new, measures=replace(new.measures, phash=(n // 3) * 0x9E37_79B9_7F4A_7C15 % 2**64, mirror_phash=n * 7, colours="0" * 20))
        for n, new in enumerate(rows(30_000))
    ]  # fmt: skip
    with Sets(settings).create("crowd", Need()) as catalogue:
        catalogue.add(news)
        twins, data = bench.room.checking.twins, bench.data("crowd")
        start = time.perf_counter()
        count = len(twins.groups(catalogue))
        first = time.perf_counter() - start
        monkeypatch.setattr("studio.datasets.likeness._found", lambda rows: pytest.fail("compared again"))
        read = []
        get = type(catalogue).get
        monkeypatch.setattr(type(catalogue), "get", lambda self, id: read.append(id) or get(self, id))
        start = time.perf_counter()
        groups, page, total = twins.shown(catalogue, data | {twins.page: 300})
        later = time.perf_counter() - start
    assert (page, total, len(groups)) == (300, count, GROUPS)
    assert len(read) == sum(len(group.entries) for group in groups)
    with capsys.disabled():
        print(
            f"\n30,000 pictures, {count:,} groups: found in {first:.1f} s, page 300 in {1000 * later:.0f} ms"
        )


def test_new_pictures_are_compared(bench, catalogue):
    likeness = Likeness()
    assert len(likeness.ids(catalogue)) == 2
    catalogue.add([replace(rows(1)[0], measures=measures(0xFFFF))])
    assert likeness.ids(catalogue)[-1] == (6, 7)
