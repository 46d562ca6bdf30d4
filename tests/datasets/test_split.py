"""The split: nothing leaks, it is the same every time, and it stays when a set grows."""

import hashlib
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from studio.dataset_requests import Need, SplitRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Measures, New, Provenance
from studio.datasets.pixels import measured
from studio.datasets.split import leaks, split
from tests.datasets.shapes import VARIANTS, jpeg, picture

COLOURS = "5" * 20


def sha(words: object) -> str:
    return hashlib.sha256(str(words).encode()).hexdigest()


def new(k: object, phash: int | None = None, width: int = 512, height: int = 512, **others: object) -> New:
    """A picture that looks like no other, unless it is told to."""
    own = int(sha(k)[:16], 16) if phash is None else phash
    mirror = int(sha(own)[:16], 16)
    seen = Measures(width=width, height=height, phash=own, mirror_phash=mirror, colours=COLOURS)
    return New(**{"file": f"{k}.png", "name": f"{k}.png", "sha256": sha(k), "measures": seen, **others})


def a_set(*news: New) -> Catalogue:
    import pathlib

    catalogue = Catalogue.over(pathlib.Path("nowhere"), Need())
    catalogue.add(news)
    return catalogue


def sides(catalogue: Catalogue) -> dict[str, str]:
    return {entry.name: entry.split for entry in catalogue.entries()}


def aside(catalogue: Catalogue) -> set[str]:
    return {name for name, side in sides(catalogue).items() if side == "validation"}


def leaking_share(catalogue: Catalogue, origin: list[int]) -> float:
    """Share of validation pictures of whose origin a picture is learnt from, by what was planted."""
    told = [(origin[int(entry.name[:-4])], entry.split) for entry in catalogue.entries()]
    learnt = {of for of, side in told if side == "train"}
    kept = [of for of, side in told if side == "validation"]
    return sum(of in learnt for of in kept) / len(kept)


def test_a_planted_set_leaks_when_drawn_at_random_and_not_when_split():
    """120 pictures and 80 variants of them, as real pixels."""
    draw = random.Random(0)
    origin = [*range(120), *draw.sample(range(120), 80)]
    images = [picture(seed, 128, 128) for seed in range(120)]
    images += [draw.choice(VARIANTS)(images[k]) for k in origin[120:]]
    catalogue = a_set(*(
        new(k, measures=Measures(width=i.width, height=i.height, **measured(np.asarray(i.convert("RGB")))))
        for k, i in enumerate(images)
    ))  # fmt: skip
    kept = {*draw.sample(catalogue.ids(), 20)}
    sides_at_random = {id: {"split": "validation" if id in kept else "train"} for id in catalogue.ids()}
    catalogue.edit_many(sides_at_random, "by hand")
    assert leaking_share(catalogue, origin) > 0.15
    assert len({there for _, there in leaks([*catalogue.entries()])}) / 20 == leaking_share(catalogue, origin)
    report = split(catalogue, SplitRequest())
    assert (report.train, report.validation, report.groups) == (180, 20, 120)
    assert leaking_share(catalogue, origin) == 0
    assert leaks([*catalogue.entries()]) == []


def test_the_same_set_is_split_the_same_way_in_whatever_order_it_came():
    news = [new(k) for k in range(60)]
    first, second = a_set(*news), a_set(*reversed(news))
    for catalogue in (first, second):
        split(catalogue, SplitRequest())
    assert sides(first) == sides(second)
    assert len(aside(first)) == 6
    other = a_set(*news)
    split(other, SplitRequest(seed=1))
    assert aside(other) != aside(first)


def test_another_seed_deals_anew_and_a_larger_share_adds():
    catalogue = a_set(*(new(k) for k in range(100)))
    split(catalogue, SplitRequest())
    before = aside(catalogue)
    assert split(catalogue, SplitRequest()).moved == 0
    report = split(catalogue, SplitRequest(validation_share=0.2))
    assert before < aside(catalogue)
    assert (len(aside(catalogue)), report.moved) == (20, 10)
    split(catalogue, SplitRequest(validation_count=5))
    assert len(aside(catalogue)) == 5
    split(catalogue, SplitRequest(seed=9, validation_count=5))
    assert aside(catalogue) != before
    catalogue.undo()
    assert len(aside(catalogue)) == 5


