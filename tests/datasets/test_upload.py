"""Dropped pictures become a folder; hostile archives become nothing."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from studio.datasets import upload
from studio.datasets.errors import UploadRefused
from studio.datasets.folder import read_folder
from studio.datasets.upload import caption_rest, store_pictures


def png(width: int = 80) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 80), "plum").save(stream, "PNG")
    return stream.getvalue()


def dropped(folder: Path, **files: bytes) -> list[Path]:
    """Files as gradio hands them over: each in a folder of its own."""
    paths = []
    for place, (name, content) in enumerate(files.items()):
        path = folder / str(place) / name.replace("__", ".")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        paths.append(path)
    return paths


def archive(file: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file


def captions(folder: Path) -> dict[str, str]:
    return {item.file.name: item.caption for item in read_folder(folder).items}


def test_pictures_with_text_files_and_one_caption_for_the_rest(tmp_path):
    files = dropped(tmp_path / "in", a__png=png(), b__png=png(), a__txt="一只船, a boat".encode())
    assert store_pictures(files, " a toy ", tmp_path / "set") == 2
    assert captions(tmp_path / "set") == {"a.png": "一只船, a boat", "b.png": "a toy"}


def test_the_shared_caption_can_change_and_the_others_stay(tmp_path):
    files = dropped(tmp_path / "in", a__png=png(), b__png=png(), a__txt=b"own")
    store_pictures(files, "", tmp_path / "set")
    caption_rest(tmp_path / "set", "later")
    caption_rest(tmp_path / "set", "later still")
    assert captions(tmp_path / "set") == {"a.png": "own", "b.png": "later still"}


def test_an_archive_keeps_its_captions_and_names_meet_without_loss(tmp_path):
    table = "file_name,text\nx.png,from the table\n".encode("utf-8-sig")
    lines = json.dumps({"file_name": "x.png", "text": "from the lines"}).encode()
    packed = archive(
        tmp_path / "p.zip",
        **{"one/x.png": png(), "one/metadata.csv": table, "two/x.png": png(90), "two/metadata.jsonl": lines,
           "three/猫.png": png(), "three/猫.txt": "猫".encode(), "__MACOSX/x.png": b"junk", ".git/x.png": b"junk",
           "notes.exe": b"junk"},
    )  # fmt: skip
    assert store_pictures([packed], "rest", tmp_path / "set") == 3
    assert captions(tmp_path / "set") == {
        "x.png": "from the table",
        "x-2.png": "from the lines",
        "猫.png": "猫",
    }
    assert not read_folder(tmp_path / "set").problems


def test_paths_in_an_archive_lead_nowhere(tmp_path):
    packed = archive(tmp_path / "p.zip", **{"../../evil.png": png(), "/etc/evil.png": png()})
    store_pictures([packed], "", tmp_path / "deep" / "set")
    assert {file.name for file in tmp_path.rglob("*evil*")} == {"evil.png"}
    assert all(file.parent == tmp_path / "deep" / "set" / "train" for file in tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("MOST_FILES", 1, "more than 1 files"),
        ("MOST_BYTES", 300, "too large"),
        ("MOST_FILE_BYTES", 100, "too large"),
    ],
)
def test_too_much_is_refused_and_leaves_nothing(tmp_path, monkeypatch, limit, value, said):
    monkeypatch.setattr(upload, limit, value)
    packed = archive(tmp_path / "p.zip", **{"a.png": png(), "b.png": png()})
    with pytest.raises(UploadRefused, match=said):
        store_pictures([packed], "", tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(("name", "content"), [("a__zip", b"no archive"), ("a__txt", b"only words")])
def test_what_holds_no_pictures_is_refused(tmp_path, name, content):
    with pytest.raises(UploadRefused, match="not taken"):
        store_pictures(dropped(tmp_path / "in", **{name: content}), "", tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_torn_archive_is_refused_and_leaves_nothing(tmp_path):
    packed = archive(tmp_path / "p.zip", **{"a.png": png()})
    content = bytearray(packed.read_bytes())
    content[40:60] = bytes(20)
    packed.write_bytes(content)
    with pytest.raises(UploadRefused, match="unpacked"):
        store_pictures([packed], "", tmp_path / "set")
    assert not (tmp_path / "set").exists()
