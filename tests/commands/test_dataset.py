"""Sets of pictures from the command line: brought in, checked, split, varied, exported, and every refusal a sentence."""

import errno
import io
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from studio.__main__ import main
from studio.datasets.folder import read_folder
from studio.settings import ROOT
from studio.storybook.paint import PaintRequest, paint_folder
from tests.datasets.formats.made import png


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Six captioned scenes."""
    folder = tmp_path_factory.mktemp("painted") / "scenes"
    for _ in paint_folder(PaintRequest(6, folder, "flat", language="en")):
        pass
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs `dataset` with a folder of its own; answers exit code, standard output and error."""
    told = {
        "INKSTONE_OUTPUT": str(tmp_path / "outputs"),
        "INKSTONE_MODELS": str(ROOT / "models"),
        "LC_ALL": "C",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("INKSTONE_LANGUAGE", raising=False)
    monkeypatch.chdir(tmp_path)

    def answers(*words):
        code = main(["dataset", *(str(word) for word in words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return answers


@pytest.fixture
def own(run, painted):
    """The scenes as a set of the studio, by the name of "scenes"."""
    assert run("import", "scenes", "--source", "folder", "--where", painted)[0] == 0
    return "scenes"


def test_without_an_action_it_shows_its_help(run):
    code, out, _ = run()
    assert code == 0
    for action in (
        "import",
        "check",
        "split",
        "augment",
        "caption",
        "export",
        "prepare",
        "push",
        "guide",
        "list",
    ):
        assert action in out


def test_pictures_come_in_once_with_captions_and_licences(run, painted):
    code, out, err = run("import", "scenes", "--source", "folder", "--where", painted, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["taken"], told["pictures"], told["skipped"]) == (6, 6, [])
    code, out, _ = run("import", "scenes", "--source", "folder", "--where", painted)
    assert code == 0
    assert "0 pictures taken into scenes, which now has 6; 6 skipped." in out
    rows = json.loads(run("list", "--json")[1])["sets"]
    assert [(row["name"], row["pictures"]) for row in rows] == [("scenes", 6)]
    report = json.loads(run("check", "scenes", "--json")[1])
    assert "licence" not in {row["check"] for row in report["rows"]}


def test_a_half_import_is_nowhere_shown_as_whole(run, tmp_path):
    boats = tmp_path / "boats"
    boats.mkdir()
    for n in range(3):
        (boats / f"{n}.png").write_bytes(png(n))
    table = [json.dumps({"file_name": f"{n}.png", "text": f"boat {n}"}) for n in range(3)]
    (boats / "metadata.jsonl").write_text("\n".join([*table[:2], "{broken"]))
    code, _, err = run("import", "boats", "--where", boats)
    assert code == 2
    assert "2 pictures had come in before that" in err
    assert len(err.strip().splitlines()) == 1
    assert "not finished" in run("list")[1]
    assert "2 pictures\n" not in run("list")[1]
    assert "import of folder" in run("check", "boats")[1]
    assert "not finished" in run("export", "boats", "--out", tmp_path / "out")[1]
    code, out, err = run("prepare", "boats")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "not finished" in err
    (boats / "metadata.jsonl").write_text("\n".join(table))
    assert run("import", "boats", "--where", boats)[0] == 0
    assert "not finished" not in run("list")[1] + run("check", "boats")[1] + run("prepare", "boats")[2]


def test_options_of_the_need_count_for_one_run_on_a_set_that_is_there(run, own, tmp_path):
    other = ("--resolution", 1024, "--trigger-word", "zyx", "--validation-count", 3)
    told = json.loads(run("check", own, *other, "--json")[1])
    assert (told["need"]["resolution"], told["need"]["validation_count"]) == (1024, 3)
    assert "trigger_word" in {row["check"] for row in told["rows"]}
    assert json.loads(run("check", own, "--json")[1])["need"]["resolution"] == 256
    assert run("export", own, *other, "--format", "kohya", "--out", tmp_path / "k")[0] == 0
    assert "resolution = 1024" in (tmp_path / "k" / "dataset.toml").read_text()
    code, _, err = run("import", own, "--source", "synthetic", "--count", 1, *other)
    assert code == 2
    assert "--resolution 256, --trigger-word '', --validation-count 0" in err
    same = ("--resolution", 256, "--goal", "style")
    assert run("import", own, "--source", "synthetic", "--count", 1, *same)[0] == 0


def test_a_failed_import_leaves_no_empty_set(run, painted, tmp_path):
    assert run("import", "boats", "--where", tmp_path / "nowhere", "--resolution", 512)[0] == 2
    assert json.loads(run("list", "--json")[1])["sets"] == []
    assert run("import", "boats", "--where", painted, "--resolution", 1024)[0] == 0
    assert run("import", "boats", "--where", tmp_path / "nowhere")[0] == 2
    assert [row["pictures"] for row in json.loads(run("list", "--json")[1])["sets"]] == [6]


def test_synthetic_scenes_need_nothing(run):
    code, out, err = run("import", "猫", "--source", "synthetic", "--count", 3, "--style", "ink-wash",
                         "--caption-language", "zh", "--seed", 5, "--goal", "style", "--json")  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["taken"] == 3
    assert run("prepare", "猫")[0] == 0


@pytest.mark.long
@pytest.mark.parametrize("layout", ["imagefolder", "kohya", "aitoolkit", "diffsynth", "webdataset"])
def test_any_layout_is_checked_and_errors_are_exit_code_1(run, own, painted, tmp_path, layout):
    out_dir = tmp_path / layout
    assert run("export", own, "--format", layout, "--out", out_dir)[0] == 0
    code, out, err = run("check", out_dir)
    assert code == 0, out + err
    assert out.startswith("6 pictures, score ")
    broken = tmp_path / "broken"
    shutil.copytree(painted, broken)
    torn = broken / "train" / "000000.png"
    torn.write_bytes(torn.read_bytes()[:-2000])
    code, out, err = run("check", broken)
    assert code == 1, out + err
    assert "✗" in out
    assert "000000.png" in out
    before = {file: file.read_bytes() for file in broken.rglob("*") if file.is_file()}
    code, out, _ = run("check", broken, "--json", "--language", "zh")
    assert (code, json.loads(out)["is_blocked"]) == (1, True)
    assert before == {
        file: file.read_bytes() for file in broken.rglob("*") if file.is_file()
    }  # only looked at


def test_split_vary_and_prepare_make_what_training_reads(run, own):
    told = json.loads(run("split", own, "--validation-count", 2, "--json")[1])
    assert (told["train"], told["validation"]) == (4, 2)
    code, out, err = run("augment", own, "--variation", "crop", "--variation", "colour")
    assert code == 0, err
    assert "4 varied copies made" in out
    code, out, err = run("prepare", own)
    assert code == 0, err
    path = Path(out.strip())
    folder = read_folder(path)
    assert (len(folder.train), len(folder.validation), folder.problems) == (8, 2, ())
    assert path.name == own


def test_one_layout_becomes_another_without_a_set(run, painted, tmp_path):
    code, _, err = run("export", painted, "--format", "kohya", "--out", tmp_path / "k", "--repeats", 7)
    assert code == 0, err
    assert any(folder.name.startswith("7_") for folder in (tmp_path / "k" / "img").iterdir())


def test_an_export_names_what_it_leaves_out(run, tmp_path):
    folder = tmp_path / "boats"
    folder.mkdir()
    for n in range(30):
        (folder / f"{n:02d}.png").write_bytes(png(n)[: None if n < 2 else 2000])
    (folder / ".hidden.png").write_bytes(png(30))
    code, out, err = run("export", folder, "--out", tmp_path / "out")
    assert code == 0, err
    assert "02.png is left out: the file was cut short" in out
    assert "and 8 more" in out
    assert "skipped .hidden.png" in out
    assert out.splitlines()[-1] == f"2 pictures are written to {tmp_path / 'out'}; 28 left out"
    told = json.loads(run("export", folder, "--out", tmp_path / "again", "--json")[1])
    assert (len(told["messages"]), told["skipped"]) == (29, [".hidden.png"])


def test_names_of_strangers_do_nothing_to_a_terminal(run, tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in ("a\x1b[2J\x1b[31mred.png", "b\u202e.png", "c\nd/e.png", "f\x9b1m.png", "whole.png"):
            member = tarfile.TarInfo(name)
            content = png(len(name))[: None if name == "whole.png" else 1500]
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for words in (("check", tmp_path / "x.tar"), ("export", tmp_path / "x.tar", "--out", tmp_path / "o")):
        _, out, err = run(*words)
        assert "red.png" in out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)
        assert not re.search("^d/e.png", out + err, re.MULTILINE)


def test_the_guide_tells_where_pictures_may_be_taken_from(run):
    places = json.loads(run("guide", "--json")[1])["places"]
    answers = {place["name"]: place["training"] for place in places}
    assert answers["Unsplash"] == answers["Pexels"] == "no"
    assert answers["Openverse"] != "no"
    assert "Openverse" in run("guide", "unsplash")[1]
    assert "训练" in run("guide", "unsplash", "--language", "zh")[1]


@pytest.mark.parametrize(("words", "sentence"), [
    (("check", "nowhere"), "dataset import SET --source folder --where FOLDER"),
    (("check", "x" * 300), "is no dataset"),
    (("split", "x" * 300), "can't be a dataset's name"),
    (("import", "x", "--source", "folder", "--where", "x" * 300), "There is no folder"),
    (("split", "nowhere"), "is no dataset of the studio"),
    (("import", "a/b", "--source", "folder", "--where", "."), "can't be a dataset's name"),
    (("import", "x", "--source", "folder", "--where", "nowhere"), "nowhere"),
    (("import", "x", "--source", "moon"), "'moon' does not exist here"),
    (("import", "x", "--count", "many"), "must be a whole number"),
    (("check", "x", "--batch-size", "0"), "between 1 and 1024"),
    (("export", "scenes", "--format", "zip", "--out", "o"), "There is no format 'zip'"),
    (("caption", "scenes"), "weights"),
    (("push", "scenes", "--repo", "nobody"), "owner/name"),
])  # fmt: skip
def test_every_refusal_is_one_sentence(run, own, words, sentence):
    code, out, err = run(*words)
    assert code == 2, out
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_an_export_never_writes_over_anything(run, own, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    code, _, err = run("export", own, "--out", tmp_path / "full")
    assert code == 2
    assert "is not empty" in err
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_folder_that_is_locked_is_named(run, tmp_path, monkeypatch):
    real = os.scandir

    def locked(path="."):
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path)

    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", locked)
    for words in (("check", tmp_path / "locked"), ("import", "x", "--where", tmp_path / "locked")):
        code, _, err = run(*words)
        assert (code, "locked can't be read" in err) == (2, True), err


def test_an_empty_folder_says_what_to_do(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run("check", tmp_path / "empty")
    assert code == 2
    assert "Put pictures there" in err
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "empty" / "one.png")
    assert run("check", tmp_path / "empty")[0] == 1  # one picture is no dataset
