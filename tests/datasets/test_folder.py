"""Picture folders as people have them, and everything that can be wrong with one."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.datasets import errors
from studio.datasets.errors import DatasetError, FolderEmpty, FolderMissing, TableBroken
from studio.datasets.folder import PictureFolder, difference, fingerprint, marks, read_folder
from studio.datasets.pictures import load_rgb
from studio.storybook.paint import PaintRequest, paint_folder
from studio.words import Text


def picture(file: Path, width: int = 96, height: int = 64, **options: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), "teal").save(file, **options)
    return file


def table(folder: Path, *rows: tuple[str, str], encoding: str = "utf-8") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([("file_name", "text"), *rows])


def dropped(folder: PictureFolder) -> dict[str, str]:
    return {p.file.name: p.reason.say("en") for p in folder.problems if p.is_dropped}


def test_a_painted_folder_is_read_whole(tmp_path):
    rows = list(paint_folder(PaintRequest(3, tmp_path, "ink-wash")))
    folder = read_folder(tmp_path)
    assert [(item.file.name, item.caption) for item in folder.train] == [
        (row["file_name"], row["text"]) for row in rows
    ]
    assert (256, 256) in {(item.width, item.height) for item in folder.items}
    assert folder.problems == ()
    assert [item.name for item in folder.train] == [
        "train/000000.png",
        "train/000001.png",
        "train/000002.png",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_captions_keep_quotes_commas_and_chinese(tmp_path, encoding):
    said = 'a "red" boat, 一只船'
    picture(tmp_path / "train" / "a.png")
    table(tmp_path / "train", ("a.png", said), encoding=encoding)
    assert read_folder(tmp_path).train[0].caption == said


def test_a_caption_without_quotes_is_whole_and_it_is_told(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    lines = 'file_name,text,,\na.png,a red cat, on a boat, at night,\nb.png,"a dog, alone",,,\n'
    (tmp_path / "metadata.csv").write_text(lines)
    folder = read_folder(tmp_path)
    assert [item.caption for item in folder.train] == ["a red cat, on a boat, at night", "a dog, alone"]
    ((reason, files),) = folder.reasons(is_dropped=False)
    assert "no quotes" in reason.say("en")
    assert [file.name for file in files] == ["a.png"]


def test_a_table_with_capitals_in_its_name_and_columns_is_read(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "Metadata.csv").write_text("File_Name, Text\na.png,a dog\n")
    assert [item.caption for item in read_folder(tmp_path).train] == ["a dog"]


def test_a_caption_that_nobody_can_tell_the_end_of_is_dropped_and_it_is_told(tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    lines = "file_name,text,author\na.png,a red cat, on a boat,Ana\nb.png,a dog,Ana\n"
    (tmp_path / "metadata.csv").write_text(lines)
    folder = read_folder(tmp_path)
    assert [item.caption for item in folder.train] == ["a dog"]
    assert "in quotes" in dropped(folder)["a.png"]


def test_json_lines_are_read_and_validation_is_kept_apart(tmp_path):
    for split in ("train", "validation"):
        picture(tmp_path / split / "sub" / "a.png")
        told = {"file_name": "sub/a.png", "text": f"a {split} boat"}
        (tmp_path / split / "metadata.jsonl").write_text(json.dumps(told) + "\n", encoding="utf-8")
    folder = read_folder(tmp_path)
    assert [item.caption for item in folder.train] == ["a train boat"]
    assert [item.caption for item in folder.validation] == ["a validation boat"]


def test_text_files_beside_pictures_are_their_captions(tmp_path):
    picture(tmp_path / "10_boat" / "a.jpg")
    (tmp_path / "10_boat" / "a.txt").write_text("\ufeffa boat,\n  at sea\n", encoding="utf-8")
    picture(tmp_path / ".hidden" / "b.jpg")
    (item,) = read_folder(tmp_path).items
    assert (item.caption, item.name) == ("a boat, at sea", "10_boat/a.jpg")


def test_caption_files_are_found_however_their_endings_are_written(tmp_path):
    for name in ("IMG_1.JPG", "IMG_2.JPG", "c0.png", "c1.png", "c2.png"):
        picture(tmp_path / name)
    told = {
        "IMG_1.TXT": "one", "IMG_2.Caption": "two", "c0.png.txt": "three", "c1.txt": " \n", "c1.caption": "four",
        "c2.TXT": "not this", "c2.txt": "five", "c2.png.txt": "nor this",
    }  # fmt: skip
    for name, words in told.items():
        (tmp_path / name).write_text(words)
    assert [item.caption for item in read_folder(tmp_path).items] == ["one", "two", "three", "four", "five"]


def test_bare_pictures_are_used_without_words_and_it_is_told(tmp_path):
    picture(tmp_path / "a.webp")
    picture(tmp_path / "b.png")
    folder = read_folder(tmp_path)
    assert [item.caption for item in folder.train] == ["", ""]
    assert [(p.file.name, p.is_dropped) for p in folder.problems] == [("a.webp", False), ("b.png", False)]
    ((reason, files),) = folder.reasons(is_dropped=False)
    assert "no caption" in reason.say("en")
    assert len(files) == 2


def test_every_picture_that_is_not_used_says_why(tmp_path):
    train = tmp_path / "train"
    picture(train / "good.png")
    picture(train / "small.png", 40, 400)
    picture(train / "unlisted.png")
    picture(train / "later.gif")
    (train / "text.png").write_text("no picture")
    whole = picture(train / "whole.jpg", 400, 400).read_bytes()
    (train / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    png = picture(train / "whole.png", 400, 400).read_bytes()
    (train / "torn.png").write_bytes(png[:-30])
    webp = picture(train / "whole.webp", 400, 400).read_bytes()
    (train / "torn.webp").write_bytes(webp[:-8])
    bmp = picture(train / "whole.bmp", 400, 400).read_bytes()
    (train / "torn.bmp").write_bytes(bmp[:-8])
    names = ["whole.bmp", "torn.bmp", "good.png", "small.png", "text.png", "cut.jpg", "torn.png", "torn.webp", "later.gif", "whole.jpg",
             "whole.png", "whole.webp", "gone.png", "good.png", "../../secret.png", "/etc/hostname"]  # fmt: skip
    table(train, *((name, "words") for name in names))
    folder = read_folder(tmp_path)
    assert {item.file.name for item in folder.items} == {
        "good.png",
        "whole.bmp",
        "whole.jpg",
        "whole.png",
        "whole.webp",
    }
    said = dropped(folder)
    assert "40 x 400" in said["small.png"]
    assert "opened" in said["text.png"]
    assert "cut short" in said["cut.jpg"]
    assert "opened" in said["torn.png"]
    assert "opened" in said["torn.webp"]
    assert "cut short" in said["torn.bmp"]
    assert "format" in said["later.gif"]
    assert "not in the folder" in said["gone.png"]
    assert "twice" in said["good.png"]
    assert "outside" in said["secret.png"]
    assert "outside" in said["hostname"]
    assert "no row" in said["unlisted.png"]
    assert len(said) == 12


def test_captions_may_be_saved_as_windows_saves_chinese_and_others_are_told_of(tmp_path):
    for name, words in (
        ("a", "一只猫".encode("gbk")),
        ("b", "一隻貓".encode("big5")),
        ("c", "naïve".encode("latin-1")),
    ):
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_bytes(words)
    found = read_folder(tmp_path)
    assert [item.caption for item in found.items] == ["一只猫", "一隻貓"]
    assert "save it as UTF-8" in dropped(found)["c.png"]


def test_a_huge_picture_is_refused_by_its_header(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "huge.png", 9000, 9000)
    assert "50 million" in dropped(read_folder(tmp_path))["huge.png"]


def test_phone_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = picture(tmp_path / "a.jpg", 128, 64, exif=exif)
    (item,) = read_folder(tmp_path).items
    assert (item.width, item.height) == (64, 128) == load_rgb(file).size


def test_transparency_is_laid_on_white(tmp_path):
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metadata.csv", b"file_name,text\n\xff\xfe,x\n", "UTF-8"),
        ("metadata.csv", b"name,words\na.png,x\n", "columns name, words"),
        ("metadata.csv", b"file_name,text\n,x\n", "names no file"),
        ("metadata.jsonl", b"{not json}\n", "can't be read"),
        ("metadata.jsonl", b"[1]\n", "no list of rows"),
    ],
)
def test_a_broken_table_is_named(tmp_path, name, content, said):
    picture(tmp_path / "train" / "a.png")
    (tmp_path / "train" / name).write_bytes(content)
    with pytest.raises(TableBroken) as told:
        read_folder(tmp_path)
    assert name in str(told.value)
    assert said in str(told.value)
    assert told.value.field == "dataset_path"


def test_folders_without_a_usable_picture_are_refused(tmp_path):
    with pytest.raises(FolderMissing, match="no folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(FolderEmpty, match="no pictures at all"):
        read_folder(tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(FolderEmpty, match="1: it can't be opened"):
        read_folder(tmp_path)


def test_the_fingerprint_tells_what_changed(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    before = read_folder(tmp_path).items
    told, mark = marks(before), fingerprint(before)
    assert fingerprint(read_folder(tmp_path).items) == mark
    (tmp_path / "a.txt").write_text("words now")
    os.utime(tmp_path / "b.png", ns=(1, 1))
    (tmp_path / "c.png").unlink()
    picture(tmp_path / "d.png")
    now = read_folder(tmp_path).items
    assert fingerprint(now) != mark
    found = difference(told, marks(now))
    assert (found.added, found.removed, found.changed) == (1, 1, 2)
    assert found
    assert not difference(told, told)


def test_all_sentences_are_said_in_both_languages():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, DatasetError) and kind is not DatasetError:
            assert isinstance(kind.text, Text)
            assert any(ord(letter) > 0x3000 for letter in kind.text.zh)


def test_greys_of_sixteen_bits_are_scaled_and_not_cut_off(tmp_path):
    deep = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    seen = np.asarray(load_rgb(tmp_path / "deep.png"))
    assert np.array_equal(seen[..., 0], deep >> 8)
    assert (seen[..., 0] == seen[..., 2]).all()
