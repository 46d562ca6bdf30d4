"""Varied copies: exact pixels, kept provenance, never into validation, and nothing twice."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.dataset_requests import AugmentRequest, Need
from studio.datasets.augment import Varied, augment, preview
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry, New, Provenance
from studio.datasets.errors import NothingToVary
from studio.datasets.measure import measure
from studio.datasets.query import Query
from studio.datasets.vary import Recipe, may_flip, recipe_of, vary
from studio.errors import UnknownChoice

FLIP = AugmentRequest(variations=("flip",))
OWN = Provenance(
    source="openverse",
    author="Ann",
    license="CC-BY-4.0",
    attribution="by Ann",
    source_url="https://x.example/1",
)


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue.create(tmp_path / "set", Need()) as made:
        yield made


def put(catalogue: Catalogue, name: str, caption: str = "a boat", **options) -> int:
    """A picture of noise, other for each name."""
    pixels = np.random.default_rng(abs(hash(name)) % 2**32).integers(30, 226, (96, 128, 3), dtype=np.uint8)
    file = catalogue.root / "pictures" / name
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(file)
    new = New(
        file=f"pictures/{name}", name=name, sha256=name.encode().hex().ljust(64, "0"), caption=caption,
        provenance=options.pop("provenance", OWN), measures=measure(file), **options,
    )  # fmt: skip
    return catalogue.add([new])[0]


def run(catalogue: Catalogue, request: AugmentRequest, ids: list[int] | None = None) -> Varied:
    """What a whole run gives."""

    def whole():
        done.append((yield from augment(catalogue, request, ids)))

    done: list[Varied] = []
    last = list(whole())[-1]
    assert (last.done, last.doing) == (last.total, done[0].said)
    return done[0]


def copies(catalogue: Catalogue) -> list[Entry]:
    return list(catalogue.entries(Query(source="augmented")))


def opened(entry: Entry, root: Path) -> np.ndarray:
    return np.asarray(Image.open(entry.path(root)).convert("RGB"))


def test_a_flip_is_exactly_a_flip(catalogue):
    original = catalogue.get(put(catalogue, "a.png", split="train"))
    assert run(catalogue, FLIP) == Varied(made=1)
    (copy,) = copies(catalogue)
    assert (opened(copy, catalogue.root) == opened(original, catalogue.root)[:, ::-1]).all()


def test_a_copy_knows_its_parent_and_keeps_words_and_rights(catalogue):
    original = catalogue.get(
        put(catalogue, "a.png", "a boat", tags=("sea",), caption_source="human", repeats=2)
    )
    run(catalogue, AugmentRequest(variations=("rotate", "colour"), copies=2, seed=3))
    for copy in copies(catalogue):
        told = copy.provenance
        assert (told.source, told.parent) == ("augmented", original.sha256)
        assert (told.author, told.license, told.attribution) == ("Ann", "CC-BY-4.0", "by Ann")
        assert (copy.caption, copy.caption_source, copy.tags) == ("a boat", "human", ("sea",))
        assert (copy.split, copy.repeats) == ("train", 2)
        assert copy.file == f"pictures/{copy.sha256[:2]}/{copy.sha256[:16]}.png"
        recipe = json.loads(told.recipe)
        kept = {name: recipe[name] for name in Recipe.__dataclass_fields__ if name != "crop"}
        again = vary(Image.open(original.path(catalogue.root)), Recipe(**kept, crop=tuple(recipe["crop"])))
        assert (np.asarray(again) == opened(copy, catalogue.root)).all()
        assert copy.measures.width == again.width


@pytest.mark.parametrize("degrees", [-45.0, -7.3, 3.0, 20.0, 45.0])
@pytest.mark.parametrize("size", [(128, 96), (96, 200), (65, 65)])
def test_rotation_leaves_no_corners(degrees, size):
    white = Image.new("RGB", size, "white")
    turned = vary(white, Recipe(degrees=degrees))
    assert np.asarray(turned).min() == 255
    assert abs(turned.width / turned.height - size[0] / size[1]) < 0.03
    ramp = Image.fromarray(np.full((size[1], size[0], 3), 10, np.uint8))
    ramp.paste(
        (250, 250, 250), (1, 1, size[0] - 1, size[1] - 1)
    )  # a dark edge of one pixel: never mirrored inwards
    inner = np.asarray(vary(ramp, Recipe(degrees=degrees)))[2:-2, 2:-2]
    assert inner.min() > 128


def test_rotation_turns_about_the_middle():
    square = Image.new("RGB", (101, 101), "black")
    square.paste((255, 255, 255), (50, 10, 51, 50))
    turned = np.asarray(vary(square, Recipe(degrees=45.0)).convert("L")).astype(float)
    down, across = np.nonzero(turned > 60)
    assert (
        across.mean() < turned.shape[1] / 2 - 5
    )  # counter-clockwise: the hand at twelve now points at half past ten
    assert down.mean() < turned.shape[0] / 2 - 5


def test_scaling_enlarges_the_middle_and_keeps_the_frame():
    picture = Image.new("RGB", (200, 100), "black")
    picture.paste((255, 255, 255), (90, 45, 110, 55))
    larger = np.asarray(vary(picture, Recipe(zoom=1.5)).convert("L"))
    assert larger.shape == (100, 200)
    assert (larger > 128).sum() == pytest.approx(200 * 1.5**2, rel=0.06)


def test_a_crop_takes_pixels_as_they_are(catalogue):
    original = catalogue.get(put(catalogue, "a.png"))
    run(catalogue, AugmentRequest(variations=("crop",), cut=0.2, copies=4))
    for copy in copies(catalogue):
        whole, part = opened(original, catalogue.root), opened(copy, catalogue.root)
        left, top, _, _ = json.loads(copy.provenance.recipe)["crop"]
        y, x = round(top * 96), round(left * 128)
        assert (part == whole[y : y + part.shape[0], x : x + part.shape[1]]).all()
        assert 0.8 * 128 - 1 <= part.shape[1] < 128
        assert 0.8 * 96 - 1 <= part.shape[0] < 96


def test_small_pictures_are_not_cut_below_what_training_takes(catalogue):
    entry = catalogue.get(put(catalogue, "a.png"))
    for number in range(20):
        picture = preview(
            entry, catalogue.root, AugmentRequest(variations=("crop",), cut=0.5, seed=number), number
        )
        assert min(picture.size) >= 64


def test_asking_again_adds_nothing_even_after_a_copy_was_taken_out(catalogue):
    put(catalogue, "a.png")
    request = AugmentRequest(variations=("flip", "rotate"), copies=3)
    assert run(catalogue, request) == Varied(made=3)
    catalogue.delete([copies(catalogue)[0].id])
    assert run(catalogue, request) == Varied(present=3, copies_out=2)
    assert catalogue.count() == 3
    assert run(catalogue, request.with_(seed=1)).made == 3


def test_the_same_seed_gives_the_same_copies_in_another_set(tmp_path):
    marks = []
    for name in ("one", "two"):
        with Catalogue.create(tmp_path / name, Need()) as catalogue:
            put(catalogue, "a.png")
            put(catalogue, "b.png")
            run(catalogue, AugmentRequest(variations=("crop", "colour", "scale"), copies=2, seed=9))
            marks.append([copy.sha256 for copy in copies(catalogue)])
    assert marks[0] == marks[1]
    assert len(set(marks[0])) == 4


def test_a_further_kind_of_variation_leaves_the_others_alone(catalogue):
    entry = catalogue.get(put(catalogue, "a.png"))
    few = recipe_of(entry, AugmentRequest(variations=("rotate", "crop")), 1)
    more = recipe_of(entry, AugmentRequest(variations=("crop", "colour", "rotate")), 1)
    assert (few.degrees, few.crop) == (more.degrees, more.crop)
    assert more.brightness != 1


def test_validation_is_never_varied_and_copies_never_go_there(catalogue):
    put(catalogue, "a.png", split="train")
    put(catalogue, "b.png", split="validation")
    put(catalogue, "c.png")
    assert run(catalogue, AugmentRequest()) == Varied(made=2, held_out=1)
    assert {copy.split for copy in copies(catalogue)} == {"train"}
    assert catalogue.count(Query(split="validation")) == 1


def test_a_split_or_deletion_meanwhile_is_respected(catalogue):
    ids = [put(catalogue, name) for name in ("a.png", "b.png", "c.png")]
    steps = augment(catalogue, FLIP)
    next(steps)
    catalogue.edit_many({ids[1]: {"split": "validation"}}, "split")
    catalogue.delete([ids[2]])
    assert [step.doing.say("en") for step in steps][-1].endswith("1 kept for validation and left alone")
    assert [copy.provenance.parent for copy in copies(catalogue)] == [catalogue.get(ids[0]).sha256]


def test_copies_are_not_copied(catalogue):
    put(catalogue, "a.png")
    run(catalogue, FLIP)
    assert run(catalogue, AugmentRequest(variations=("rotate",))) == Varied(made=1, copies_out=1)
    with pytest.raises(NothingToVary, match="copies of copies"):
        run(catalogue, AugmentRequest(), [copy.id for copy in copies(catalogue)])


def test_a_set_without_originals_says_why(catalogue):
    with pytest.raises(NothingToVary, match="Import pictures first"):
        run(catalogue, FLIP)
    original = put(catalogue, "a.png")
    run(catalogue, FLIP)
    catalogue.delete([original])
    with pytest.raises(NothingToVary, match="Undo"):
        run(catalogue, FLIP)
    catalogue.delete([copy.id for copy in copies(catalogue)])
    put(catalogue, "b.png", split="validation")
    with pytest.raises(NothingToVary, match="kept for validation") as refused:
        run(catalogue, FLIP)
    assert "验证" in refused.value.say("zh")


@pytest.mark.parametrize(
    ("caption", "tags", "is_fine"),
    [
        ("a cat on the left", (), False), ("左边有一只猫", (), False), ("向右走", (), False),
        ("a sign with the word 'ink'", (), False), ("写着文字的牌子", (), False), ("a cat", ("text_focus",), False),
        ("LEFT-HANDED player", (), False), ("a bright leftover pie", (), True), ("一只红色的船", (), True),
        ("swords in a context", (), True), ("", (), True),
    ],
)  # fmt: skip
def test_flips_are_refused_where_a_mirror_would_lie(catalogue, caption, tags, is_fine):
    entry = catalogue.get(put(catalogue, "a.png", caption, tags=tags))
    assert may_flip(entry) == is_fine
    asked = AugmentRequest(variations=("flip",), copies=4)
    assert recipe_of(entry, asked, 0).flip == is_fine
    assert run(catalogue, asked) == Varied(made=int(is_fine), not_flipped=int(not is_fine))


def test_a_refused_flip_still_leaves_the_other_variations(catalogue):
    put(catalogue, "a.png", "the left boat")
    varied = run(catalogue, AugmentRequest(variations=("flip", "crop"), copies=6))
    assert varied == Varied(made=6, not_flipped=1)
    assert not any(json.loads(copy.provenance.recipe)["flip"] for copy in copies(catalogue))
    assert "1 pictures not flipped" in varied.said.say("en")
    assert "未翻转" in varied.said.say("zh")


def test_pictures_are_varied_as_they_will_be_exported(catalogue):
    entry = catalogue.get(put(catalogue, "a.png"))
    entry = catalogue.edit(entry.id, entry.version, turn=1, crop=(0.0, 0.0, 1.0, 0.75))
    run(catalogue, FLIP)
    (copy,) = copies(catalogue)
    turned = np.rot90(opened(entry, catalogue.root), -1)[:96]
    assert (opened(copy, catalogue.root) == turned[:, ::-1]).all()
    assert (copy.turn, copy.crop) == (0, None)
    assert (np.asarray(preview(entry, catalogue.root, FLIP, 0)) == opened(copy, catalogue.root)).all()


def test_a_picture_that_broke_is_counted_and_the_rest_goes_on(catalogue):
    broken = catalogue.get(put(catalogue, "a.png"))
    broken.path(catalogue.root).write_bytes(b"no picture")
    put(catalogue, "b.png")
    assert run(catalogue, FLIP) == Varied(made=1, unreadable=1)


def test_closing_in_the_middle_keeps_what_was_made(catalogue):
    for name in ("a.png", "b.png", "c.png"):
        put(catalogue, name)
    steps = augment(catalogue, FLIP)
    assert next(steps).done == 1
    steps.close()
    assert len(copies(catalogue)) == 1
    assert run(catalogue, FLIP) == Varied(made=2, present=1, copies_out=1)


@pytest.mark.parametrize("variations", [(), ("flip", "melt")])
def test_variations_that_do_not_exist_are_refused(catalogue, variations):
    put(catalogue, "a.png")
    with pytest.raises(UnknownChoice):
        run(catalogue, AugmentRequest(variations=variations))
