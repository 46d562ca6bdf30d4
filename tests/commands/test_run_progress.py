"""A run in a terminal: the bar is for eyes only, sentences are for everyone, and a log file gets a line now and then."""

import pytest

from studio.commands.run_progress import RunLine

STEP = {"kind": "step", "loss": 0.5, "smoothed": 0.25, "pictures_per_s": 3.21, "eta_s": 75.2}


def show(events, language="en", steps=100):
    line = RunLine(language)
    for event in events:
        line.show(event, steps)


@pytest.mark.parametrize("is_watched", [True, False])
def test_the_bar_says_loss_step_and_time_left(monkeypatch, capsys, is_watched):
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_watched)
    show([{"kind": "stage", "name": "encode", "done": 3, "total": 12}, {**STEP, "step": 50}])
    said = capsys.readouterr().err
    assert "step 50 of 100, loss 0.2500, 3.21 pictures/s, 1:15 left" in said
    assert ("[██████░░░░░░░░░░░░░░░░░░] 3/12" in said) is is_watched
    assert ("[████████████░░░░░░░░░░░░] step" in said) is is_watched
    assert ("\r" in said) is is_watched


def test_a_log_gets_twenty_lines_and_no_more(capsys):
    show([{**STEP, "step": step} for step in range(1, 1001)], steps=1000)
    assert 20 <= len(capsys.readouterr().err.splitlines()) <= 21


def test_what_is_worth_keeping_stays_in_the_language_asked_for(capsys):
    show(
        [{"kind": "validation", "step": 5, "loss": 0.1}, {"kind": "sample", "step": 5, "file": "samples/5-0.png"},
         {"kind": "message", "level": "warning", "en": "careful", "zh": "小心"}, {"kind": "started"},
         {"kind": "stage", "name": "unheard-of"}, {"kind": "of a later studio"}],
        "zh",
    )  # fmt: skip
    assert capsys.readouterr().err.splitlines() == [
        "第 5 步：验证损失 0.1000。",
        "第 5 步：试画 samples/5-0.png",
        "小心",
    ]


def test_hours_are_told_as_hours(capsys):
    show([{**STEP, "step": 1, "eta_s": 3723.0}, {**STEP, "step": 60, "eta_s": None}])
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(", 1:02:03 left")
    assert second.endswith("pictures/s")