@settings(max_examples=25, deadline=None)
@given(sizes=some.lists(some.integers(1, 60), min_size=1, max_size=5), seed=some.integers(0, 9))
def test_what_is_placed_stays_when_pictures_are_added(sizes, seed):
    catalogue, count = a_set(), 0
    for size in sizes:
        catalogue.add(new(f"{seed}-{k}") for k in range(count, count + size))
        count += size
        before = sides(catalogue)
        report = split(catalogue, SplitRequest(seed=seed))
        after = sides(catalogue)
        assert report.moved == 0
        assert all(after[name] == side for name, side in before.items() if side)
        assert set(after.values()) <= {"train", "validation"}
        assert (report.train, report.validation) == (count - len(aside(catalogue)), len(aside(catalogue)))
        if count >= 20:
            assert report.validation <= count // 10 or not report.moved
    if count >= 20:
        assert 0 < len(aside(catalogue)) <= max(2, count // 10)


def test_a_new_picture_that_ties_groups_together_brings_them_to_training():
    catalogue = a_set(*(new(k) for k in range(40)))
    split(catalogue, SplitRequest())
    kept = next(e for e in catalogue.entries() if e.split == "validation")
    learnt = next(e for e in catalogue.entries() if e.split == "train")
    catalogue.add([new("bridge", provenance=Provenance(series="walk", parent=""))])
    catalogue.edit_many({kept.id: {"series": "walk"}, learnt.id: {"series": "walk"}}, "series")
    report = split(catalogue, SplitRequest())
    assert report.moved == 1
    assert {sides(catalogue)[name] for name in (kept.name, learnt.name, "bridge.png")} == {"train"}


def test_a_new_near_duplicate_follows_what_is_kept_aside():
    catalogue = a_set(*(new(k) for k in range(40)))
    split(catalogue, SplitRequest())
    kept = next(e for e in catalogue.entries() if e.split == "validation")
    assert kept.measures
    catalogue.add([new("twin", phash=kept.measures.phash ^ 0b1010101)])
    report = split(catalogue, SplitRequest())
    assert sides(catalogue)["twin.png"] == "validation"
    assert (report.moved, report.validation) == (0, 5)
    assert "instead of 4" in report.said[0].say("en")


def test_varied_copies_and_their_originals_are_learnt_from():
    originals = [new(k) for k in range(30)]
    copies = [new(f"copy{k}", provenance=Provenance(parent=sha(k))) for k in range(25)]
    catalogue = a_set(*originals, *copies)
    report = split(catalogue, SplitRequest(validation_count=5))
    assert aside(catalogue) == {f"{k}.png" for k in range(25, 30)}
    assert report.groups == 30
    report = split(catalogue, SplitRequest(validation_count=8))
    assert report.validation == 5
    assert "5 pictures are kept aside instead of 8" in report.said[0].say("en")


def test_series_captions_and_mirror_images_stay_together():
    close = int(sha("base")[:16], 16)
    series = [new(f"s{k}", provenance=Provenance(series="burst")) for k in range(6)]
    words = [
        new(f"w{k}", phash=close ^ (k * 0xFFF), caption="A red  boat" if k else "a red boat") for k in (0, 1)
    ]
    others = [new(f"o{k}", phash=~close & (2**64 - 1) ^ (k * 0xFFF), caption=f"boat {k}") for k in (0, 1)]
    kin = new("m0")
    assert kin.measures
    mirror = new("m1", phash=kin.measures.mirror_phash ^ 0b111)
    catalogue = a_set(*series, *words, *others, kin, mirror)
    assert split(catalogue, SplitRequest()).groups == 1 + 1 + 2 + 1


def test_many_pictures_of_one_caption_are_searched_too():
    base = int(sha("base")[:16], 16)
    news = [new(k, caption="boat") for k in range(30)]
    news += [new("a", phash=base, caption="boat"), new("b", phash=base ^ 0xFFF, caption="boat")]
    assert split(a_set(*news), SplitRequest()).groups == 31


def test_kinds_are_kept_aside_by_their_share():
    tall = [new(f"t{k}", width=512, height=1024, tags=("cat",)) for k in range(40)]
    wide = [new(f"w{k}", width=1024, height=512, tags=("cat",)) for k in range(40)]
    dogs = [new(f"d{k}", tags=("dog", "cat")) for k in range(20)]
    catalogue = a_set(*tall, *wide, *dogs)
    split(catalogue, SplitRequest())
    kinds = [name[0] for name in aside(catalogue)]
    assert [kinds.count(kind) for kind in "twd"] == [4, 4, 2]


@pytest.mark.parametrize(("count", "wanted"), [(0, 0), (1, 0), (19, 0), (20, 2), (39, 3)])
def test_small_sets_keep_nothing_aside_and_say_so(count, wanted):
    report = split(a_set(*(new(k) for k in range(count))), SplitRequest())
    assert (report.train, report.validation) == (count - wanted, wanted)
    assert bool(report.said) == (count < 20)
    for said in report.said:
        assert str(count) in said.say("en")
        assert "验证图片" in said.say("zh")


def test_a_count_is_kept_aside_even_of_a_small_set():
    catalogue = a_set(*(new(k) for k in range(10)))
    assert split(catalogue, SplitRequest(validation_count=2)).validation == 2
    report = split(a_set(*(new(k) for k in range(3))), SplitRequest(validation_count=9))
    assert (report.validation, len(report.said)) == (1, 1)
    assert report.said[0].say("en") == "At most half of the pictures are kept aside: 1 instead of 9."


def test_groups_larger_than_what_is_wanted_are_passed_over():
    burst = [new(f"b{k}", provenance=Provenance(series="burst")) for k in range(20)]
    report = split(a_set(*burst, *(new(k) for k in range(10))), SplitRequest(validation_count=3))
    assert (report.validation, report.said) == (3, ())
    pairs = [new(f"{k}{half}", provenance=Provenance(series=str(k))) for k in range(20) for half in "ab"]
    report = split(a_set(*pairs), SplitRequest(validation_count=1))
    assert report.validation == 2
    assert report.said


def test_what_cannot_be_used_is_not_placed_and_what_nobody_has_seen_is_measured(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(picture(1, 96, 96)))
    catalogue = Catalogue.over(tmp_path, Need())
    catalogue.add([
        New(file="a.jpg", name="a.jpg", sha256="a"), New(file="gone.jpg", name="gone.jpg", sha256="b")
    ])  # fmt: skip
    report = split(catalogue, SplitRequest())
    assert (report.train, report.validation, report.groups) == (1, 0, 1)
    assert sides(catalogue) == {"a.jpg": "train", "gone.jpg": ""}


def test_leaks_name_pairs_of_parents_series_captions_and_near_duplicates():
    base = int(sha("base")[:16], 16)
    rows = [
        new("t", split="train"), new("v", split="validation", provenance=Provenance(parent=sha("t"))),
        new("t2", split="train", provenance=Provenance(series="x")),
        new("v2", split="validation", provenance=Provenance(series="x")),
        new("t3", base, split="train", caption="a boat"), new("v3", base ^ 0xFFF, split="validation", caption="A boat"),
        new("t4", base ^ 0xFF << 30, split="train", caption="other"),
        new("v5", split="validation"), new("t5", split="train"),
    ]  # fmt: skip
    catalogue = a_set(*rows)
    names = {entry.id: entry.name[:-4] for entry in catalogue.entries()}
    assert [(names[a], names[b]) for a, b in leaks([*catalogue.entries()])] == [
        ("t", "v"),
        ("t2", "v2"),
        ("t3", "v3"),
    ]
    blank = [replace(new(k, phash=0), split="train" if k < 90 else "validation") for k in range(100)]
    found = leaks([*a_set(*blank).entries()])
    assert {there for _, there in found} == set(range(91, 101))
    assert len(found) <= 10 * 40
