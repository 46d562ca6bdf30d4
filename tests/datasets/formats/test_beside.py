"""kohya, ai-toolkit and bare folders."""

import os
import tomllib
from pathlib import Path

import pytest

from studio.dataset_requests import Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.formats import formats, recognise, texts
from tests.datasets.formats.made import a_set, new, png, read, written


def put(file: Path, words: str | bytes | None = None, ending: str = ".txt", number: int = 1) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(png(number))
    if words is not None:
        content = words if isinstance(words, bytes) else words.encode()
        file.with_suffix(ending).write_bytes(content)
    return file


def test_kohya_folders_tell_repeats_and_words(tmp_path):
    put(tmp_path / "img" / "10_ink boat" / "a.png", "a boat\nanother wording")
    put(tmp_path / "img" / "10_ink boat" / "b.png", "in another file", ".caption")
    put(tmp_path / "img" / "3_red_ship" / "c.png")
    put(tmp_path / "reg" / "1_boat" / "d.png")
    put(tmp_path / "img" / "loose" / "e.png")
    put(tmp_path / "img" / "2024_summer" / "f.png")
    put(tmp_path / "img" / "0_never" / "g.png")
    assert recognise(tmp_path) is formats()["kohya"]
    found, skipped = read(tmp_path)
    told = {Path(one.name).name: (one.caption, one.repeats, one.tags, one.caption_source) for one in found}
    assert told == {
        "a.png": ("a boat\nanother wording", 10, (), ""),
        "b.png": ("in another file", 10, (), ""),
        "c.png": ("red ship", 3, (), "folder"),
        "d.png": ("boat", 1, ("regularisation",), "folder"),
    }
    assert {Path(name).name for name in skipped} == {"e.png", "f.png", "g.png"}
    assert "repeats" in skipped["img/loose/e.png"]


def test_kohya_is_recognised_from_inside_its_picture_folder(tmp_path):
    put(tmp_path / "5_boat" / "a.png", "a boat")
    assert recognise(tmp_path) is formats()["kohya"]
    assert [one.repeats for one in read(tmp_path)[0]] == [5]


def test_years_are_no_repeats(tmp_path):
    put(tmp_path / "2024_summer" / "a.png")
    assert recognise(tmp_path) is formats()["bare"]


def test_the_kohya_configuration_is_what_its_schema_takes(tmp_path):
    with a_set(tmp_path / "set", need=Need(trigger_word="inkboat", resolution=512)) as catalogue:
        written(catalogue, tmp_path / "out", "kohya", repeats=4)
    told = tomllib.loads((tmp_path / "out" / "dataset.toml").read_text(encoding="utf-8"))
    assert told["general"] == {"caption_extension": ".txt", "enable_wildcard": True}
    learnt, aside = told["datasets"]
    assert (learnt["resolution"], learnt["enable_bucket"], "validation_split" in learnt) == (512, True, False)
    assert aside["validation_split"] == 1.0
    assert [s["num_repeats"] for s in learnt["subsets"]] == [12, 4, 8]
    assert {s["class_tokens"] for s in learnt["subsets"]} == {"inkboat"}
    for subset in (*learnt["subsets"], *aside["subsets"]):
        assert set(subset) <= {"image_dir", "num_repeats", "class_tokens", "is_reg"}
        assert list((tmp_path / "out" / subset["image_dir"]).glob("*.txt"))
    assert [s["image_dir"] for s in aside["subsets"]] == ["validation/1_inkboat"]


def test_regularisation_pictures_go_back_where_they_came_from(tmp_path):
    with Catalogue.create(tmp_path / "set", Need(trigger_word="x")) as catalogue:
        catalogue.add([
            new(tmp_path / "set", 1, caption="x boat", repeats=5),
            new(tmp_path / "set", 2, caption="boat", tags=("regularisation",)),
            new(tmp_path / "set", 3),
        ])  # fmt: skip
        written(catalogue, tmp_path / "out", "kohya")
    found, skipped = read(tmp_path / "out")
    told = sorted((one.caption, one.repeats, one.tags) for one in found)
    assert told == [("boat", 1, ("regularisation",)), ("x", 1, ()), ("x boat", 5, ())]
    assert skipped == {}
    assert "is_reg = true" in (tmp_path / "out" / "dataset.toml").read_text()
    assert (
        len(list((tmp_path / "out").rglob("*.txt"))) == 2
    )  # none for a picture without words: sd-scripts fails at empty ones


def test_without_a_trigger_word_no_picture_is_called_by_the_name_of_the_export(tmp_path):
    with a_set(tmp_path / "set", ["", "a boat"], validation=0) as catalogue:
        written(catalogue, tmp_path / "out", "kohya")
    found, _ = read(tmp_path / "out")
    assert sorted((one.caption, one.caption_source) for one in found) == [("", ""), ("a boat", "")]
    lines = [file.read_text().splitlines() for file in (tmp_path / "out").rglob("*.txt")]
    assert sorted(lines) == [[""], ["a boat"]]  # sd-scripts fails at a file without a line


def test_text_files_are_read_however_they_were_saved(tmp_path):
    put(tmp_path / "a.png", "\ufeff有 BOM 的说明\r\n第二行\r\n")
    put(tmp_path / "b.png", "一只船".encode("gb2312"))
    put(tmp_path / "c.png", "一只船".encode("utf-16"))
    put(tmp_path / "d.png", "na\u00efve caf\u00e9".encode("latin-1"))
    put(tmp_path / "e.png", b"x" * (2**16 + 1))
    put(tmp_path / "f.png")
    (tmp_path / "g.txt").write_text("a caption that lost its picture")
    (tmp_path / "README.txt").write_text("no caption")
    assert recognise(tmp_path) is formats()["aitoolkit"]
    found, skipped = read(tmp_path)
    assert {one.name: one.caption for one in found} == {
        "a.png": "有 BOM 的说明\n第二行", "b.png": "一只船", "c.png": "一只船", "f.png": "",
    }  # fmt: skip
    assert "UTF-8" in skipped.pop("d.png")
    assert "64 kB" in skipped.pop("e.png")
    assert "no picture" in skipped.pop("g.txt")
    assert skipped == {}


