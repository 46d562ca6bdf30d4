"""The running line is for eyes only; sentences are for everyone."""

from dataclasses import replace

import pytest

from studio.commands.progress import ProgressLine
from studio.engine.events import LoraMatch, Notice, StageStarted, Step
from studio.words import Said, Text

NOTICE = Notice(Said(Text("rounded", "已取整"), {}))
LORA = LoraMatch("ink", 10, 12, 4, 0.8, "file", "kolors")


@pytest.mark.parametrize("is_watched", [True, False])
def test_steps_are_shown_where_somebody_watches(monkeypatch, capsys, is_watched):
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_watched)
    line = ProgressLine("en")
    for event in (StageStarted("load"), Step(0, 3, 20, None, 1.6), NOTICE, LORA, object()):
        line.show(event)
    said = capsys.readouterr().err
    assert ("step 3 of 20, 2 s left" in said) is is_watched
    assert "rounded\n" in said
    assert "LoRA ink: 10 of 12 layers, rank 4, strength 0.80, Kolors." in said


def test_chinese_is_spoken(capsys):
    ProgressLine("zh").show(replace(LORA, family=None, text_layers=72))
    assert "匹配 10/12 层，秩 4，强度 0.80，文本编码器 72 层。" in capsys.readouterr().err
