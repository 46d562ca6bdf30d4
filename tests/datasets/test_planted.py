"""The planted set of 2,000 pictures: every fault is found, hardly anything else is, and the split doesn't leak."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from studio.dataset_requests import SplitRequest
from studio.datasets.archive import unpack
from studio.datasets.catalogue import Catalogue
from studio.datasets.inspect import inspect
from studio.datasets.measure import look_at
from studio.datasets.report import Report
from studio.datasets.split import leaks, split
from studio.settings import ROOT
from studio.shelf.limits import limit_of
from studio.shelf.models import read_model_card
from tests.datasets.planted import ASKED, GBK_NAMES, VARIANTS, Picture, faults, gbk_zip, into_catalogue, plant

COUNT = 2000
MOST_FALSE = 0.01


@dataclass(frozen=True)
class Planted:
    catalogue: Catalogue
    pictures: dict[int, Picture]
    report: Report

    @property
    def clean(self) -> set[int]:
        """Ids of the pictures without fault."""
        carried = faults([*self.pictures.values()])
        return {id for id, picture in self.pictures.items() if picture.file.name not in carried}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    root = tmp_path_factory.mktemp("planted")
    catalogue, pictures = into_catalogue(plant(root / "pictures", COUNT), root / "set")
    with catalogue:
        for _ in look_at(catalogue):
            pass
        limit = limit_of(read_model_card(ROOT / "models" / "cards" / "storybook.toml", ROOT / "models"))
        yield Planted(catalogue, pictures, inspect(catalogue, ASKED, limit))


def test_every_planted_fault_is_found(planted):
    found = {row.name: set(row.ids) for row in planted.report.rows}
    carried = faults([*planted.pictures.values()])
    missed = [
        (picture.kind, check)
        for id, picture in planted.pictures.items()
        for check in carried.get(picture.file.name, ())
        if id not in found.get(check, ())
    ]
    assert not missed, Counter(missed)
    kinds = {picture.kind for picture in planted.pictures.values()}
    assert len(kinds) >= 38
    assert len(planted.pictures) == COUNT


def test_hardly_any_clean_picture_is_pointed_at(planted):
    clean = planted.clean
    assert len(clean) > COUNT // 2
    wrong = {row.name: len(clean & set(row.ids[: row.errors + row.warnings])) for row in planted.report.rows}
    noted = {row.name: len(clean & set(row.ids)) for row in planted.report.rows}
    assert sum(wrong.values()) < MOST_FALSE * len(clean), wrong
    assert sum(noted.values()) < MOST_FALSE * len(clean), noted


def test_every_variant_lies_in_the_group_of_its_original(planted):
    """Near-duplicates of every kind are found as such, not only as pictures that look alike."""
    (row,) = (row for row in planted.report.rows if row.name == "near_duplicates")
    sure = set(row.ids[: row.errors + row.warnings])
    recall = {
        kind: sum(id in sure for id, p in planted.pictures.items() if p.kind == kind)
        / sum(p.kind == kind for p in planted.pictures.values())
        for kind in VARIANTS
    }
    assert min(recall.values()) >= 0.9, recall


def test_a_split_by_chance_leaks_and_ours_does_not(planted):
    """Of the validation pictures, how many have a planted near-duplicate, or one by hash, on the other side."""
    catalogue = planted.catalogue
    ids = [entry.id for entry in catalogue.entries() if entry.measures and not entry.measures.fault]
    by_chance = set(random.Random(1).sample(ids, len(ids) // 10))
    catalogue.edit_many(
        {id: {"split": "validation" if id in by_chance else "train"} for id in ids}, "by chance"
    )
    chance = _leaked(planted)
    assert chance > 0.15
    report = inspect(catalogue, ASKED)
    assert report.row("leak") is not None
    assert report.row("leak").blocks
    split(catalogue, SplitRequest(validation_share=0.1))
    ours = _leaked(planted)
    assert ours < 0.01
    assert inspect(catalogue, ASKED).row("leak") is None
    print(f"\nleaked: by chance {chance:.1%}, by groups {ours:.1%}")


def _leaked(planted: Planted) -> float:
    entries = list(planted.catalogue.entries())
    kept = {entry.id for entry in entries if entry.split == "validation"}
    assert len(kept) > 100
    ids = {picture.file.name: id for id, picture in planted.pictures.items()}
    twins = {id: ids[picture.like] for id, picture in planted.pictures.items() if picture.like}
    pairs = [*leaks(entries), *((a, b) for a, b in twins.items() if (a in kept) != (b in kept))]
    return len({id for pair in pairs for id in pair} & kept) / len(kept)


def test_a_zip_from_a_chinese_windows_keeps_its_names(planted, tmp_path):
    packed = gbk_zip(tmp_path / "gbk.zip", [*planted.pictures.values()])
    for _ in unpack(packed, tmp_path / "out"):
        pass
    assert {file.name for file in (tmp_path / "out").rglob("*.jpg")} == set(GBK_NAMES)
