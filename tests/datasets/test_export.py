"""Exports: whole or not at all, in a stable order, and the prepared folder that training here reads."""

import errno
import gc
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from studio.dataset_requests import ExportRequest, ImportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Provenance
from studio.datasets.errors import (
    FormatUnknown,
    NothingToExport,
    OutNeeded,
    OutNotWritable,
    OutTaken,
    SetMissing,
)
from studio.datasets.export import export, name_in_export, prepare
from studio.datasets.folder import marks, read_folder
from studio.datasets.formats import imagefolder, placing
from studio.datasets.imports import begin, keep
from studio.errors import DiskFull
from tests.datasets.formats.made import CAPTIONS, PROVENANCE, a_set, new, png, written

PLAIN = ("a boat", "a house", "a tree", "a hill")


def said(steps) -> list[str]:
    return [step.doing.say("en") for step in steps if step.doing is not None]


def test_steps_count_the_pictures_and_the_last_says_where(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        steps = written(catalogue, tmp_path / "out", "imagefolder")
    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4), (4, 4)]
    assert said(steps) == [f"4 pictures are written to {tmp_path / 'out'}; 0 left out"]
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "train",
        "validation",
        "README.md",
        "ATTRIBUTION.md",
    }


def test_the_same_set_gives_the_same_bytes(tmp_path):
    with a_set(tmp_path / "set") as catalogue:
        for name in ("a", "b"):
            written(catalogue, tmp_path / name / "out", "webdataset")
    files = [
        {str(f.relative_to(tmp_path / n)): f.read_bytes() for f in (tmp_path / n).rglob("*") if f.is_file()}
        for n in "ab"
    ]
    assert files[0] == files[1]


def test_what_can_not_be_decoded_is_left_out_and_told(tmp_path):
    with a_set(tmp_path / "set", PLAIN, validation=0) as catalogue:
        first, second, third, _ = catalogue.entries()
        first.path(catalogue.root).write_bytes(png(0)[:2000])
        second.path(catalogue.root).unlink()
        catalogue.delete([third.id])
        steps = written(catalogue, tmp_path / "out", "imagefolder")
    assert said(steps)[:2] == [
        "照片 0.png is left out: the file was cut short; copy it again",
        "照片 1.png is left out: its file is gone",
    ]
    assert "1 pictures are written" in said(steps)[2]
    assert "2 left out" in said(steps)[2]
    assert "can't be read · 因无法读取而略去: 2" in (tmp_path / "out" / "README.md").read_text(
        encoding="utf-8"
    )


