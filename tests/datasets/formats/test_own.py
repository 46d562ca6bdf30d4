"""A set's own folder as something to read from: words and edits come along, nothing in it changes."""

import io

import numpy as np
import pytest
from PIL import Image

from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.errors import CatalogueBroken
from studio.datasets.export import prepare
from studio.datasets.formats import recognise
from studio.datasets.found import Skipped
from tests.datasets.formats.made import CAPTIONS, PROVENANCE, a_set, new, pixels


def marks(folder):
    return {
        str(file): (file.stat().st_mtime_ns, file.stat().st_size)
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_captions_splits_and_provenance_come_along_and_nothing_changes(tmp_path):
    with a_set(tmp_path / "set") as catalogue:
        catalogue.add(
            [
                new(
                    tmp_path / "set",
                    90,
                    caption="a gull",
                    tags=("gull",),
                    split="validation",
                    provenance=PROVENANCE,
                )
            ]
        )
        list(prepare(catalogue))  # its training folders are there too, and are not read instead
        catalogue.delete([1])
        before = marks(tmp_path / "set")  # it is still open: what was written last is not in its file yet
        found = list(recognise(tmp_path / "set").read(tmp_path / "set"))
        assert marks(tmp_path / "set") == before
    assert [one.caption for one in found] == [*CAPTIONS[1:], "a gull"]
    last = found[-1]
    assert (last.tags, last.split, last.provenance) == (("gull",), "validation", PROVENANCE)
    with last.open() as stream:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(stream.read()))), pixels(90))


def test_turned_and_cut_pictures_come_as_they_are_seen(tmp_path):
    with a_set(tmp_path / "set", ["a boat"], validation=0) as catalogue:
        catalogue.edit_many({1: {"turn": 1, "crop": (0.0, 0.0, 0.5, 1.0)}}, "edit")
    (found,) = recognise(tmp_path / "set").read(tmp_path / "set")
    with found.open() as stream:
        shown = np.asarray(Image.open(io.BytesIO(stream.read())))
    turned = np.rot90(pixels(0), -1)
    assert np.array_equal(shown, turned[:, : turned.shape[1] // 2])


def test_a_catalogue_that_points_outside_reads_nothing_there(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"x")
    with Catalogue.create(tmp_path / "set", a_set(tmp_path / "other", ["a"], validation=0).need) as catalogue:
        catalogue.add([new(tmp_path / "set", 1)])
        catalogue._sql.execute("UPDATE pictures SET file = '../secret.png'")
    (one,) = recognise(tmp_path / "set").read(tmp_path / "set")
    assert isinstance(one, Skipped)


def test_a_file_that_is_no_catalogue_is_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"SQLite format 3\0" + b"x" * 500)
    with pytest.raises(CatalogueBroken):
        list(recognise(tmp_path).read(tmp_path))
