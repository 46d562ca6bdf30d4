"""The layout of pictures: sizes, buckets, cuts, batches and steps."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from studio.train_plan import Cut, cuts_of, make_plan, sizes_for, sort_into
from studio.train_request import TrainRequest

OWN = [(256, 256), (320, 192), (192, 320)]
side = some.integers(64, 4000)


def request(**changes):
    return TrainRequest(name="a", dataset_path="d", **changes)


def test_the_models_own_sizes_are_trained_at_unless_others_are_asked_for():
    assert sizes_for(request(), OWN, 8) == OWN
    assert sizes_for(request(aspect_buckets=False), OWN, 8) == [(256, 256)]
    assert sizes_for(request(aspect_buckets=False, width=300, height=132), OWN, 8) == [(296, 128)]


@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (768, 1344), (256, 256)])
def test_made_buckets_keep_the_area_and_divide_evenly(width, height):
    sizes = sizes_for(request(width=width, height=height), OWN, 8)
    assert sizes[0] == (width, height)
    assert len(sizes) > 3
    for wide, high in sizes[1:]:
        assert 0.8 < wide * high / (width * height) < 1.25
        assert 0.5 <= wide / high <= 2
        assert wide % 32 == high % 32 == 0


@given(some.lists(some.tuples(side, side), min_size=1, max_size=40))
def test_every_picture_lies_in_the_bucket_of_its_shape(pictures):
    buckets = sort_into(OWN, pictures)
    assert sorted(n for bucket in buckets for n in bucket.members) == list(range(len(pictures)))
    for bucket in buckets:
        for number in bucket.members:
            width, height = pictures[number]
            assert (bucket.size[0] >= bucket.size[1]) or width <= height * 1.0001


@given(picture=some.tuples(side, side), count=some.integers(1, 5), is_centred=some.booleans())
def test_a_cut_covers_its_size_and_lies_within_the_picture(picture, count, is_centred):
    cuts = cuts_of(picture, (256, 192), count, is_centred, "x")
    assert 1 <= len(cuts) <= count
    assert cuts == cuts_of(picture, (256, 192), count, is_centred, "x")
    for cut in cuts:
        assert cut.left >= 0
        assert cut.top >= 0
        assert cut.left + 256 <= cut.scaled[0]
        assert cut.top + 192 <= cut.scaled[1]
        assert cut.scaled[0] == 256 or cut.scaled[1] == 192 or min(picture) < 256


def test_a_centred_cut_takes_evenly_from_both_sides():
    assert cuts_of((200, 100), (64, 64), 4, True, "x") == [Cut((128, 64), 32, 0)]
    assert cuts_of((64, 64), (64, 64), 4, False, "x") == [Cut((64, 64), 0, 0)]


@given(
    counts=some.tuples(some.integers(0, 9), some.integers(0, 9), some.integers(1, 9)),
    batch=some.integers(1, 6),
    seed=some.integers(0, 9),
)
def test_a_pass_uses_every_picture_once_and_sizes_never_mix(counts, batch, seed):
    pictures = [size for size, count in zip(OWN, counts, strict=True) for _ in range(count)]
    plan = make_plan(request(batch_size=batch), pictures, OWN, 8)
    for number in range(3):
        batches = list(plan.pass_over(seed, number))
        assert len(batches) == plan.batches_a_pass
        assert Counter(n for _, members in batches for n in members) == Counter(range(len(pictures)))
        assert all(len(members) <= batch for _, members in batches)
        assert all({pictures[n] for n in members} == {size} for size, members in batches)
        assert batches == list(plan.pass_over(seed, number))
    assert plan.pictures_an_epoch == plan.pictures == len(pictures)


def test_steps_come_from_epochs_or_are_told():
    pictures = [(256, 256)] * 10

    def plan(**changes):
        return make_plan(request(batch_size=4, **changes), pictures, OWN, 8)

    assert (plan().batches_a_pass, plan().steps_per_epoch, plan().steps) == (3, 3, 3)
    assert plan(max_epochs=5).steps == 15
    assert plan(max_epochs=5, accumulate_grad_batches=2).steps == 10
    assert plan(max_steps=7).steps == 7
    assert (plan(steps_per_epoch=500).steps, plan(steps_per_epoch=500).epochs) == (500, 1)
    assert plan(steps_per_epoch=2).pictures_an_epoch == 2
    assert plan(devices=2, num_nodes=2).batch == 16


def test_two_pictures_make_a_plan():
    plan = make_plan(request(batch_size=8), [(256, 256), (320, 192)], OWN, 8)
    assert (plan.pictures, plan.batches_a_pass, plan.steps) == (2, 2, 2)
