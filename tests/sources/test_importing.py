"""The register of sources, imports that go on, and the sources that need no network."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from studio.dataset_requests import ImportRequest
from studio.datasets.errors import (
    FolderMissing,
    LayoutUnknown,
    PathRefused,
    SourceRefused,
    UploadRefused,
)
from studio.datasets.imports import imports, unfinished
from studio.engine.events import Finished, Picture
from studio.engine.events import Step as DrawStep
from studio.errors import UnknownChoice
from studio.requests import GenerateRequest
from studio.sources.importing import import_from, sources, sources_for
from studio.sources.source import Place, Source
from studio.storybook.paint import scene_of
from studio.storybook.painter import paint
from tests.datasets.formats.made import a_set
from tests.house import settings_for
from tests.sources.site import House, png

EVERY = pytest.mark.parametrize("name", sources())


def zipped(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


@EVERY
def test_every_source_says_what_it_is_and_reads_fields_that_exist(name):
    source = sources()[name]
    assert isinstance(source, Source)
    assert source.title.zh
    assert source.help.zh
    assert source.help.en.endswith(".")
    assert set(source.fields) <= set(ImportRequest.settings())


def test_orders_are_all_different():
    assert len({source.order for source in sources().values()}) == len(sources())


def test_a_public_page_names_no_paths(tmp_path):
    settings = settings_for(tmp_path, tmp_path, public=True)
    assert "folder" not in sources_for(settings)
    house = House(tmp_path)
    place = Place(settings, tmp_path / "work")
    with pytest.raises(PathRefused):
        list(import_from(house.catalogue, ImportRequest(source="folder", where=str(tmp_path)), place))


def test_an_unknown_source_is_refused_with_those_that_exist(house):
    with pytest.raises(UnknownChoice, match="openverse"):
        house.bring("unsplash")


def test_a_closed_import_is_unfinished_and_goes_on(house):
    request = ImportRequest(source="synthetic", count=12)
    running = import_from(house.catalogue, request, house.place())
    taken = 0
    while taken < 5:
        taken += type(next(running)).__name__ == "Taken"
    running.close()
    (record,) = unfinished(house.catalogue)
    there = house.catalogue.count()
    assert (record.request, record.taken, record.problem.en) == (request, there, "it was stopped")
    assert 5 <= there < 12
    house.check_whole()
    assert len(house.bring("synthetic", count=12).taken) == 12 - there
    assert unfinished(house.catalogue) == []
    (record,) = imports(house.catalogue)
    assert (record.taken, record.is_finished, record.problem) == (12, True, None)


def test_the_same_import_does_not_run_twice_at_once(house):
    request = ImportRequest(source="synthetic", count=3)
    running = import_from(house.catalogue, request, house.place())
    next(running)
    with pytest.raises(SourceRefused, match="under way"):
        house.bring("synthetic", count=3)
    running.close()
    assert len(house.bring("synthetic", count=3).taken) == 3


def test_painted_scenes_can_be_painted_again_from_their_recipe(house):
    house.bring("synthetic", query="小船", count=3, seed=7, style="ink-wash", caption_language="zh")
    for number, entry in enumerate(house.catalogue.entries()):
        recipe = json.loads(entry.provenance.recipe)
        assert (recipe["style"], recipe["seed"], recipe["number"]) == ("ink-wash", 7, number)
        again = paint(scene_of(7, number, "boat"), "ink-wash")
        with Image.open(entry.path(house.catalogue.root)) as picture:
            assert picture.tobytes() == again.tobytes()
        assert "小船" in entry.caption
        assert (entry.provenance.license, entry.caption_source) == ("CC0-1.0", "scene")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"query": "unicorn"}, "can't be painted"),
        ({"style": "oil"}, "no style 'oil'"),
        ({"count": 0}, "how many"),
    ],
)
def test_scenes_that_cannot_be_painted_are_refused(house, asked, said):
    with pytest.raises(SourceRefused, match=said):
        house.bring("synthetic", **asked)


class Easel:
    """A studio whose engine paints the seed; everything else about it is the chain's."""

    class shelf:
        @staticmethod
        def model(name):
            class Card:
                defaults = {"steps": 4, "width": 96, "height": 80}  # noqa: RUF012

            return Card

    def __init__(self) -> None:
        self.drawn: list[GenerateRequest] = []
        self.closed = 0

    def draw(self, request):
        self.drawn.append(request)
        try:
            yield DrawStep(0, 1, request.steps, None, None)
            rgb = Image.new(
                "RGB", (request.width, request.height), (request.seed % 256, len(request.prompt), 9)
            ).tobytes()
            yield Picture(0, request.seed, request.width, request.height, rgb)
            yield Finished(0.1, 1)
        finally:
            self.closed += 1


