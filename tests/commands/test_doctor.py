"""The doctor finds what is there, says what would fail, and never fails itself."""

import json
import shutil

import pytest

from studio.__main__ import main
from studio.settings import ROOT


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the doctor on a folder of models; answers exit code and what it said."""
    shutil.copytree(ROOT / "models" / "cards", tmp_path / "models" / "cards")
    (tmp_path / "models" / "loras").mkdir()
    monkeypatch.setenv("INKSTONE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("INKSTONE_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("LC_ALL", "C")

    def runs(*words):
        code = main(("doctor", *words))
        return code, capsys.readouterr().out

    return runs


def test_everything_is_told_as_json(run):
    code, out = run("--json")
    told = json.loads(out)
    assert told["versions"]["torch"]
    assert told["device"]["memory_bytes"] > 0
    assert told["free_bytes"] > 0
    names = [model["name"] for model in told["models"]]
    assert names[0] == "storybook"
    assert {"kolors", "sdxl", "flux1-dev"} <= {*names}
    assert "quick" in told["presets"]
    assert code == 1
    assert any("models/storybook" in problem for problem in told["problems"])


def test_it_tells_what_a_picture_takes_of_the_memory(run, tmp_path):
    (tmp_path / "models" / "storybook").symlink_to(ROOT / "models" / "storybook")
    code, out = run("--language", "en")
    (line,) = [line for line in out.splitlines() if "storybook: ready" in line]
    assert "needs about" in line
    assert code == 0
    assert "约需" in run("--language", "zh")[1]


def test_damaged_things_are_problems_with_a_way_out(run, tmp_path):
    (tmp_path / "models" / "loras" / "old.ckpt").write_bytes(b"PK\x03\x04")
    (tmp_path / "models" / "cards" / "odd.toml").write_text("[")
    _, out = run()
    assert "old.ckpt" in out
    assert "odd.toml" in out


@pytest.mark.parametrize(("language", "word"), [("en", "What would fail"), ("zh", "会出问题的地方")])
def test_it_speaks_both_languages(run, language, word):
    assert word in run("--language", language)[1]


def test_a_missing_package_is_named(run, monkeypatch):
    from studio.commands import doctor

    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package",))
    assert "no-such-package" in run()[1]
