"""Kept starts: named by what they hold, upright, and never a path."""

import io

import pytest
from PIL import Image

from studio.errors import StartMissing, WrongType
from studio.picture_errors import NotAPicture, PictureTooLarge
from studio.requests import GenerateRequest
from studio.settings import Settings
from studio.starts import Starts


@pytest.fixture
def starts(tmp_path):
    return Starts(Settings.from_environment(root=tmp_path, output_dir=tmp_path / "outputs"))


def test_equal_pixels_have_one_name(starts, tmp_path):
    picture = Image.linear_gradient("L").convert("RGB")
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.bmp")
    names = {starts.keep(tmp_path / "a.png"), starts.keep(tmp_path / "b.bmp"), starts.keep(picture)}
    names.add(starts.keep((tmp_path / "a.png").read_bytes()))
    (name,) = names
    with Image.open(starts.file(name)) as kept:
        assert (kept.mode, kept.size) == ("RGB", (256, 256))
        assert kept.tobytes() == picture.tobytes()
    assert GenerateRequest(start=name).start == name


def test_a_photo_is_kept_upright(starts):
    photo, stream = Image.new("RGB", (40, 20), "red"), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(stream, "JPEG", exif=exif)
    with Image.open(starts.file(starts.keep(stream.getvalue()))) as kept:
        assert kept.size == (20, 40)
        assert not kept.getexif()


def test_what_is_no_picture_is_refused_at_its_field(starts, tmp_path):
    (tmp_path / "page.png").write_text("<html>")
    for source in (tmp_path / "page.png", tmp_path / "nowhere.png"):
        with pytest.raises(NotAPicture) as refused:
            starts.keep(source, "mask")
        assert refused.value.field == "mask"
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    with pytest.raises(PictureTooLarge, match="number of pixels"):
        starts.keep(tmp_path / "huge.png")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64])
def test_a_name_is_never_a_path(starts, name):
    with pytest.raises(StartMissing, match="give the picture again"):
        starts.file(name)
    if name != "a" * 64:
        with pytest.raises(WrongType):
            GenerateRequest(start=name)
    assert starts.file("") is None
