"""Opening whatever holds pictures as a catalogue."""

import errno
import gc
import os
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from studio.dataset_requests import Need
from studio.datasets.errors import LayoutUnknown, NotReadable
from studio.datasets.export import prepare
from studio.datasets.opening import is_there, open_set
from studio.errors import DiskFull
from tests.datasets.formats.made import CAPTIONS, PROVENANCE, a_set, png, written

NEED = Need(goal="object")


def test_a_set_of_the_studio_opens_as_itself(tmp_path):
    a_set(tmp_path / "set", need=Need(goal="place")).close()
    with open_set(tmp_path / "set", NEED) as catalogue:
        assert (catalogue.need.goal, catalogue.count()) == ("place", len(CAPTIONS))


@pytest.mark.parametrize("layout", ["imagefolder", "kohya", "aitoolkit", "diffsynth", "webdataset"])
def test_every_layout_opens_as_a_catalogue(tmp_path, layout):
    with a_set(tmp_path / "set") as made:
        written(made, tmp_path / "out", layout)
    before = {str(file) for file in (tmp_path / "out").rglob("*")}
    with open_set(tmp_path / "out", NEED) as catalogue:
        entries = list(catalogue.entries())
        assert sorted(entry.caption for entry in entries) == sorted(CAPTIONS)
        assert catalogue.tally("split") == {"train": 6, "validation": 2}
        assert catalogue.need == NEED
        assert catalogue.note("skipped") == []
        for entry in entries:
            with Image.open(entry.path(catalogue.root)) as picture:
                assert picture.size == (72, 66)
        if layout in ("imagefolder", "webdataset"):
            assert entries[0].provenance == PROVENANCE
    assert {str(file) for file in (tmp_path / "out").rglob("*")} == before


def test_what_was_unpacked_goes_with_the_catalogue(tmp_path):
    with a_set(tmp_path / "set") as made:
        written(made, tmp_path / "out", "webdataset")
    for ends in ("closed", "forgotten"):
        catalogue = open_set(tmp_path / "out", NEED)
        file = Path(next(catalogue.entries()).file)
        assert file.is_file()
        if ends == "closed":
            catalogue.close()
        else:
            catalogue.close = None  # never called
            del catalogue
            gc.collect()
        assert not file.parent.parent.exists()


def test_what_was_not_taken_is_kept_in_both_languages(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / ".b.png").write_bytes(png(2))
    with open_set(tmp_path, NEED) as catalogue:
        assert catalogue.note("skipped") == [[".b.png", "it is hidden", "它是隐藏文件"]]


@pytest.mark.skipif(sys.platform != "linux", reason="names are no bytes there")
def test_files_whose_names_are_no_utf8_are_found_again(tmp_path):
    for name, content in (
        ("船.png", png(1)),
        ("船.txt", b"a boat"),
        ("灯.png", png(2)),
        ("孤.txt", b"alone"),
    ):
        (tmp_path / os.fsdecode(name.encode("gbk"))).write_bytes(content)
    with open_set(tmp_path, NEED) as catalogue:
        entries = list(catalogue.entries())
        held = {entry.caption: entry.path(catalogue.root).read_bytes() for entry in entries}
        assert held == {"a boat": png(1), "": png(2)}
        assert {entry.name for entry in entries} == {"??.png"}
        assert [row[0] for row in catalogue.note("skipped")] == ["??.txt"]
        assert len(written(catalogue, tmp_path / "out", "imagefolder")) == 3
    assert len(list(tmp_path.rglob("out/train/*.png"))) == 2


def test_what_was_not_taken_has_names_that_harm_no_terminal(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / ".b\x1b[31m\u202e\n.png").write_bytes(png(2))
    with open_set(tmp_path, NEED) as catalogue:
        assert [row[0] for row in catalogue.note("skipped")] == [".b[31m .png"]


def test_what_no_disk_holds_is_not_there(tmp_path):
    (tmp_path / "file").touch()
    assert is_there(tmp_path)
    assert is_there(tmp_path / "file")
    for name in ("nothing", "file/below", "x" * 300, f"{'x' * 300}/below", "a\0b"):
        assert not is_there(tmp_path / name)


def test_what_is_there_and_locked_is_told(tmp_path, monkeypatch):
    def locked(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "file").touch()
    for where, what, path in (
        (os, "scandir", tmp_path),
        (Path, "open", tmp_path / "file"),
        (Path, "is_dir", tmp_path / "below"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, what, locked)
            with pytest.raises(NotReadable, match=rf"{path} can't be read \(permission denied\)"):
                is_there(path)


def test_two_pictures_with_the_same_bytes_are_both_there(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(1))
    with open_set(tmp_path, NEED) as catalogue:
        assert len({entry.sha256 for entry in catalogue.entries()}) == 1
        assert catalogue.count() == 2


def test_a_zip_of_any_layout_opens(tmp_path):
    with a_set(tmp_path / "set") as made:
        written(made, tmp_path / "boats", "kohya", repeats=3)
    with zipfile.ZipFile(tmp_path / "boats.zip", "w") as archive:
        for file in sorted((tmp_path / "boats").rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
    with open_set(tmp_path / "boats.zip", NEED) as catalogue:
        assert sorted(entry.caption for entry in catalogue.entries()) == sorted(CAPTIONS)
        assert {entry.repeats for entry in catalogue.entries() if entry.split == "train"} == {3, 6, 9}
        folder = Path(next(catalogue.entries()).file)
    assert not folder.exists()


def test_what_holds_nothing_is_named(tmp_path):
    with pytest.raises(LayoutUnknown, match="nowhere"):
        open_set(tmp_path / "nowhere", NEED)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("notes.txt", "words")
    with pytest.raises(LayoutUnknown, match="empty.zip"):
        open_set(tmp_path / "empty.zip", NEED)


def test_a_large_file_is_told_of_not_read(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    with (tmp_path / "huge.png").open("wb") as stream:
        stream.truncate(65 * 2**20)
    with open_set(tmp_path, NEED) as catalogue:
        ((name, reason, _),) = catalogue.note("skipped")
        assert (name, catalogue.count()) == ("huge.png", 1)
        assert "64 MB" in reason


def test_a_full_disk_while_unpacking_leaves_nothing(tmp_path, monkeypatch):
    with a_set(tmp_path / "set") as made:
        written(made, tmp_path / "out", "webdataset")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def full(*_: object) -> int:
        raise OSError(28, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFull):
        open_set(tmp_path / "out", NEED)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_prepared_folder_of_a_set_opens_by_itself(tmp_path):
    with a_set(tmp_path / "set") as made:
        list(prepare(made))
    with open_set(tmp_path / "set" / "train", NEED) as catalogue:
        assert catalogue.count() == 6