def test_generated_pictures_keep_their_request_as_recipe(house):
    easel = Easel()
    place = house.place(studio=easel)
    house.bring("generated", place, query="a {red|blue} boat\n一只猫", count=4, seed=5)
    assert [one.prompt for one in easel.drawn] == ["a red boat", "a blue boat", "一只猫", "a red boat"]
    assert [one.seed for one in easel.drawn] == [5, 6, 7, 8]
    entry = house.catalogue.get(1)
    assert (entry.caption, entry.caption_source) == ("a red boat", "prompt")
    assert entry.provenance.ai_generated
    recipe = GenerateRequest.from_dict(json.loads(entry.provenance.recipe)["request"])
    assert recipe == easel.drawn[0]
    house.bring("generated", place, query="a {red|blue} boat\n一只猫", count=1, seed=5)
    assert easel.drawn[-1].seed == 9
    assert easel.closed == len(easel.drawn)


def test_generating_needs_prompts_a_number_and_an_engine(house):
    with pytest.raises(SourceRefused, match="engine"):
        house.bring("generated", query="x")
    place = house.place(studio=Easel())
    for asked, said in (
        ({"query": " "}, "prompts"),
        ({"query": "x", "count": 0}, "how many"),
        ({"query": "{a|b}" * 20}, "10000"),
    ):
        with pytest.raises(SourceRefused, match=said):
            house.bring("generated", place, **asked)


def test_dropped_pictures_meet_their_captions_and_zips_keep_theirs(house, tmp_path):
    dropped = []
    for number, (name, content) in enumerate(
        [("猫.png", png(1)), ("猫.txt", "一只猫".encode()), ("b.png", png(2))]
    ):
        file = tmp_path / "drop" / str(number) / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        dropped.append(file)
    table = b"file_name,text\nx.png,from the table\n"
    dropped.append(zipped(tmp_path / "a.zip", {"train/x.png": png(3), "train/metadata.csv": table,
                                               "__MACOSX/train/._x.png": b"junk", "train/.hidden.png": png(9)}))  # fmt: skip
    dropped.append(zipped(tmp_path / "b.zip", {"5_mobo/y.png": png(4), "5_mobo/y.txt": b"mobo"}))
    (tmp_path / "c.zip").write_bytes(b"no archive")
    brought = house.bring("upload", house.place(files=(*dropped, tmp_path / "c.zip")), caption="the rest")
    assert house.captions() == {
        "猫.png": "一只猫",
        "b.png": "the rest",
        "x.png": "from the table",
        "y.png": "mobo",
    }
    assert "c.zip can't be unpacked" in brought.skipped["c.zip"]
    told = {entry.name: entry for entry in house.catalogue.entries()}
    assert (told["x.png"].split, told["y.png"].repeats, told["b.png"].caption_source) == (
        "train",
        5,
        "shared",
    )
    assert told["b.png"].provenance.source == "upload"
    assert dropped[0].read_bytes() == png(1)


def test_a_single_bad_zip_and_no_files_are_refused(house, tmp_path):
    (tmp_path / "c.zip").write_bytes(b"no archive")
    with pytest.raises(UploadRefused, match="c.zip"):
        house.bring("upload", house.place(files=(tmp_path / "c.zip",)))
    with pytest.raises(SourceRefused, match="no files"):
        house.bring("upload")
    with pytest.raises(SourceRefused, match="no file .*gone.png; name pictures"):
        house.bring("upload", house.place(files=(tmp_path / "gone.png",)))
    zipped(tmp_path / "words.zip", {"a.txt": b"words alone"})
    with pytest.raises(LayoutUnknown, match="^words.zip has none of the layouts"):
        house.bring("upload", house.place(files=(tmp_path / "words.zip",)))


