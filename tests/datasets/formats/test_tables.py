"""ImageFolder and DiffSynth: tables as people and strangers write them."""

import csv
import json
import os
from pathlib import Path

import pytest

from studio.datasets.errors import TableBroken
from studio.datasets.formats import formats, recognise, tables
from tests.datasets.formats.made import png, read


def put(file: Path, number: int = 1) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(png(number))
    return file


def table(file: Path, *rows: dict[str, str], encoding: str = "utf-8") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_words_stay_what_they_are(tmp_path, encoding):
    for n in range(5):
        put(tmp_path / "train" / f"{n}.png", n)
    rows = [{"file_name": f"{n}.png", "text": w} for n, w in enumerate(["NA", "null", "007", "", "猫"])]
    table(tmp_path / "train" / "metadata.csv", *rows, encoding=encoding)
    found, skipped = read(tmp_path)
    assert [one.caption for one in found] == ["NA", "null", "007", "", "猫"]
    assert skipped == {}


def test_a_caption_that_no_quotes_hold_is_put_together_again(tmp_path):
    for n in range(4):
        put(tmp_path / f"{n}.png", n)
    lines = (
        "0.png,a red cat, on a boat, at night",
        '1.png,"a red cat, on a boat"',
        "2.png,a dog,,",
        "3.png",
    )
    (tmp_path / "metadata.csv").write_text("\n".join(("file_name,text", *lines)))
    found, skipped = read(tmp_path)
    assert [one.caption for one in found] == [
        "a red cat, on a boat, at night",
        "a red cat, on a boat",
        "a dog",
        "",
    ]
    assert skipped == {}


@pytest.mark.parametrize("header", ["file_name,text,author", "text,file_name", "file_name,author"])
def test_a_row_whose_cells_nobody_can_tell_apart_is_skipped(tmp_path, header):
    put(tmp_path / "0.png")
    (tmp_path / "metadata.csv").write_text(f"{header}\n0.png,a red cat, on a boat,Ana\n")
    found, skipped = read(tmp_path)
    assert found == []
    assert "in quotes" in skipped["metadata.csv" if header.startswith("text") else "0.png"]


@pytest.mark.parametrize("name", ["Metadata.csv", "METADATA.CSV"])
def test_names_of_tables_and_columns_may_have_capitals_and_spaces(tmp_path, name):
    put(tmp_path / "0.png")
    (tmp_path / name).write_text("File_Name, Text \n0.png,a boat\n")
    (found,), skipped = read(tmp_path)
    assert (found.caption, skipped) == ("a boat", {})


@pytest.mark.parametrize(
    "lines",
    [
        ("file_name;text", "0.png;a cat, a dog; a boat"),
        ("file_name\ttext", "0.png\ta cat, a dog; a boat"),
        ("file_name, text", "0.png, a cat, a dog; a boat"),
        ("file_name, text", '0.png, "a cat, a dog; a boat"'),
        ("filename,text", '0.png,"a cat, a dog; a boat"'),
        ("file,text", '0.png,"a cat, a dog; a boat"'),
        ("text;image_path", '"a cat, a dog; a boat";0.png'),
    ],
)
def test_cells_are_parted_as_the_header_is(tmp_path, lines):
    put(tmp_path / "0.png")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    (found,), skipped = read(tmp_path)
    assert found.caption == "a cat, a dog; a boat"
    assert skipped == {}


@pytest.mark.parametrize("content", ["0.png,a red cat\n1.png,a dog\n", "id|words\n0.png|a\n", "words\n"])
def test_a_table_without_a_column_of_files_is_told_once(tmp_path, content):
    put(tmp_path / "0.png")
    (tmp_path / "metadata.csv").write_text(content)
    with pytest.raises(TableBroken) as told:
        read(tmp_path)
    header = content.partition("\n")[0].replace(",", ", ")
    assert f"columns {header}." in told.value.say("en")
    assert "file_name and text" in told.value.say("en")


