"""WebDataset and parquet: shards of our own and of strangers."""

import io
import json
import tarfile

import pytest

from studio.datasets.errors import PackageNeeded, TableBroken
from studio.datasets.formats import formats, parquet, recognise, tables, webdataset
from studio.datasets.formats.paths import MOST_PICTURE_BYTES
from tests.datasets.formats.made import a_set, content, png, read, written


def tar(file, *members, kind=tarfile.USTAR_FORMAT):
    with tarfile.open(file, "w", format=kind) as archive:
        for name, held in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(held)
            archive.addfile(member, io.BytesIO(held))
    return file


def test_shards_of_strangers(tmp_path):
    picture = png(1)
    tar(
        tmp_path / "train-0000.tar",
        ("./a/0001.jpg", picture), ("./a/0001.txt", "一只船".encode()),
        ("./a/0001.json", json.dumps({"caption": "not this", "url": "https://example.org/1"}).encode()),
        ("0002.png", picture), ("0002.json", b'{"caption": "from json", "license": "CC0-1.0"}'),
        ("0003.png", picture), ("0003.cls", b"7"),
        kind=tarfile.PAX_FORMAT,
    )  # fmt: skip
    (tmp_path / "loose.png").write_bytes(picture)
    found, skipped = read(tmp_path)
    assert [(one.name, one.caption, one.split) for one in found] == [
        ("train-0000/a/0001.jpg", "一只船", "train"),
        ("train-0000/0002.png", "from json", "train"),
        ("train-0000/0003.png", "", "train"),
    ]
    assert found[0].provenance.source_url == "https://example.org/1"
    assert found[1].provenance.license == "CC0-1.0"
    assert all(content(one) == picture for one in found)
    assert "*.tar" in skipped["loose.png"]


@pytest.mark.parametrize("member", ["backup/0.png", "notes.md"])
def test_an_archive_beside_captioned_pictures_is_told_of_and_they_are_read(tmp_path, member):
    (tmp_path / "0.png").write_bytes(png(1))
    (tmp_path / "0.txt").write_text("a boat")
    tar(tmp_path / "old.tar", (member, png(1)))
    found, skipped = read(tmp_path)
    assert [(one.name, one.caption) for one in found] == [("0.png", "a boat")]
    assert list(skipped) == ["old.tar"]


@pytest.mark.parametrize("members", [(("notes.md", b"words"),), ()])
def test_an_archive_without_pictures_is_no_shard_beside_pictures(tmp_path, members):
    (tmp_path / "0.png").write_bytes(png(1))
    tar(tmp_path / "old.tar", *members)
    found, skipped = read(tmp_path)
    assert [one.name for one in found] == ["0.png"]
    assert list(skipped) == ["old.tar"]


def test_members_that_are_no_plain_pictures_are_told(tmp_path):
    link, away, device = (tarfile.TarInfo(name) for name in ("l.png", "../up.png", "d.png"))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type = tarfile.CHRTYPE
    picture = png(1)
    file = tar(
        tmp_path / "x.tar",
        (link, b""), (away, picture), (device, b""), ("/etc/abs.png", picture),
        ("two.png", picture), ("two.jpg", picture), ("photo.v2.png", picture), ("lonely.txt", b"words"),
        ("bad.png", picture), ("bad.json", b"[" * 5000), ("latin.png", picture), ("latin.txt", b"caf\xe9"),
    )  # fmt: skip
    found, skipped = read(file)
    assert [one.name for one in found] == ["x/two.png"]
    told = {"l.png": "not a file", "../up.png": "leads out", "d.png": "not a file", "/etc/abs.png": "leads out", "two.jpg": "a picture already",
            "photo.v2.png": "several dots", "lonely": "no picture", "bad.png": ".json", "latin.png": "UTF-8"}  # fmt: skip
    assert {name.removeprefix("x/") for name in skipped} == set(told)
    for name, words in told.items():
        assert words in skipped[f"x/{name}"]


def test_a_shard_that_was_cut_short_gives_what_is_whole(tmp_path):
    picture = png(1, 300, 300)
    file = tar(tmp_path / "x.tar", ("1.png", picture), ("2.png", picture))
    file.write_bytes(file.read_bytes()[: len(picture) + 4000])
    found, skipped = read(file)
    assert [one.name for one in found] == ["x/1.png"]
    assert "ends before" in skipped["x/2.png"]
    file.write_bytes(b"no archive at all" * 100)
    found, skipped = read(file)
    assert found == []
    assert "damaged" in skipped["x.tar"]


def test_a_shard_whose_middle_is_damaged_says_so(tmp_path):
    file = tar(tmp_path / "x.tar", *((f"{n}.png", png(n)) for n in range(4)))
    with tarfile.open(file) as archive:
        third = archive.getmember("2.png").offset
    whole = file.read_bytes()
    for wrong in (b"changed", bytes(512)):
        file.write_bytes(whole[:third] + wrong + whole[third + len(wrong) :])
        found, skipped = read(file)
        assert [one.name for one in found] == ["x/0.png", "x/1.png"]
        assert skipped == {"x.tar": "the archive is damaged from here on"}


