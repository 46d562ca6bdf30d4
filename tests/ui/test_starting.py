"""Pictures that begin with a picture: how one gets into the form, out of it, and back."""

import struct
import zlib
from dataclasses import replace
from itertools import product

import pytest
from PIL import Image, ImageDraw

from studio.engine.events import FirstPass, Picture
from studio.exchange.picture import png_with_settings
from studio.requests import GenerateRequest
from studio.ui.easel import Easel
from studio.ui.filling import Filling
from studio.ui.opening import Opening
from studio.ui.painting import Painting
from studio.ui.safe import plain
from studio.ui.starting import Starting
from studio.ui.strokes import COLOUR, OPACITY, canvas, mask_of
from tests.ui.test_filling import values
from tests.ui.test_painting import entries, gallery, last, run

WIDE = (640, 380)


@pytest.fixture
def starting(desk):
    return Starting(desk.sheet, desk.on)


@pytest.fixture
def start(desk):
    return desk.on.form.start


@pytest.fixture
def wide(tmp_path):
    """A picture's file that is near 5:3."""
    file = tmp_path / "wide.jpg"
    Image.linear_gradient("L").resize(WIDE).convert("RGB").save(file)
    return file


@pytest.fixture
def kept(desk, wide):
    """The names of a kept picture and of its mask: the left half is painted over."""
    mask = Image.new("L", WIDE)
    ImageDraw.Draw(mask).rectangle((0, 0, WIDE[0] // 2 - 1, WIDE[1]), fill=255)
    return desk.sheet.studio.starts.keep(wide), desk.sheet.studio.starts.keep(mask, "mask")


def painted(*boxes, size=(320, 190)):
    """An editor's value with one layer of strokes."""
    layer = Image.new("RGBA", size)
    for box in boxes:
        ImageDraw.Draw(layer).rectangle(box, fill=(*COLOUR, round(255 * OPACITY)))
    return {"background": Image.new("RGB", size), "layers": [layer], "composite": None}


def header_only(width, height):
    """The beginning of a PNG file that says it is this large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


# strokes


def test_strokes_become_a_mask_of_the_pictures_own_size():
    mask = mask_of(painted((0, 0, 159, 189)), WIDE)
    assert mask.size == WIDE
    assert mask.getpixel((10, 100)) == 255
    assert mask.getpixel((600, 100)) == 0
    assert set(mask.tobytes()) == {0, 255}


@pytest.mark.parametrize("value", [{"layers": []}, {"layers": None}, painted()])
def test_an_editor_without_strokes_has_no_mask(value):
    assert mask_of(value, WIDE) is None


def test_a_mask_comes_back_as_the_same_strokes(desk, kept):
    start_file, mask_file = (desk.sheet.studio.starts.file(name) for name in kept)
    again = mask_of(canvas(start_file, mask_file), WIDE)
    with Image.open(mask_file) as mask:
        before = mask.convert("L").tobytes()
    assert sum(a != b for a, b in zip(before, again.tobytes(), strict=True)) < 0.01 * len(before)


# putting a picture in


def test_an_upload_is_kept_and_offers_its_proportions_but_changes_no_other_setting(
    desk, starting, start, wide
):
    told = starting.upload({**desk.data(prompt="mine"), start.picture: str(wide)})
    assert set(values(told, desk)) == {"start", "mask"}
    assert start.file_of(values(told, desk)["start"])
    assert told[start.more]["visible"]
    assert "320 × 192" in told[start.shape]["value"]


def test_one_click_takes_the_nearest_size_and_the_offer_goes(desk, starting, start, kept):
    told = starting.shape(desk.data(start=kept[0]))
    assert (values(told, desk)["width"], values(told, desk)["height"]) == (320, 192)
    assert told[desk.on.form.aspect]["value"] == "320x192"
    assert not told[start.shape]["visible"]


def test_a_file_that_is_no_picture_or_too_large_is_told_under_the_picture(desk, starting, start, tmp_path):
    for language, content in product(("en", "zh"), (b"nonsense", header_only(30_000, 30_000))):
        file = tmp_path / "bad.png"
        file.write_bytes(content)
        told = starting.upload({**desk.data(language), start.picture: str(file)})
        assert values(told, desk) == {"start": "", "mask": ""}
        assert told[start.picture]["value"] is None
        assert told[start.note]["elem_classes"] == ["ink-fault"]
        assert told[start.note]["value"]
        assert str(tmp_path) not in told[start.note]["value"]


def test_a_picture_from_the_history_becomes_the_start_and_the_words_stay(desk, starting, start):
    entry = desk.sheet.studio.history.add(
        bytes(64 * 64 * 3), 64, 64, GenerateRequest(prompt="its own"), {"seed": 3}
    )
    told = starting.hand({**desk.data(prompt="mine"), desk.on.hand.holds: entry.id})
    assert set(values(told, desk)) == {"start", "mask"}
    assert told[start.picture]["value"]
    assert told[start.fold]["open"]
    assert starting.hand({**desk.data(), desk.on.hand.holds: None}) == {}


def test_another_picture_puts_the_strokes_away(desk, starting, start, kept, wide):
    told = starting.upload({**desk.data(start=kept[0], mask=kept[1]), start.picture: str(wide)})
    assert values(told, desk)["mask"] == ""
    assert not told[start.editor]["visible"]


def test_taking_the_picture_away_leaves_nothing_of_it(desk, starting, start, kept):
    told = starting.clear(desk.data(start=kept[0], mask=kept[1]))
    assert values(told, desk) == {"start": "", "mask": ""}
    assert [told[part]["visible"] for part in (start.more, start.shape, start.editor)] == [
        False,
        False,
        False,
    ]


# painting with it


def test_the_picture_made_remembers_what_it_began_with(desk, start, kept):
    updates = run(desk, start=kept[0], mask=kept[1], strength=0.5, steps=2)
    [entry] = entries(desk)
    assert (entry.request.start, entry.request.mask, entry.request.strength) == (*kept, 0.5)
    assert "0.5" in last(updates, desk.on.hand.facts)


def test_the_second_pass_is_told_and_counted_when_it_is_stopped(desk):
    updates = run(desk, upscale=2.0, steps=2)
    told = "".join(u[desk.on.easel] for u in updates if desk.on.easel in u)
    assert "second pass" in told
    with Image.open(entries(desk)[0].file) as picture:
        assert picture.size == (128, 128)
    assert "2 ×" in last(updates, desk.on.hand.facts)
    easel = Easel("working")
    easel.take(FirstPass(Picture(0, 1, 1, 1, bytes(3))))
    easel.end("stopped")
    assert easel.kept == 1


def test_a_visitor_who_stops_the_second_pass_finds_the_first_picture_among_their_own(make_desk, settings):
    desk = make_desk(replace(settings, public=True))
    updates = []
    for update in Painting(desk.sheet, desk.on).paint(desk.data(upscale=2.0, steps=2), desk.me):
        updates.append(update)
        if "second pass" in update.get(desk.on.easel, ""):
            desk.sheet.visitors.stop("me")
    (entry,) = entries(desk)
    assert entry.request.upscale == 1
    assert last(updates, desk.on.past.own) == [entry.id]
    assert last(updates, desk.on.past.ids) == [entry.id]
    assert len(gallery(updates, desk)) == 1
    assert "is-stopped" in last(updates, desk.on.easel)
    assert last(updates, desk.on.hand.holds) == entry.id


def test_strokes_are_kept_when_generate_is_pressed(desk, starting, start, kept):
    data = {**desk.data(start=kept[0]), start.editor: painted((0, 0, 159, 189))}
    held, told = starting.masked(desk.on.form.values(data), data)
    with Image.open(start.file_of(held["mask"])) as mask:
        assert mask.size == WIDE
    assert told[desk.on.form.controls["mask"]]["value"] == held["mask"]


def test_an_editor_without_strokes_is_told_and_repaints_everything(desk, starting, start, kept):
    for language, words in (("en", "whole picture"), ("zh", "整张图")):
        data = {**desk.data(language, start=kept[0], mask=kept[1]), start.editor: painted()}
        held, told = starting.masked(desk.on.form.values(data), data)
        assert held["mask"] == ""
        assert words in told[start.note]["value"]
        assert told[start.note]["elem_classes"] == ["ink-notice"]


def test_a_fault_of_the_start_picture_opens_its_fold(desk, start):
    with pytest.warns(UserWarning, match="."):
        told = run(desk, start="a" * 64)
    assert last(told, start.note)["elem_classes"] == ["ink-fault"]
    assert last(told, start.fold)["open"]


def test_a_value_out_of_range_opens_the_fold_of_its_control(desk, start):
    folds = {"strength": start.fold, "upscale": start.larger, "upscale_strength": start.larger}
    for field, fold in folds.items():
        with pytest.warns(UserWarning, match="."):
            told = run(desk, **{field: 9.0})
        assert "ink-fault" in last(told, desk.on.form.controls[field])["elem_classes"]
        assert last(told, fold)["open"]


# coming back


def made_of(desk, names):
    request = GenerateRequest(prompt="x", start=names[0], mask=names[1], strength=0.45, upscale=1.7, seed=3)
    return request, desk.sheet.studio.history.add(bytes(64 * 64 * 3), 64, 64, request, {"seed": 3})


def test_a_recalled_recipe_shows_its_picture_and_strokes_again(desk, start, kept):
    request, entry = made_of(desk, kept)
    told = Filling(desk.sheet, desk.on).recall({**desk.data(), desk.on.hand.holds: entry.id})
    assert desk.on.form.request(values(told, desk)) == request
    assert told[start.picture]["value"]
    assert told[start.editor]["value"]["layers"]
    assert told[start.fold]["open"]
    assert told[start.larger]["open"]
    assert 1.7 in [factor for _, factor in told[desk.on.form.controls["upscale"]]["choices"]]


@pytest.mark.parametrize(("lost", "words"), [(0, "no longer kept"), (1, "painted part")])
def test_what_is_no_longer_kept_is_told_and_the_rest_is_filled(desk, start, kept, lost, words):
    _, entry = made_of(desk, kept)
    start.file_of(kept[lost]).unlink()
    told = Filling(desk.sheet, desk.on).recall({**desk.data(), desk.on.hand.holds: entry.id})
    assert words in told[start.note]["value"]
    held = values(told, desk)
    assert (held["start"], held["mask"]) == ("" if lost == 0 else kept[0], "")
    assert (held["prompt"], held["strength"], held["upscale"]) == ("x", 0.45, 1.7)


def test_a_recipe_without_a_picture_takes_the_picture_away(desk, start, kept):
    entry = desk.sheet.studio.history.add(
        bytes(64 * 64 * 3), 64, 64, GenerateRequest(prompt="x"), {"seed": 3}
    )
    told = Filling(desk.sheet, desk.on).recall({**desk.data(start=kept[0]), desk.on.hand.holds: entry.id})
    assert values(told, desk)["start"] == ""
    assert told[start.picture]["value"] is None


def test_a_reload_finds_the_picture_again_and_a_strangers_name_is_passed_over(desk, start, kept):
    opening = Opening(desk.sheet, desk.on)
    assert opening.open({"start": kept[0]}, "en")[start.picture]["value"]
    for name in ("b" * 64, "../../etc/passwd", "/etc/passwd", "x" * 999):
        told = opening.open({"start": name}, "en")
        assert told[start.picture]["value"] is None
        assert values(told, desk)["start"] == ""


def test_a_model_change_offers_that_models_size(desk, start, kept):
    told = Filling(desk.sheet, desk.on).model(desk.data(model="kolors", start=kept[0]))
    assert values(told, desk)["start"] == kept[0]
    assert "×" in told[start.shape]["value"]
    assert "320 × 192" not in told[start.shape]["value"]


def test_a_stranger_who_drops_a_picture_does_not_get_what_it_began_with(make_desk, settings, wide, tmp_path):
    desk = make_desk(replace(settings, public=True))
    name = desk.sheet.studio.starts.keep(wide)
    request, entry = made_of(desk, (name, ""))
    file = tmp_path / "given.png"
    file.write_bytes(png_with_settings(bytes(64 * 64 * 3), 64, 64, request, {"seed": 3}))
    filling, start = Filling(desk.sheet, desk.on), desk.on.form.start
    told = filling.read({**desk.data(), desk.on.drop: str(file)})
    assert values(told, desk)["start"] == ""
    assert told[start.picture]["value"] is None
    assert plain("no longer kept") in told[desk.on.drop_note]["value"]
    mine = filling.read({**desk.data(), desk.on.drop: str(file), desk.on.past.own: [entry.id]})
    assert mine[start.picture]["value"]
