"""Small copies: turned and cut, encoded anew, one file for each state of a picture."""

from dataclasses import replace

import pytest
from PIL import Image

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New
from studio.datasets.pictures import Unusable
from studio.datasets.thumbnails import develop, place_of, thumbnail


@pytest.fixture
def entry(tmp_path):
    picture = Image.new("RGB", (400, 200), "navy")
    picture.paste("red", (0, 0, 200, 200))
    picture.save(tmp_path / "a.png")
    with Catalogue.over(tmp_path, Need()) as catalogue:
        catalogue.add([New(file="a.png", name="a.png", sha256="0" * 64)])
        return catalogue.get(1)


def opened(file):
    with Image.open(file) as picture:
        return picture.convert("RGB")


def test_a_copy_is_small_webp_and_made_once(tmp_path, entry):
    copy = thumbnail(tmp_path, entry)
    assert copy.parent == tmp_path / "thumbnails"
    assert copy.read_bytes()[8:12] == b"WEBP"
    assert opened(copy).size == (256, 128)
    before = copy.stat().st_mtime_ns
    assert thumbnail(tmp_path, entry) == copy
    assert copy.stat().st_mtime_ns == before


def test_turn_and_cut_show_and_are_files_of_their_own(tmp_path, entry):
    turned = replace(entry, turn=1)
    assert opened(thumbnail(tmp_path, turned)).size == (128, 256)
    assert opened(thumbnail(tmp_path, turned)).getpixel((64, 20))[0] > 200  # left came to the top
    cut = replace(entry, crop=(0.5, 0.0, 1.0, 1.0))
    assert opened(thumbnail(tmp_path, cut)).getpixel((5, 5))[2] > 90
    assert opened(thumbnail(tmp_path, cut, is_cut=False)).size == (256, 128)
    assert len({place_of(tmp_path, one) for one in (entry, turned, cut)}) == 3


def test_nothing_that_hides_behind_a_picture_comes_along(tmp_path, entry):
    with (tmp_path / "a.png").open("ab") as stream:
        stream.write(b"<script>alert(1)</script>")
    assert b"script" not in thumbnail(tmp_path, entry).read_bytes()


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n" + b"x" * 40])
def test_what_is_no_picture_is_told(tmp_path, entry, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(Unusable):
        thumbnail(tmp_path, entry)
    assert list(develop(tmp_path, [entry])) == [None]


def test_a_picture_too_large_is_not_opened(tmp_path, entry, monkeypatch):
    monkeypatch.setattr("studio.datasets.thumbnails.MOST_PIXELS", 1000)
    with pytest.raises(Unusable):
        thumbnail(tmp_path, entry)


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("RGBA", (255, 0, 0, 0)), ("I;16", 65535), ("CMYK", (0, 0, 0, 0)), ("P", 0), ("1", 1)],
)
def test_every_sort_of_pixel_becomes_plain_colour(tmp_path, entry, mode, colour):
    Image.new(mode, (300, 300), colour).save(tmp_path / "b.tiff")
    copy = thumbnail(tmp_path, replace(entry, file="b.tiff"))
    with Image.open(copy) as picture:
        assert picture.mode == "RGB"
    if mode != "P":
        assert opened(copy).getpixel((100, 100)) == (255, 255, 255)