def test_splits_go_by_the_names_of_folders(tmp_path):
    for folder in ("training", "val", "test", "other"):
        put(tmp_path / folder / "a.png")
        table(tmp_path / folder / "metadata.csv", {"file_name": "a.png", "text": folder})
    found, _ = read(tmp_path)
    assert {one.caption: one.split for one in found} == {
        "training": "train", "val": "validation", "test": "validation", "other": "",
    }  # fmt: skip


def test_one_table_above_the_splits(tmp_path):
    put(tmp_path / "train" / "a.png")
    put(tmp_path / "validation" / "b.png")
    lines = [{"file_name": "train/a.png", "text": "a"}, {"file_name": "validation\\b.png", "text": "b"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found, skipped = read(tmp_path)
    assert [(one.caption, one.split) for one in found] == [("a", "train"), ("b", "validation")]
    assert skipped == {}


def test_nothing_is_passed_over(tmp_path):
    train = tmp_path / "train"
    put(train / "good.png")
    put(train / "orphan.png")
    put(train / ".hidden.png")
    put(train / ".git" / "deep.png")
    put(train / "__MACOSX" / "mac.png")
    put(tmp_path.parent / f"{tmp_path.name}-outside" / "secret.png")
    (train / "link.png").symlink_to(tmp_path.parent / f"{tmp_path.name}-outside" / "secret.png")
    (train / "away").symlink_to(tmp_path.parent / f"{tmp_path.name}-outside")
    (train / "inside.png").symlink_to(train / "good.png")
    (train / "scan.pdf").write_bytes(b"%PDF")
    names = ["good.png", "good.png", "gone.png", "../../secret.png", "/etc/passwd", "C:\\secret.png", "..\\up.png",
             "https://example.org/x.png", "file:///etc/passwd", "~/x.png", "a\0b.png", "", "link.png",
             "away/secret.png", ".hidden.png", "inside.png", "x" * 300 + ".png"]  # fmt: skip
    table(train / "metadata.csv", *({"file_name": name, "text": "words"} for name in names))
    found, skipped = read(tmp_path)
    assert [one.name for one in found] == ["train/good.png", "train/inside.png"]
    told = {
        "twice": ["good.png"],
        "not in the folder": ["gone.png", "x" * 300 + ".png"],
        "outside the folder": ["../../secret.png", "/etc/passwd", "C:\\secret.png", "..\\up.png",
                               "https://example.org/x.png", "file:///etc/passwd", "~/x.png"],
        "link that leaves": ["away/secret.png", "train/link.png", "train/away/"],
        "names no file": ["train/metadata.csv"],
        "hidden": [".hidden.png", "train/.git/deep.png", "train/__MACOSX/mac.png", "train/.hidden.png"],
        "no row": ["train/orphan.png"],
        "format is not read": ["train/scan.pdf"],
    }  # fmt: skip
    for reason, of in told.items():
        for name in of:
            assert reason in skipped.pop(name), name
    assert set(skipped) == {"a b.png", "link.png"}  # a NUL in a name is no name of a file here


def test_a_name_may_be_spelt_with_separate_accents(tmp_path):
    put(tmp_path / "train" / "cafe\u0301.png")
    table(tmp_path / "train" / "metadata.csv", {"file_name": "caf\u00e9.png", "text": "coffee"})
    (found,), skipped = read(tmp_path)
    assert found.caption == "coffee"
    assert skipped == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", b"file_name,text\n\xff\xfe,x\n"),
        ("metadata.csv", b""),
        ("metadata.csv", b'file_name,text\na.png,"never closed\n'),
        ("metadata.csv", b"file_name,text\na.png," + b"x" * (2**20 + 9) + b"\n"),
        ("metadata.jsonl", b"{not json}\n"),
        ("metadata.jsonl", b"[1]\n"),
        ("metadata.jsonl", b"[" * 100_000),
    ],
)
def test_a_broken_table_is_named(tmp_path, name, content):
    put(tmp_path / "train" / "a.png")
    (tmp_path / "train" / name).write_bytes(content)
    with pytest.raises(TableBroken, match=name):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metadata.csv", 'file_name,text\n\na.png,"two\nlines"\na.png,"a "b" c"\na.png,"d"\n', "line 5"),
        ("metadata.csv", 'file_name,text\na.png,a\na.png,"never closed\na.png,b\na.png,c\n', "line 3"),
        ("metadata.csv", "file_name,text\na.png," + "x" * (2**20 + 9), "line 2"),
        ("metadata.jsonl", '{"file_name": "a.png"}\n\n{"file_name": }\n', "line 3"),
        ("metadata.json", '[\n{"image": "a.png", "prompt": ""},\n{"image": }]\n', "line 3"),
        ("metadata.json", '{"image": "a.png", "prompt": ""}\n{"image": }\n', "line 2"),
    ],
)
def test_the_line_of_a_fault_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(TableBroken) as told:
        list(tables.rows_of(tmp_path / name))
    assert said in told.value.say("en")
    assert said.replace("line ", "第 ") in told.value.say("zh")


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.json"])
def test_what_is_no_utf8_is_told_in_both_languages(tmp_path, name):
    (tmp_path / name).write_bytes(b"file_name,text\na.png,\xcc\n")
    with pytest.raises(TableBroken) as told:
        list(tables.rows_of(tmp_path / name))
    assert "not UTF-8 text" in told.value.say("en")
    assert "不是 UTF-8 文本" in told.value.say("zh")
    assert "codec" not in told.value.say("zh")


