"""A run's files stay readable whatever was cut off, and say the same to everybody."""

import json
import os
import zipfile

import pytest

from studio.runs import Record, RunFolder
from studio.runs.events import settled
from studio.runs.process import Process
from studio.train_errors import RunBroken, RunTaken
from studio.train_request import TrainRequest
from tests.worker import keep


@pytest.fixture
def folder(tmp_path):
    """A run that nobody works on."""
    path = tmp_path / "runs" / "20260101-000000-ink"
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.make(
        TrainRequest(name="ink", sample_prompts=('a "boat"\n\\', "一只猫 🐱")), Record(created_at=1.5)
    )
    return folder


def cuts(file):
    """Every state that a file can be left in when writing it was cut off."""
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        yield length
    file.write_bytes(whole)


def test_what_was_asked_for_comes_back(folder):
    assert folder.request().sample_prompts == ('a "boat"\n\\', "一只猫 🐱")
    assert folder.record() == Record(created_at=1.5)


@pytest.mark.parametrize(("file", "read"), [("run.json", "record"), ("request.toml", "request")])
def test_a_file_cut_at_any_byte_is_told_as_broken_and_never_read_as_another(folder, file, read):
    for _ in cuts(folder.path / file):
        with pytest.raises(RunBroken) as caught:
            getattr(folder, read)()
        assert file in caught.value.say("en")
    getattr(folder, read)()


def test_events_cut_at_any_byte_lose_the_torn_line_only(folder):
    for step in (1, 2, 3):
        folder.append("step", step=step, prompt="海")
    lines = (folder.path / "events.jsonl").read_bytes().splitlines(keepends=True)
    for length in cuts(folder.path / "events.jsonl"):
        whole = [n for n in (1, 2, 3) if sum(map(len, lines[:n])) <= length]
        assert [event["step"] for event in folder.events()[0]] == whole


def test_an_event_after_a_torn_line_is_whole(folder):
    folder.append("step", step=1)
    with (folder.path / "events.jsonl").open("ab") as stream:
        stream.write(b'{"kind": "st')
    folder.append("step", step=2)
    assert [event["step"] for event in folder.events()[0]] == [1, 2]


def test_events_are_read_on_from_where_reading_ended(folder):
    folder.append("step", step=1)
    first, offset = folder.events()
    folder.append("step", step=2)
    assert [event["step"] for event in folder.events(offset)[0]] == [2]
    assert folder.events(folder.events(offset)[1])[0] == []
    assert len(folder.events(10**9)[0]) == 2  # a file that became shorter
    assert first[0]["t"] > 0


def test_strange_lines_are_no_events(folder):
    (folder.path / "events.jsonl").write_bytes(
        b'null\n[1]\n{"kind": 3}\n\xff\xfe\n\0\0\n{"kind": "step", "step": 9}\n'
    )
    assert folder.events()[0] == [{"kind": "step", "step": 9}]


def test_a_checkpoint_cut_at_any_byte_does_not_count(folder):
    keep(folder, 10)
    keep(folder, 20)
    assert [point.step for point in folder.checkpoints()] == [10, 20]
    for file in folder.checkpoints_dir.glob("step-000020.*"):
        for _ in cuts(file):
            assert [point.step for point in folder.checkpoints()] == [10]
    (folder.checkpoints_dir / "step-000020.safetensors").unlink()
    (folder.checkpoints_dir / "step-x.ckpt").write_bytes(b"")
    assert [point.step for point in folder.checkpoints()] == [10]
    with zipfile.ZipFile(folder.checkpoints()[0].state_file) as archive:
        assert archive.read("state") == b"10"


def test_marks_cut_at_any_byte_are_no_marks(folder):
    assert folder.marks() is None
    folder.keep_marks({"train/猫.png": "1"})
    for _ in cuts(folder.path / "dataset.json"):
        assert folder.marks() is None
    assert folder.marks() == {"train/猫.png": "1"}


def test_the_log_ends_with_its_last_lines_whatever_it_holds(folder):
    assert folder.log_tail() == ""
    folder.log_file.write_bytes(b"x" * 200_000 + b"\n\xff\xfe\nlast but one\nlast\n")
    assert folder.log_tail(2) == "last but one\nlast"
    for _ in range(3):
        assert len(folder.log_tail()) < 200_000


def test_a_record_of_a_later_studio_is_read(folder):
    told = json.loads((folder.path / "run.json").read_text())
    (folder.path / "run.json").write_text(json.dumps(told | {"colour": "red", "step": 7}))
    assert folder.record().step == 7


def test_claiming_makes_this_process_the_worker_once(folder):
    record = folder.claim()
    assert record.process == Process.this()
    assert record.is_alive
    folder.claim()
    parent = Process.found(os.getppid())
    folder.update(pid=parent.pid, process_started_at=parent.started_at)
    with pytest.raises(RunTaken):
        folder.claim()


def test_what_came_after_the_point_of_resuming_does_not_count():
    def step(n, kind="step"):
        return {"kind": kind, "step": n}

    first = [
        {"kind": "started", "resumed_from": None},
        step(1),
        step(2),
        step(2, "checkpoint"),
        step(3),
        step(3, "sample"),
    ]
    again = [{"kind": "started", "resumed_from": 2}, step(3), step(4)]
    kept = settled([*first, *again])
    assert [e["step"] for e in kept if e["kind"] == "step"] == [1, 2, 3, 4]
    assert [e["kind"] for e in kept].count("sample") == 0
    from_scratch = settled([*first, {"kind": "started", "resumed_from": None}, step(1)])
    assert [e["step"] for e in from_scratch if e["kind"] == "step"] == [1]
