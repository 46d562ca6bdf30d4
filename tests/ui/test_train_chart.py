"""The loss curve: right with ten steps, readable and small with ten thousand."""

import re

import pytest

from studio.ui.speech import Speech
from studio.ui.train_chart import COLUMNS, HINTS, Frame, loss_chart, rate_chart
from studio.ui.train_story import Point, Story


def story(count, loss=lambda n: 1 / n, lr=lambda n: 1e-4):
    return Story(points=[Point(n, loss(n), loss(n), lr(n)) for n in range(1, count + 1)])


def chart(told, steps=0, marks=(), language="en"):
    return loss_chart(told, steps, marks, Speech(), language)


def places(drawn, kind):
    found = re.search(rf'<pol\w+ class="is-{kind}" points="([^"]*)"', drawn)
    return [tuple(map(float, pair.split(","))) for pair in found[1].split()] if found else []


def test_nothing_is_drawn_before_the_first_step():
    assert chart(Story()) == ""
    assert rate_chart(Story(), 10, Speech(), "en") == ""


def test_few_steps_are_drawn_one_by_one_from_left_to_right():
    drawn = places(chart(story(10), steps=20), "raw")
    assert len(drawn) == 10
    assert drawn == sorted(drawn)
    assert drawn[-1][0] == 500  # step 10 of 20 is the middle
    assert drawn[0][1] < drawn[-1][1]  # a falling loss goes down


def test_ten_thousand_steps_stay_small_and_keep_every_peak():
    told = story(10_000, loss=lambda n: 2.0 if n == 5000 else 0.5 + 0.1 * (n % 7))
    drawn = chart(told, steps=10_000)
    assert len(drawn) < 60_000
    assert len(places(drawn, "raw")) <= 2 * (COLUMNS + 1)
    assert len(places(drawn, "smooth")) <= COLUMNS + 1
    assert drawn.count("is-hint") <= HINTS + 1
    peak = min(places(drawn, "raw"), key=lambda place: place[1])
    assert peak[0] == pytest.approx(500, abs=4)


def test_a_wild_loss_does_not_flatten_the_others():
    told = story(200, loss=lambda n: 1e6 if n == 3 else 0.3)
    told.points[2] = Point(3, 1e6, 0.3, 1e-4)
    heights = [y for _, y in places(chart(told), "raw")]
    assert 100 < sorted(heights)[100] < 900


def test_losses_that_are_no_numbers_are_left_out():
    told = story(5)
    told.points.append(Point(6, float("nan"), float("nan"), 1e-4))
    assert len(places(chart(told, steps=6), "raw")) == 5
    assert "nan" not in chart(told)
    assert chart(Story(points=[Point(1, float("inf"), float("inf"), 1e-4)])) == ""


def test_validation_and_checkpoints_are_marked_and_told_in_words():
    told = story(10)
    told.validation = [(5, 0.4), (10, 0.35)]
    drawn = chart(told, steps=10, marks=[5, 10])
    assert len(places(drawn, "held")) == 2
    assert drawn.count("is-dot") == 2
    assert drawn.count("is-mark") == 2
    assert "from 1.0000 to 0.1000" in drawn
    assert "Validation loss 0.3500" in drawn
    assert "验证损失 0.3500" in chart(told, language="zh")


@pytest.mark.parametrize(("low", "high"), [(0, 0.13), (0.1, 0.31), (0, 1), (0, 90), (0, 12345), (0, 7e-5)])
def test_edges_carry_a_few_round_values(low, high):
    ticks = Frame(100, low, high).ticks()
    assert 3 <= len(ticks) <= 6
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in ticks)


def test_the_learning_rate_is_drawn_only_where_it_changes():
    assert rate_chart(story(10), 10, Speech(), "en") == ""
    assert "now 1e-05" in rate_chart(story(10, lr=lambda n: 1e-4 / n), 10, Speech(), "en")


def test_a_constant_loss_has_a_frame():
    assert places(chart(story(5, loss=lambda n: 0.0)), "raw")
    assert places(chart(story(5, loss=lambda n: 3.0)), "raw")
