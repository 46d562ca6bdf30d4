"""Archives from strangers: what is unpacked, what is left out, what is refused."""

import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from studio.datasets.archive import Limits, encoding_of, unpack
from studio.datasets.errors import UploadRefused
from studio.datasets.found import Skipped, Step
from studio.datasets.names import clean_paths

PICTURE = b"\x89PNG picture"


def packed(file: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def in_encoding(file: Path, encoding: str, *names: str) -> Path:
    """An archive as Windows packs it: names in the system's encoding, without saying so."""
    stand_ins = {chr(ord("p") + n) * len(name.encode(encoding)): name for n, name in enumerate(names)}
    content = packed(file, *((stand_in, PICTURE) for stand_in in stand_ins)).read_bytes()
    for stand_in, name in stand_ins.items():
        content = content.replace(stand_in.encode(), name.encode(encoding))
    file.write_bytes(content)
    return file


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def skipped(file: Path, folder: Path, limits: Limits | None = None) -> dict[str, str]:
    return {one.name: one.reason.say() for one in unpack(file, folder, limits) if isinstance(one, Skipped)}


def test_what_sets_are_made_of_is_unpacked_where_it_lay(tmp_path):
    file = packed(
        tmp_path / "a.zip", ("10_猫/a.png", PICTURE), ("10_猫/a.txt", b"a cat"), ("metadata.csv", b"file_name,text"),
        ("__MACOSX/10_猫/._a.png", b"junk"), (".git/x.png", b"junk"), ("setup.exe", b"junk"), ("empty/", b""),
    )  # fmt: skip
    assert skipped(file, tmp_path / "out") == {}
    assert contents(tmp_path / "out") == {
        "10_猫/a.png": PICTURE,
        "10_猫/a.txt": b"a cat",
        "metadata.csv": b"file_name,text",
    }
    assert [one for one in unpack(file, tmp_path / "again") if isinstance(one, Step)][-1] == Step(2, 3)


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "..\\..\\evil.png", "C:\\evil.png", "a/../../evil.png"]
)
def test_no_name_leads_out(tmp_path, name):
    list(unpack(packed(tmp_path / "a.zip", (name, PICTURE)), tmp_path / "deep" / "out"))
    found = list(tmp_path.rglob("*evil*"))
    assert all(file.is_relative_to(tmp_path / "deep" / "out") for file in found)
    assert not Path("/etc/evil.png").exists()


