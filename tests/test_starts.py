"""Kept starts: named by what they hold, upright, and never a path."""

import io
import os
import time

import pytest
from PIL import Image

from studio import starts as keeping
from studio.errors import StartMissing, WrongType
from studio.exchange.picture import png_with_settings
from studio.history import History
from studio.picture_errors import NotAPicture, PictureNotOpened, PictureTooLarge
from studio.requests import GenerateRequest
from studio.settings import Settings
from studio.starts import IN_USE_S, KEPT_S, Starts


@pytest.fixture
def starts(tmp_path):
    return Starts(settings_of(tmp_path), set)


def settings_of(tmp_path):
    return Settings.from_environment(root=tmp_path, output_dir=tmp_path / "outputs")


def kept(starts, colour, unused_s=0.0):
    """The name of a picture of that colour, last used so long ago."""
    name = starts.keep(Image.new("RGB", (8, 8), colour))
    then = time.time() - unused_s
    os.utime(starts.file(name), (then, then))
    return name


def left(starts):
    """The names of what is left after sweeping."""
    starts.sweep()
    return {file.stem for file in starts._dir.glob("*.png")}


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
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-200])
    for name, reason in (("page.png", "不是已知的格式"), ("cut.jpg", "文件已损坏")):
        with pytest.raises(NotAPicture) as refused:
            starts.keep(tmp_path / name, "mask")
        assert refused.value.field == "mask"
        assert reason in refused.value.say("zh")
    for name, reason in (("nowhere.png", "文件或文件夹不存在"), ("", "它是文件夹"), ("x" * 300, "名称过长")):
        with pytest.raises(PictureNotOpened, match="can't be opened") as unopened:
            starts.keep(tmp_path / name, "mask")
        assert unopened.value.field == "mask"
        assert reason in unopened.value.say("zh")
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


def test_what_nobody_used_for_a_week_goes_and_what_is_used_again_stays(starts):
    old, again, asked, new = (
        kept(starts, colour, KEPT_S + 60) if colour != "white" else kept(starts, colour)
        for colour in ("red", "green", "blue", "white")
    )
    starts.file(asked)
    assert kept(starts, "green") == again
    assert left(starts) == {again, asked, new}
    with pytest.raises(StartMissing):
        starts.file(old)


def test_what_the_history_recalls_stays_however_old_until_its_picture_is_deleted(tmp_path):
    history = History(settings_of(tmp_path))
    starts = Starts(settings_of(tmp_path), history.begun_with)
    start, mask = kept(starts, "red", 9 * KEPT_S), kept(starts, "white", 9 * KEPT_S)
    request = GenerateRequest(prompt="x", start=start, mask=mask)
    entry = history.add(bytes(12 * 8 * 3), 12, 8, request, {"seed": 1})
    history.add(bytes(12 * 8 * 3), 12, 8, GenerateRequest(prompt="y"), {"seed": 1})
    assert history.begun_with() == {start, mask}
    assert left(starts) == {start, mask}
    history.delete(entry.id)
    assert left(starts) == set()


def test_a_picture_that_another_process_saved_unseen_counts_too(tmp_path):
    history = History(settings_of(tmp_path))
    starts = Starts(settings_of(tmp_path), history.begun_with)
    name = kept(starts, "red", 9 * KEPT_S)
    history.search()
    file = tmp_path / "outputs" / "2026-01-01" / "20260101-000000-000000-abcdabcd.png"
    file.parent.mkdir()
    file.write_bytes(png_with_settings(bytes(12 * 8 * 3), 12, 8, GenerateRequest(start=name), {"seed": 1}))
    assert left(starts) == {name}


def test_of_a_folder_too_large_those_unused_longest_go_but_none_in_use(starts, monkeypatch):
    kept(starts, "red", IN_USE_S + 900)
    old, used = kept(starts, "green", IN_USE_S + 60), kept(starts, "blue", IN_USE_S - 60)
    size = starts._dir.joinpath(f"{old}.png").stat().st_size
    monkeypatch.setattr(keeping, "MOST_BYTES", 2.5 * size)
    assert left(starts) == {old, used}
    monkeypatch.setattr(keeping, "MOST_BYTES", 0)
    assert left(starts) == {used}


def test_keeping_one_sweeps_and_leaves_what_is_not_its_own(starts, tmp_path):
    old = kept(starts, "red", KEPT_S + 60)
    mine = starts._dir / "mine.png"
    mine.write_bytes(b"")
    os.utime(mine, (0, 0))
    fresh = Starts(settings_of(tmp_path), set)
    new = fresh.keep(Image.new("RGB", (8, 8), "blue"))
    assert {file.stem for file in starts._dir.glob("*.png")} == {new, "mine"}
    assert old != new