def test_a_folder_is_read_in_its_layout_and_left_as_it_was(house, tmp_path):
    folder = tmp_path / "mine"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "metadata.csv").write_text("file_name,text\na.png,一\nb.png,b\n", "utf-8")
    for number, name in enumerate(("a", "b")):
        (folder / "train" / f"{name}.png").write_bytes(png(number))
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    brought = house.bring("folder", where=str(folder), count=1)
    assert house.captions() == {"a.png": "一", "b.png": "b"}, brought.skipped
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert house.bring("folder", where=str(folder)).taken == []


def test_links_out_of_a_folder_are_not_followed(house, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.png").write_bytes(png(1))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(2))
    (folder / "link.png").symlink_to(secret / "s.png")
    (folder / "linked").symlink_to(secret, target_is_directory=True)
    (folder / "inside.png").symlink_to(folder / "a.png")
    brought = house.bring("folder", where=str(folder))
    assert brought.taken == ["a.png"]
    assert "link" in brought.skipped["link.png"]
    assert house.catalogue.count() == 1


def test_only_allowed_folders_are_imported_from(house, tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.png").write_bytes(png(1))
    (inside / "door").symlink_to(outside)
    house.environment["INKSTONE_IMPORT_ROOTS"] = os.pathsep.join([str(inside), str(tmp_path / "other")])
    assert house.bring("folder", where=str(inside)).taken
    for where in (outside, inside / ".." / "out", inside / "door"):
        with pytest.raises(SourceRefused, match="outside"):
            house.bring("folder", where=str(where))


def test_a_folder_with_too_many_files_or_none_at_all(house, tmp_path, monkeypatch):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    monkeypatch.setattr("studio.sources.folder.MOST_FILES", 3)
    with pytest.raises(SourceRefused, match="smaller folder"):
        house.bring("folder", where=str(tmp_path))
    for where in ("", str(tmp_path / "nowhere"), "a\0b"):
        with pytest.raises(FolderMissing):
            house.bring("folder", where=where)


def test_a_zip_without_pictures_is_named_as_it_was_given(house, tmp_path):
    file = zipped(tmp_path / "words.zip", {"a.txt": b"words"})
    with pytest.raises(LayoutUnknown, match=rf"^{file} has none"):
        house.bring("folder", where=str(file))


def test_a_zip_of_this_machine_is_a_folder_too(house, tmp_path):
    stream = io.BytesIO(png(1))
    file = zipped(tmp_path / "set.zip", {"a.png": stream.getvalue(), "a.txt": b"a boat"})
    house.bring("folder", where=str(file))
    assert house.captions() == {"a.png": "a boat"}
    assert not list((house.folder / "work").rglob("*.png"))


def test_captions_find_their_pictures_in_an_archive_whose_names_must_change(house, tmp_path):
    names = ["山水" * 40 + "一", "山水" * 40 + "二", "cat", "CAT"]  # cut at one length; alike on many disks
    files = {f"{name}.png": png(number) for number, name in enumerate(names)}
    texts = {f"{name}.txt": f"caption {number}".encode() for number, name in enumerate(names)}
    zipped(tmp_path / "set.zip", {**files, **dict(reversed(texts.items()))})
    house.bring("folder", where=str(tmp_path / "set.zip"))
    table = 'file_name,text\n"a  b.png",two spaces\nwhat?.png,a question\nx:1.png,a colon\nx?1.png,another\n'
    odd = {
        name: png(number) for number, name in enumerate(("a  b.png", "x?1.png", "what?.png", "x:1.png"), 5)
    }
    zipped(tmp_path / "odd.zip", {**odd, "metadata.csv": table.encode()})
    assert house.bring("folder", where=str(tmp_path / "odd.zip")).skipped == {}
    told = {entry.sha256: entry.caption for entry in house.catalogue.entries()}
    expected = [f"caption {number}" for number in range(4)] + [
        "two spaces",
        "another",
        "a question",
        "a colon",
    ]
    pictures = [*files.values(), *odd.values()]
    assert [told[hashlib.sha256(content).hexdigest()] for content in pictures] == expected


def test_a_folder_that_is_a_set_of_the_studio_brings_its_captions(house, tmp_path):
    with a_set(tmp_path / "boats", ["a red boat", "a blue boat"], validation=1):
        came = house.bring("folder", where=str(tmp_path / "boats"))
    assert len(came.taken) == 2
    assert [(entry.caption, entry.split) for entry in house.catalogue.entries()] == [
        ("a red boat", "train"),
        ("a blue boat", "validation"),
    ]