def test_a_shard_without_its_end_may_have_been_cut_short(tmp_path):
    file = tar(tmp_path / "x.tar", *((f"{n}.png", png(n)) for n in range(4)))
    with tarfile.open(file) as archive:
        third = archive.getmember("2.png").offset
    whole = file.read_bytes()
    for end, words in ((third, "no end mark"), (third + 200, "damaged"), (third + 512, "damaged")):
        file.write_bytes(whole[:end])
        found, skipped = read(file)
        assert [one.name for one in found] == ["x/0.png", "x/1.png"]
        assert words in skipped["x.tar"]
    file.write_bytes(whole.rstrip(b"\0") + bytes(20_000))
    found, skipped = read(file)
    assert (len(found), skipped) == (4, {})


def test_a_shard_that_is_locked_is_not_called_damaged(tmp_path, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "Permission denied")

    file = tar(tmp_path / "x.tar", ("0.png", png(0)))
    monkeypatch.setattr(tarfile, "open", locked)
    assert read(file) == ([], {"x.tar": "the archive can't be read (permission denied)"})


def test_large_members_are_left_alone(tmp_path):
    huge = tarfile.TarInfo("huge.png")
    huge.size = MOST_PICTURE_BYTES + 1
    with (tmp_path / "x.tar").open("wb") as stream:
        stream.write(huge.tobuf(tarfile.USTAR_FORMAT))
        stream.truncate(512 * 2 + huge.size + 1024)
    found, skipped = read(tmp_path / "x.tar")
    assert (found, list(skipped)) == ([], ["x/huge.png"])
    assert "64 MB" in skipped["x/huge.png"]


def test_shards_hold_so_many_pictures_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "MOST_PICTURES", 3)
    with a_set(tmp_path / "set") as catalogue:
        written(catalogue, tmp_path / "out", "webdataset", picture_format="jpeg")
    names = sorted(str(file.relative_to(tmp_path / "out")) for file in tmp_path.rglob("out/**/*.tar"))
    assert names == ["train/00000.tar", "train/00001.tar", "validation/00000.tar"]
    with tarfile.open(tmp_path / "out" / "train" / "00001.tar") as archive:
        members = archive.getmembers()
    assert [member.name for member in members][:4] == [
        "00000003.jpg",
        "00000003.txt",
        "00000003.json",
        "00000004.jpg",
    ]
    assert {(member.mtime, member.uid, member.pax_headers == {}) for member in members} == {(0, 0, True)}
    header = (tmp_path / "out" / "train" / "00000.tar").read_bytes()[257:265]
    assert header == b"ustar\x0000"


def test_shards_hold_so_many_bytes_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "MOST_SHARD_BYTES", 40_000)
    with a_set(tmp_path / "set", validation=0) as catalogue:
        written(catalogue, tmp_path / "out", "webdataset")
    sizes = [file.stat().st_size for file in sorted((tmp_path / "out" / "train").glob("*.tar"))]
    assert len(sizes) > 1
    assert max(sizes) < 60_000
    assert len(read(tmp_path / "out")[0]) == 8


def test_parquet_says_what_it_needs(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(tables, "import_module", missing)
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    assert recognise(tmp_path) is formats()["parquet"]
    with pytest.raises(PackageNeeded, match="pip install pyarrow"):
        read(tmp_path)
    with a_set(tmp_path / "set") as catalogue, pytest.raises(PackageNeeded):
        written(catalogue, tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


def test_parquet_is_named_and_described_as_the_hub_wants(tmp_path, monkeypatch):
    pyarrow_parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "MOST_SHARD_BYTES", 20_000)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 1)
    with a_set(tmp_path / "set") as catalogue:
        written(catalogue, tmp_path / "out", "parquet")
    names = sorted(file.name for file in (tmp_path / "out" / "data").iterdir())
    count = len([name for name in names if name.startswith("train")])
    assert count > 1
    assert names[0] == f"train-00000-of-{count:05d}.parquet"
    schema = pyarrow_parquet.read_schema(tmp_path / "out" / "data" / names[0])
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features)[:2] == ["image", "text"]


def test_parquet_of_strangers(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    rows = [
        {"img": {"bytes": png(1), "path": "../../x.png"}, "caption": ["first", "second"]},
        {"img": {"bytes": None, "path": "/etc/passwd"}, "caption": []},
        {"img": None, "caption": None},
    ]
    pq.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test-0.parquet")
    pq.write_table(pyarrow.table({"words": ["no pictures"]}), tmp_path / "words.parquet")
    found, skipped = read(tmp_path)
    assert [(one.caption, one.split, one.name) for one in found] == [
        ("first", "validation", "test-0/000000-x.png")
    ]
    assert content(found[0]) == png(1)
    assert set(skipped) == {"test-0/000001-passwd", "test-0/000002", "words.parquet"}
    (tmp_path / "test-0.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(TableBroken, match="test-0"):
        read(tmp_path)
