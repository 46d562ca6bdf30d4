"""What README and CONTRIBUTING tell people to type works."""

import re
import shlex
import subprocess
import sys

import pytest

from studio.__main__ import main
from studio.settings import ROOT

TO_RUN = "pip install -r requirements.txt && python app.py"
TO_TEST = "pip install -r requirements-dev.txt && python -m pytest"


def commands(page):
    """The lines of a page's bash blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


PAGES = ("README.md", "CONTRIBUTING.md", "docs/training.md", "docs/datasets.md", "docs/models.md")


def test_readme_begins_with_the_two_commands():
    assert commands("README.md")[:2] == [TO_RUN, TO_TEST]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_and_met_here(name):
    from importlib.metadata import version

    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-r ")):
            package, pin = line.split("==")
            assert version(package).split("+")[0] == pin, package


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_every_command_works(page, tmp_path, monkeypatch, capsys):
    """In the order of the page, as its reader would. What takes minutes or never ends is asked for its help, which must
    know the options given; installing and the checks themselves are the continuous integration's part."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKSTONE_OUTPUT", str(tmp_path / "outputs"))
    told = commands(page)
    assert told
    for line in told:
        if line not in (TO_RUN, TO_TEST, ".ci/run"):
            _try(line, capsys)


def _try(line, capsys):
    program, *words = shlex.split(line)
    if program in ("ruff", "mypy", "pip", "git", "cd"):
        return
    assert program == "python", line
    if words[:2] == ["-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[2:] if "/" in word), line
        return
    trains = words[:3] == ["-m", "studio", "train"]
    if words[:2] == ["-m", "studio"] and not trains:
        assert main(words[2:]) == 0, f"{line}: {capsys.readouterr().err}"
        return
    target = words[:3] if trains else words[:2] if words[0] == "-m" else words[:1]
    asked = subprocess.run(
        [sys.executable, *target, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert asked.returncode == 0, asked.stderr
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0].replace("_", "-") in asked.stdout.replace("_", "-"), (
                f"{line}: {word}"
            )