def test_provenance_is_read_back_and_nonsense_in_it_does_no_harm(tmp_path):
    put(tmp_path / "train" / "a.png")
    row = {
        "file_name": "a.png", "text": "x", "license": "", "tags": '["never', "repeats": "nan", "ai_generated": "True",
        "author": "Ana\nX", "url": "https://example.org/a", "split": "validation",
    }  # fmt: skip
    table(tmp_path / "train" / "metadata.csv", row)
    (found,), _ = read(tmp_path)
    assert (found.provenance.license, found.provenance.author) == ("NOASSERTION", "Ana X")
    assert (found.repeats, found.tags, found.provenance.ai_generated) == (1, ('["never',), True)
    assert (found.provenance.source_url, found.split) == ("https://example.org/a", "validation")


def test_the_second_table_of_a_folder_is_told_of(tmp_path):
    put(tmp_path / "a.png")
    table(tmp_path / "metadata.csv", {"file_name": "a.png", "text": "from csv"})
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "from json"}')
    (found,), skipped = read(tmp_path)
    assert found.caption == "from csv"
    assert "metadata.csv" in skipped["metadata.jsonl"]


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_the_new_diffsynth_tables_are_recognised(tmp_path, kind):
    put(tmp_path / "pictures" / "a.png")
    row = {"image": "pictures/a.png", "prompt": "一只船"}
    file = tmp_path / f"metadata.{kind}"
    if kind == "csv":
        table(file, row)
    else:
        file.write_text(json.dumps([row] if kind == "json" else row), encoding="utf-8")
    assert recognise(tmp_path) is formats()["diffsynth"]
    (found,), skipped = read(tmp_path)
    assert (found.caption, found.name, skipped) == ("一只船", "pictures/a.png", {})


def test_the_old_diffsynth_layout_is_an_imagefolder(tmp_path):
    put(tmp_path / "train" / "a.png")
    table(tmp_path / "train" / "metadata.csv", {"file_name": "a.png", "text": "x"})
    assert recognise(tmp_path) is formats()["imagefolder"]


def test_a_parquet_table_is_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    put(tmp_path / "train" / "a.png")
    rows = [{"file_name": "a.png", "text": "猫", "ai_generated": True}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "train" / "metadata.parquet")
    (found,), _ = read(tmp_path)
    assert (found.caption, found.provenance.ai_generated) == ("猫", True)


def test_many_rows_are_read_as_they_come(tmp_path):
    put(tmp_path / "train" / "a.png")
    for n in range(50):
        os.link(tmp_path / "train" / "a.png", tmp_path / "train" / f"{n}.png")
    rows = [{"file_name": f"{n}.png", "text": str(n)} for n in range(50)]
    table(tmp_path / "train" / "metadata.csv", *rows)
    reading = recognise(tmp_path).read(tmp_path)
    assert next(reading).caption == "0"
    (tmp_path / "train" / "49.png").unlink()
    assert len([one for one in reading if hasattr(one, "open")]) == 48