def test_what_an_unfinished_import_still_owes_is_told(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        keep(catalogue, replace(begin(catalogue, ImportRequest(where="/boats.zip")), taken=4))
        for steps in (written(catalogue, tmp_path / "out", "imagefolder"), list(prepare(catalogue))):
            (told,) = [step for step in steps if step.stays]
            assert "import of folder /boats.zip is not finished" in told.doing.say("en")
            assert told is steps[0]


def test_turn_crop_and_size_are_baked(tmp_path):
    with a_set(tmp_path / "set", PLAIN[:1], validation=0) as catalogue:
        (entry,) = catalogue.entries()
        catalogue.edit(entry.id, entry.version, turn=1, crop=(0.0, 0.0, 1.0, 0.5))
        written(catalogue, tmp_path / "out", "imagefolder", longest_side=32, picture_format="jpeg")
    (file,) = (tmp_path / "out" / "train").glob("*.jpg")
    with Image.open(file) as picture:
        assert picture.size == (32, 17)


def test_a_folder_that_holds_something_is_not_touched(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        for taken in (out, tmp_path / "file", tmp_path / "link"):
            with pytest.raises(OutTaken, match=taken.name):
                written(catalogue, taken, "imagefolder")
        with pytest.raises(OutNeeded):
            list(export(catalogue, ExportRequest(out=" ")))
        with pytest.raises(FormatUnknown, match="zip"):
            written(catalogue, tmp_path / "new", "zip")
    assert [file.name for file in out.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        written(catalogue, tmp_path / "out", "kohya")
    assert (tmp_path / "out" / "dataset.toml").is_file()


def test_the_finished_folder_is_moved_not_copied(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        running = export(catalogue, ExportRequest(out=str(tmp_path / "out")))
        next(running)
        (hidden,) = tmp_path.glob(".out-*")
        folder = hidden.stat().st_ino
        list(running)
    assert (tmp_path / "out").stat().st_ino == folder


@pytest.mark.parametrize("layout", ["imagefolder", "webdataset"])
def test_nothing_is_seen_before_the_end_nor_left_after_a_stop(tmp_path, layout):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        running = export(catalogue, ExportRequest(format=layout, out=str(tmp_path / "deep" / "er" / "out")))
        next(running)
        next(running)
        assert not (tmp_path / "deep" / "er" / "out").exists()
        assert all(file.name.startswith(".") for file in (tmp_path / "deep" / "er").iterdir())
        running.close()
    assert not (tmp_path / "deep").exists()


def test_a_full_disk_in_the_middle_leaves_nothing_and_says_so(tmp_path, monkeypatch):
    real, count = placing.put, 0

    def full(folder: Path, name: str, content: bytes) -> Path:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(folder, name, content)

    monkeypatch.setattr(imagefolder, "put", full)
    with a_set(tmp_path / "set", PLAIN) as catalogue, pytest.raises(DiskFull, match="is full"):
        written(catalogue, tmp_path / "new" / "out", "imagefolder")
    assert {file.name for file in tmp_path.iterdir()} == {"set"}


LIMITED = """
import resource, sys
from pathlib import Path
from studio.dataset_requests import ExportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.export import export
from studio.errors import StudioError
catalogue = Catalogue.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    list(export(catalogue, ExportRequest(format=sys.argv[3], out=sys.argv[2])))
except StudioError as error:
    print(type(error).__name__, error)
"""


def test_a_limit_of_the_system_in_the_middle_leaves_nothing(tmp_path):
    """A real failing write: the process may write files of 20 kB at most, and a shard grows past that."""
    a_set(tmp_path / "set", PLAIN).close()
    words = [sys.executable, "-W", "error", "-c", LIMITED, tmp_path / "set", tmp_path / "out", "webdataset"]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert answer.stdout.startswith("OutNotWritable"), answer.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"set"}


def test_a_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with a_set(tmp_path / "set", PLAIN) as catalogue, pytest.raises(OutNotWritable) as raised:
        written(catalogue, tmp_path / "file" / "out", "imagefolder")
    assert raised.value.field == "out"
    assert "--output" not in raised.value.say("en")


def test_a_folder_that_somebody_fills_meanwhile_is_left_to_them(tmp_path):
    out = tmp_path / "out"
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        running = export(catalogue, ExportRequest(out=str(out)))
        next(running)
        list(export(catalogue, ExportRequest(out=str(out))))
        before = sorted(out.rglob("*"))
        with pytest.raises(OutTaken, match="out is not empty"):
            list(running)
    assert sorted(out.rglob("*")) == before
    assert not list(tmp_path.glob(".out-*"))


def test_a_set_without_pictures_is_not_written(tmp_path):
    with Catalogue.create(tmp_path / "set", Need()) as catalogue:
        with pytest.raises(NothingToExport):
            written(catalogue, tmp_path / "out", "imagefolder")
        with pytest.raises(NothingToExport):
            list(prepare(catalogue))
    assert {file.name for file in tmp_path.iterdir()} == {"set"}


def test_names_are_plain_and_no_two_are_the_same(tmp_path):
    names = [
        "../../etc/passwd",
        "CON.png",
        "a:b*?.png",
        ".hidden",
        "  .png",
        "照片 é.png",
        "x" * 300,
        "a\u202eb.png",
        "a-0123456789ab.png",
    ]
    with Catalogue.create(tmp_path / "set", Need()) as catalogue:
        catalogue.add(new(tmp_path / "set", n, name=name, caption="x") for n, name in enumerate(names))
        same = new(tmp_path / "set", 1, name="CON.png", caption="again")
        catalogue.add([same, replace(same, name="con.png")])
        written(catalogue, tmp_path / "out", "imagefolder")
    files = [file.name for file in (tmp_path / "out" / "train").glob("*.png")]
    assert len({name.casefold() for name in files}) == len(names) + 2
    for name in files:
        assert len(name.encode()) < 200
        assert name.replace("-", "").replace(".", "").replace("_", "").isalnum()
    assert any(name.startswith("照片_é-") for name in files)


def test_a_name_does_not_grow_from_export_to_export(tmp_path):
    with a_set(tmp_path / "set", PLAIN[:1], validation=0) as catalogue:
        (entry,) = catalogue.entries()
    once = name_in_export(entry, ExportRequest())
    again = name_in_export(replace(entry, name=f"train/{once}"), ExportRequest())
    assert once == again


# the folder that training reads


def test_the_prepared_folder_is_all_that_training_reads(tmp_path):
    with a_set(tmp_path / "set") as catalogue:
        steps = list(prepare(catalogue))
        entries = list(catalogue.entries())
    folder = read_folder(tmp_path / "set")
    assert folder.problems == ()
    assert [item.caption for item in folder.train] == [" ".join(c.split()) for c in CAPTIONS[:6]]
    assert [item.caption for item in folder.validation] == list(CAPTIONS[6:])
    assert len(folder.items) == len(entries)
    assert steps[-1].done == 8
    assert not [file for file in (tmp_path / "set").iterdir() if file.name.endswith(".part")]


def test_unchanged_pictures_are_taken_over_and_changed_ones_baked(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
        before = read_folder(tmp_path / "set")
        first, second, third, _ = catalogue.entries()
        nodes = {item.file.name: item.file.stat().st_ino for item in before.items}
        catalogue.edit(first.id, first.version, caption="a green boat")
        catalogue.edit(second.id, second.version, turn=1)
        catalogue.edit(third.id, third.version, split="train")
        list(prepare(catalogue))
    after = read_folder(tmp_path / "set")
    assert after.problems == ()
    assert [item.caption for item in after.train] == ["a green boat", "a house", "a tree"]
    kept = [item for item in after.items if nodes.get(item.file.name) == item.file.stat().st_ino]
    assert len(kept) == 3
    assert (after.train[1].width, after.train[1].height) == (66, 72)
    same = before.validation[-1], after.validation[-1]
    assert marks([same[0]]) == marks([same[1]])  # a training knows it again


def test_a_prepared_file_that_somebody_changed_is_baked_again(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
        item = read_folder(tmp_path / "set").train[0]
        good = item.file.read_bytes()
        item.file.write_bytes(png(99))
        (tmp_path / "set" / "train" / "stray.png").write_bytes(png(98))
        list(prepare(catalogue))
        assert item.file.read_bytes() == good
        for nonsense in ("no json", "[1]", '{"x": 1}', "[" * 100_000):
            (tmp_path / "set" / ".prepared.json").write_text(nonsense)
            list(prepare(catalogue))
    assert read_folder(tmp_path / "set").problems == ()


def test_a_side_that_is_empty_now_goes_away(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
        catalogue.edit_many({id: {"split": "train"} for id in catalogue.ids()}, "split")
        list(prepare(catalogue))
    assert not (tmp_path / "set" / "validation").exists()
    assert len(read_folder(tmp_path / "set").train) == 4


def test_a_stopped_or_failed_preparation_leaves_what_was_there(tmp_path, monkeypatch):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
        before = marks(read_folder(tmp_path / "set").items)
        running = prepare(catalogue, ExportRequest(picture_format="jpeg"))
        next(running)
        running.close()
        assert marks(read_folder(tmp_path / "set").items) == before

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr("studio.datasets.export.put", full)
        with pytest.raises(DiskFull):
            list(prepare(catalogue, ExportRequest(picture_format="jpeg")))
    assert marks(read_folder(tmp_path / "set").items) == before
    assert not [file for file in (tmp_path / "set").iterdir() if file.name.endswith(".part")]


def test_pictures_too_small_to_learn_from_are_told(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        catalogue.add([new(tmp_path / "set", 50, png(50, 40, 400), caption="thin")])
        steps = list(prepare(catalogue))
    assert "40 x 400" in said(steps)[0]
    assert read_folder(tmp_path / "set").problems == ()


def test_a_folder_that_is_only_looked_at_is_not_written_into(tmp_path):
    with Catalogue.over(tmp_path, Need()) as catalogue, pytest.raises(SetMissing):
        list(prepare(catalogue))
    assert list(tmp_path.iterdir()) == []


def test_provenance_survives_preparation(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
        list(prepare(catalogue))
    (found, *_) = imagefolder.FORMAT.read(tmp_path / "set")
    assert found.provenance == PROVENANCE
    assert found.provenance != Provenance()


# what others make of it


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # its own
@pytest.mark.parametrize("layout", ["imagefolder", "webdataset", "parquet"])
@pytest.mark.parametrize(
    "aside", [Provenance(), Provenance(source_id="436535", license="CC0-1.0"), PROVENANCE]
)
def test_hugging_face_datasets_opens_it_with_the_right_splits(tmp_path, layout, aside):
    """Whatever is known of one side and not of the other."""
    datasets = pytest.importorskip("datasets")
    with a_set(tmp_path / "set", [c for c in CAPTIONS if c != "NA"], validation=0) as catalogue:
        catalogue.add([new(tmp_path / "set", 77, caption="kept aside", split="validation", provenance=aside)])
        written(catalogue, tmp_path / "out", layout)
        expected = {
            side: {e.caption for e in catalogue.entries() if e.split == side}
            for side in ("train", "validation")
        }
    opened = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    words, picture = ("txt", "png") if layout == "webdataset" else ("text", "image")
    assert {side: set(opened[side][words]) for side in opened} == expected
    assert opened["train"][0][picture].size == (72, 66)
    gc.collect()  # here, where the files that it leaves open are its own affair


def test_the_index_is_small_and_plain(tmp_path):
    with a_set(tmp_path / "set", PLAIN) as catalogue:
        list(prepare(catalogue))
    held = json.loads((tmp_path / "set" / ".prepared.json").read_text())
    assert len(held) == 4
    assert all(len(mark) == 3 for mark in held.values())
