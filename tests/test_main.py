"""The command line itself: help in both languages, made from the request's own lines."""

import re
import subprocess
import sys

import pytest

from studio import catalog
from studio.__main__ import main
from studio.commands import Command
from studio.requests import GenerateRequest
from studio.settings import ROOT


@pytest.fixture(autouse=True)
def _plain_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("COLUMNS", "300")


def test_without_a_command_help_is_printed(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    for name, command in catalog.scan("studio.commands", "COMMAND", Command).items():
        assert name in said
        assert command.help.en in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_holds_every_field_in_the_language_asked_for(capsys, language):
    with pytest.raises(SystemExit) as left:
        main(["generate", "--help", "--language", language])
    assert left.value.code == 0
    said = re.sub(r"\s+", "", capsys.readouterr().out)
    for told in GenerateRequest.settings().values():
        assert re.sub(r"\s+", "", told.help.say(language)) in said


def test_an_unknown_command_is_one_sentence(capsys):
    assert main(["paint"]) == 2
    assert "paint" in capsys.readouterr().err


def test_what_nobody_foresaw_is_one_sentence_even_before_the_command_is_known(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("studio.__main__._parser", lambda settings: 1 / 0)
    assert main(["generate", "--output", str(tmp_path / "out")]) == 2
    assert str(tmp_path / "out" / "inkstone.log") in capsys.readouterr().err
    assert "ZeroDivisionError" in (tmp_path / "out" / "inkstone.log").read_text(encoding="utf-8")


def test_help_comes_quickly_because_torch_stays_out():
    code = "import sys; from studio.__main__ import main; main([]); sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60).returncode
        == 0
    )
