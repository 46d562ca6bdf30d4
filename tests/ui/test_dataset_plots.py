"""Plots: every picture lies in some bar, a bar filters to just its pictures, and nothing is drawn of nothing."""

import json
import re
from html import unescape

import pytest

from studio.datasets.query import Query
from studio.ui.dataset_plots import BARS, MEASURES, Plots, histogram, seen_sizes
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill, rows


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "values", [[0.0], [3.0, 3.0], [0.0, 255.0], [float(n * n) for n in range(300)], [1e-9, 1e9]]
)
def test_every_value_lies_in_one_bar(measure, values):
    edges, counts = histogram(measure, values)
    assert (len(edges), len(counts)) == (BARS + 1, BARS)
    assert edges == sorted(edges)
    assert sum(counts) == len(values)
    for place, count in enumerate(counts):
        assert count == sum(edges[place] <= value < edges[place + 1] for value in values)


def test_a_bar_filters_to_just_the_pictures_that_it_counts(bench, settings):
    with fill(settings, 1) as catalogue:
        catalogue.add(rows(400))
        svg = Plots(bench.room.desk).html(catalogue, [(512, 512), (768, 512)], "en")
        bars = re.findall(r'aria-label="([^"]*)" data-do="stretch" data-with="([^"]*)"', svg)
        assert bars
        for label, told in bars:
            stretch = bench.room.sieve.bar(json.loads(unescape(told)))
            assert f": {catalogue.count(Query(stretch=stretch)):,} pictures" in label


def test_shapes_are_those_that_will_be_exported(settings):
    with fill(settings, 3) as catalogue:
        catalogue.edit_many({1: {"turn": 1}, 2: {"crop": (0.0, 0.0, 0.5, 1.0)}}, "edit")
        assert seen_sizes(catalogue) == [(64, 96), (48, 64), (96, 64)]


def test_an_empty_set_has_no_plots(bench, settings):
    with fill(settings, 0) as catalogue:
        assert "<svg" not in Plots(bench.room.desk).html(catalogue, [(256, 256)], "en")
