"""Files are written whole or not at all, and a full or locked disk is told in a sentence."""

import errno
import os

import pytest

from studio import disk
from studio.disk import check_writable, free_bytes, reason_of, write_atomically
from studio.errors import DiskFull, NotWritable


def test_a_file_is_written_whole_with_its_folder(tmp_path):
    write_atomically(tmp_path / "new" / "a.png", b"abc")
    assert (tmp_path / "new" / "a.png").read_bytes() == b"abc"
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.png"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(DiskFull) as caught:
        write_atomically(tmp_path / "a.png", b"new")
    assert "MB free" in caught.value.say("en")
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_takes_no_files_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotWritable) as caught:
        check_writable(tmp_path / "file" / "folder")
    assert "--output" in caught.value.say("zh")
    assert "路径中有一处不是文件夹" in caught.value.say("zh")


def test_common_refusals_are_told_in_both_languages_and_others_in_the_systems_words():
    said = reason_of(OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert (said.say("en"), said.say("zh")) == ("permission denied", "没有权限")
    assert reason_of(OSError(errno.EIO, "odd words")) == "odd words"
    assert reason_of(OSError("only words")) == "only words"


def test_too_little_room_is_told_before_work_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 10)
    with pytest.raises(DiskFull):
        check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_room_is_known_for_a_folder_that_is_not_there_yet(tmp_path):
    assert free_bytes(tmp_path / "a" / "b") > 0