def test_links_and_archives_inside_are_told_and_left(tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = packed(tmp_path / "a.zip", (link, b"/etc/passwd"), ("inner.zip", b"PK"), ("a.png", PICTURE))
    told = skipped(file, tmp_path / "out")
    assert told == {
        "link.png": "it is a link, not a file",
        "inner.zip": "it is an archive inside an archive; unpack it first",
    }
    assert contents(tmp_path / "out") == {"a.png": PICTURE}
    assert not (tmp_path / "out" / "link.png").is_symlink()


def test_a_bomb_is_refused_before_it_goes_off(tmp_path):
    file = packed(tmp_path / "bomb.zip", ("a.png", bytes(60 * 2**20)))
    assert file.stat().st_size < 100_000
    with pytest.raises(UploadRefused, match="far more"):
        list(unpack(file, tmp_path / "out"))
    assert sum(map(len, contents(tmp_path / "out").values())) <= 200 * file.stat().st_size


def test_sizes_are_counted_whatever_the_archive_says(tmp_path):
    noise = random.Random(1).randbytes(300_000)
    file = packed(tmp_path / "a.zip", ("a.png", noise), ("b.png", noise))
    lied = file.read_bytes().replace(struct.pack("<L", 300_000), struct.pack("<L", 10))
    (tmp_path / "lied.zip").write_bytes(lied)
    told = skipped(tmp_path / "lied.zip", tmp_path / "lied")
    assert all(len(content) <= 300_000 for content in contents(tmp_path / "lied").values())
    assert set(told.values()) <= {"it is damaged in the archive"}
    assert skipped(file, tmp_path / "member", Limits(member_bytes=200_000)) == dict.fromkeys(
        ("a.png", "b.png"), "it has more than 0 MB"
    )
    assert contents(tmp_path / "member") == {}
    with pytest.raises(UploadRefused, match="too large"):
        list(unpack(file, tmp_path / "total", Limits(total_bytes=500_000)))


def test_too_many_members_are_refused(tmp_path):
    file = packed(tmp_path / "a.zip", *((f"{number}.png", b"x") for number in range(12)))
    with pytest.raises(UploadRefused, match="more than 10 files"):
        list(unpack(file, tmp_path / "out", Limits(members=10)))


def test_a_list_of_members_that_is_too_long_is_not_even_read(tmp_path, monkeypatch):
    file = packed(tmp_path / "a.zip", *((f"{number}{'x' * 900}.exe", b"") for number in range(30)))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(UploadRefused, match="more than 10 files"):
        list(unpack(file, tmp_path / "out", Limits(members=10)))


def test_members_over_each_other_are_a_bomb(tmp_path):
    """All entries of the list point at one packed member: small as a file, large when unpacked."""
    noise = random.Random(1).randbytes(100_000)
    file = packed(tmp_path / "a.zip", ("0.png", noise), ("1.png", b""), ("2.png", b""))
    with zipfile.ZipFile(file) as archive:
        first, *others = archive.infolist()
    content = bytearray(file.read_bytes())
    start = content.find(b"PK\x01\x02")
    entry = bytes(content[start : start + 46 + 5])
    for number, _ in enumerate(others, start=1):
        at = start + number * 51
        content[at : at + 46] = entry[:46]
    file.write_bytes(content)
    with pytest.raises(UploadRefused, match="far more"):
        list(unpack(file, tmp_path / "out"))
    assert first.file_size == 100_000


@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(400)]
)
def test_what_is_no_archive_is_refused_or_holds_nothing(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    if content == b"PK\x05\x06" + bytes(18):
        assert list(unpack(tmp_path / "a.zip", tmp_path / "out")) == []
        return
    with pytest.raises(UploadRefused, match="a.zip can't be unpacked"):
        list(unpack(tmp_path / "a.zip", tmp_path / "out"))


def test_a_password_is_named(tmp_path):
    content = bytearray(packed(tmp_path / "a.zip", ("a.png", PICTURE)).read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + at] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UploadRefused, match="password"):
        list(unpack(tmp_path / "a.zip", tmp_path / "out"))


def test_one_damaged_member_costs_no_other(tmp_path):
    file = packed(tmp_path / "a.zip", ("a.png", PICTURE * 50), ("b.png", PICTURE))
    content = bytearray(file.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    file.write_bytes(content)
    assert skipped(file, tmp_path / "out") == {"a.png": "it is damaged in the archive"}
    assert contents(tmp_path / "out") == {"b.png": PICTURE}


def test_a_file_and_a_folder_of_one_name(tmp_path):
    file = packed(
        tmp_path / "a.zip",
        ("a.png", PICTURE),
        ("a.png/b.png", PICTURE),
        ("c.png/d.png", PICTURE),
        ("c.png", PICTURE),
    )
    assert set(skipped(file, tmp_path / "out")) == {"a.png/b.png", "c.png"}


def test_names_that_meet_are_both_kept(tmp_path):
    file = packed(
        tmp_path / "a.zip",
        ("A/x.png", b"1"),
        ("a/X.png", b"2"),
        ("a/CON.png", b"3"),
        ("a/t\u202eail.png", b"4"),
    )
    list(unpack(file, tmp_path / "out"))
    assert contents(tmp_path / "out") == {
        clean_paths("A/x.png")[1]: b"1",
        clean_paths("a/X.png")[1]: b"2",
        "a/_CON.png": b"3",
        "a/tail.png": b"4",
    }


@pytest.mark.parametrize(
    ("encoding", "names"),
    [("gbk", ("猫咪.png", "图片一.png")), ("shift-jis", ("ねこの写真.png", "犬と猫.png")), ("utf-8", ("猫咪咪.png", "é.png")),
     ("gbk", ("鬱龍.png",)), ("cp437", ("plain.png",))],
)  # fmt: skip
def test_names_come_out_as_they_were_typed(tmp_path, encoding, names):
    list(unpack(in_encoding(tmp_path / "a.zip", encoding, *names), tmp_path / "out"))
    assert set(contents(tmp_path / "out")) == set(names)


def test_bytes_that_are_no_known_encoding_still_have_a_name():
    assert encoding_of([b"\xff\xfe\x81.png"]) == "cp437"
