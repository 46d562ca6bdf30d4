"""The seed's story is told to its end on a tiny Kolors, by commands that need no page."""

import json
import sys

import pytest

from tests import seed_story


@pytest.mark.long
def test_the_seeds_story_holds(tiny_kolors, tmp_path, monkeypatch, capsys):
    (tmp_path / "gradio.py").write_text("raise ImportError('no command needs gradio')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["seed_story.py", "--tiny", "--json", "--folder", str(tiny_kolors)])
    seed_story.main()
    lines = {line["what"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert lines["train"]["steps"] == seed_story.TINY.steps
    assert "bf16-mixed is used" in lines["train"]["told"]
    assert (lines["lora show"]["layout"], lines["lora show"]["strength"]) == ("diffsynth-1", 1.0)
    weights = [lines[f"workflow, with the {file}"]["weight"] for file in (".ckpt", "converted file")]
    assert weights == [0.125, 0.5]
    assert len(lines["layers"]["farthest"]) == 3
    pictures = lines["pictures"]
    assert pictures["lora_changes"]["mean"] > 1
    assert pictures["float16_file_from_ckpt"]["most"] <= 1
