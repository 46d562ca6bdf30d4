"""Every layout that can be written gives back what went in; every layout that is there is recognised."""

import csv
import dataclasses
import hashlib
import io

import numpy as np
import pytest

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Provenance
from studio.datasets.errors import FormatUnknown, LayoutUnknown
from studio.datasets.formats import formats, recognise, writable
from studio.datasets.formats.placing import tables
from tests.datasets.formats.made import (
    CAPTIONS,
    PROVENANCE,
    a_set,
    content,
    decoded,
    new,
    pixels,
    read,
    written,
)

WRITABLE = [name for name, layout in formats().items() if layout.write is not None]
WITH_FACTS = {"imagefolder", "diffsynth", "webdataset", "parquet"}
"""Layouts that carry provenance and tags."""


def need_packages(layout: str) -> None:
    if layout == "parquet":
        pytest.importorskip("pyarrow")


@pytest.mark.parametrize("layout", WRITABLE)
def test_what_is_written_is_read_again(tmp_path, layout):
    need_packages(layout)
    with a_set(tmp_path / "set", need=Need(trigger_word="inkboat")) as catalogue:
        written(catalogue, tmp_path / "out", layout)
        entries = list(catalogue.entries())
    assert recognise(tmp_path / "out") is formats()[layout]
    found, skipped = read(tmp_path / "out")
    assert skipped == {}
    assert len(found) == len(CAPTIONS)
    by_pixels = {decoded(one).tobytes(): one for one in found}
    for number, entry in enumerate(entries):
        one = by_pixels[pixels(number).tobytes()]
        assert one.caption == entry.caption
        assert one.split == entry.split
        if layout in WITH_FACTS:
            assert one.provenance == PROVENANCE
            assert (one.tags, one.repeats, one.caption_source) == (entry.tags, entry.repeats, "human")


@pytest.mark.parametrize("layout", WRITABLE)
def test_no_folder_for_validation_without_such_pictures(tmp_path, layout):
    need_packages(layout)
    with a_set(tmp_path / "set", validation=0) as catalogue:
        written(catalogue, tmp_path / "out", layout)
    assert not [file for file in (tmp_path / "out").rglob("*") if "validation" in file.name]
    assert {one.split for one in read(tmp_path / "out")[0]} == {"train"}


@pytest.mark.parametrize("layout", sorted(WITH_FACTS))
def test_a_varied_copy_finds_its_parent_again(tmp_path, layout):
    need_packages(layout)
    with a_set(tmp_path / "set", CAPTIONS[:2], validation=0) as catalogue:
        parent, child = catalogue.entries()
        with_parent = dataclasses.replace(child, provenance=Provenance(parent=parent.sha256))
        catalogue.delete([child.id])
        catalogue.add([_as_new(with_parent)])
        written(catalogue, tmp_path / "out", layout, picture_format="jpeg")
    found, _ = read(tmp_path / "out")
    hashes = [hashlib.sha256(content(one)).hexdigest() for one in found]
    assert found[1].provenance.parent == hashes[0] != parent.sha256


def _as_new(entry):
    from studio.datasets.entry import New

    return New(**{field.name: getattr(entry, field.name) for field in dataclasses.fields(New)})


def test_what_holds_no_picture_is_no_layout(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(LayoutUnknown, match="imagefolder"):
        recognise(tmp_path)
    with pytest.raises(LayoutUnknown):
        recognise(tmp_path / "nowhere")


def test_only_known_layouts_are_written():
    for name in ("bare", "zip"):
        with pytest.raises(FormatUnknown, match="kohya"):
            writable(name)


def test_captions_stand_quoted_in_the_table(tmp_path):
    """Byte for byte what the seed's script and pandas want: UTF-8 without mark, every cell quoted."""
    with a_set(tmp_path / "set") as catalogue:
        written(catalogue, tmp_path / "out", "imagefolder")
    raw = (tmp_path / "out" / "train" / "metadata.csv").read_bytes()
    assert raw.startswith(b'"file_name","text","caption_source","source",')
    assert '"一只红色的小船，停在「港口」里"'.encode() in raw
    assert b'"a ""quoted"" boat; semi, comma"' in raw
    assert b'"two lines\nof words"' in raw
    assert b'"NA"' in raw
    assert b"\r" not in raw
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert [row["text"] for row in rows] == list(CAPTIONS[:6])


STRANGE = Provenance(
    source_id="436535", series="007", author="NA", attribution="1e5", recipe="null", license="CC0-1.0"
)


@pytest.mark.parametrize("provenance", [Provenance(), STRANGE, PROVENANCE])
def test_cells_are_words_to_every_reader_and_come_back_as_they_were(tmp_path, provenance):
    """An empty column, or one of numbers, would be another kind of column on this side of the split than on the other."""
    with Catalogue.create(tmp_path / "set", Need()) as catalogue:
        catalogue.add([new(tmp_path / "set", 1, caption="a boat", provenance=provenance)])
        written(catalogue, tmp_path / "out", "imagefolder")
    (found,), _ = read(tmp_path / "out")
    assert found.provenance == provenance
    assert (found.tags, found.caption_source) == ((), "")
    raw = (tmp_path / "out" / "train" / "metadata.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(raw, newline=""))
    for name in set(row) - {"repeats", "ai_generated"}:
        assert row[name].strip()
        assert row[name].lower() not in ("na", "null", "none", "nan")
        with pytest.raises(ValueError, match="could not convert"):
            float(row[name])


def test_pandas_gets_the_words_as_text(tmp_path):
    """The column as a whole is text as soon as one caption is; NA alone is beyond any quoting."""
    pandas = pytest.importorskip("pandas")
    with a_set(tmp_path / "set", [c for c in CAPTIONS if c != "NA"], validation=0) as catalogue:
        written(catalogue, tmp_path / "out", "imagefolder")
    table = pandas.read_csv(tmp_path / "out" / "train" / "metadata.csv")
    assert list(table["text"]) == [c for c in CAPTIONS if c != "NA"]
    assert list(table.columns[:2]) == ["file_name", "text"]


def test_tables_are_complete_when_their_block_ends(tmp_path):
    with tables(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_pixels_are_equal_not_only_alike(tmp_path):
    with a_set(tmp_path / "set", CAPTIONS[:1], validation=0) as catalogue:
        written(catalogue, tmp_path / "out", "imagefolder", picture_format="webp")
    (found,), _ = read(tmp_path / "out")
    assert np.array_equal(decoded(found), pixels(0))