def test_caption_files_are_found_however_their_endings_are_written(tmp_path):
    put(tmp_path / "IMG_1.JPG", "one", ".TXT")
    put(tmp_path / "IMG_2.JPG", "two", ".Caption")
    put(tmp_path / "c0.png", "three", ".png.txt")
    put(tmp_path / "c1.png", " \n", ".txt")
    put(tmp_path / "c1.png", "four", ".caption")
    put(tmp_path / "c2.png", "not this", ".TXT")
    put(tmp_path / "c2.png", "five", ".txt")
    put(tmp_path / "c2.png", "nor this", ".png.txt")
    found, skipped = read(tmp_path)
    assert [one.caption for one in found] == ["one", "two", "three", "four", "five"]
    assert skipped == {}


def test_a_folder_is_listed_once_for_the_captions_of_all_its_pictures(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(texts.os, "listdir", lambda folder: asked.append(folder) or ["a.TXT", "b.png.txt"])
    beside = texts.Beside()
    assert [file.name for file in beside.files(tmp_path / "a.png")] == ["a.TXT"]
    assert [file.name for file in beside.files(tmp_path / "b.png")] == ["b.png.txt"]
    assert beside.files(tmp_path / "c.png") == []
    assert asked == [tmp_path]


@pytest.mark.parametrize(
    "line", ['trigger_word: "ink\\u0062oat"', "trigger_word: 'inkboat'", "  trigger_word: inkboat # so"]
)
def test_the_trigger_is_filled_in_from_the_configuration(tmp_path, line):
    put(tmp_path / "train" / "a.png", "[trigger] at sea")
    (tmp_path / "config.yaml").write_text(f"process:\n{line}\n")
    assert [one.caption for one in read(tmp_path)[0]] == ["inkboat at sea"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trigger_word: 'it''s'", "it's on a boat"),
        ("trigger_word: '''it'''", "'it' on a boat"),
        ("trigger_word: null", "[trigger] on a boat"),
        ("trigger_word: ~ # none", "[trigger] on a boat"),
        ("trigger_word:", "[trigger] on a boat"),
        ("trigger_word: 'null'", "null on a boat"),
    ],
)
def test_the_trigger_is_what_yaml_means(tmp_path, line, said):
    put(tmp_path / "a.png", "[trigger] on a boat")
    (tmp_path / "config.yaml").write_text(f"process:\n  {line}\n  datasets: x\n")
    assert [one.caption for one in read(tmp_path)[0]] == [said]


def test_the_trigger_stays_a_placeholder_without_a_configuration(tmp_path):
    put(tmp_path / "a.png", "[trigger] at sea")
    assert [one.caption for one in read(tmp_path)[0]] == ["[trigger] at sea"]


def test_the_aitoolkit_configuration_names_folder_and_trigger(tmp_path):
    with a_set(tmp_path / "set", need=Need(trigger_word='ink "b"')) as catalogue:
        written(catalogue, tmp_path / "out", "aitoolkit")
    config = (tmp_path / "out" / "ai-toolkit.yaml").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml")
    process = yaml.safe_load(config)["config"]["process"][0]
    assert process["trigger_word"] == 'ink "b"'
    assert process["datasets"][0]["folder_path"] == "train"
    assert process["datasets"][0]["caption_ext"] == "txt"


def test_bare_pictures_and_a_single_one(tmp_path):
    file = put(tmp_path / "val" / "a.png")
    put(tmp_path / "b.jpg")
    (tmp_path / "vector.eps").write_bytes(b"%!PS")
    assert recognise(tmp_path) is formats()["bare"]
    found, skipped = read(tmp_path)
    assert {one.name: one.split for one in found} == {"b.jpg": "", "val/a.png": "validation"}
    assert set(skipped) == {"vector.eps"}
    assert [one.name for one in read(file)[0]] == ["a.png"]


def test_words_that_belong_to_no_picture_are_told_of_beside_bare_ones(tmp_path):
    put(tmp_path / "0.png")
    names = ("captions.txt", "0.json", "sub/captions.csv", "README.txt", "card.md")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a boat")
    assert recognise(tmp_path) is formats()["bare"]
    found, skipped = read(tmp_path)
    assert [one.name for one in found] == ["0.png"]
    assert set(skipped) == {"captions.txt", "0.json", "sub/captions.csv"}
    assert all("named as its picture" in reason for reason in skipped.values())


def test_captions_are_found_behind_many_pictures_without_one(tmp_path):
    picture = put(tmp_path / "0000.png")
    for n in range(1, 2100):
        (tmp_path / f"{n:04d}.png").hardlink_to(picture)
    (tmp_path / "2099.txt").write_text("a boat")
    assert recognise(tmp_path) is formats()["aitoolkit"]


def test_a_folder_that_may_not_be_opened_is_told_of(tmp_path, monkeypatch):
    put(tmp_path / "a.png")
    put(tmp_path / "locked" / "b.png")
    scandir = os.scandir

    def refusing(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = list(recognise(tmp_path).read(tmp_path))
    assert [one.name for one in found] == ["a.png", "locked/"]
    assert "permissions" in found[1].reason.say("en")
