"""What was trained, told and tended from the command line."""

import json

import pytest

from studio.runs import Runs
from studio.train_request import TrainRequest
from tests.commands.test_train import environment, run, runs
from tests.runs.conftest import until

__all__ = ["environment", "run", "runs"]


@pytest.fixture
def create(runs: Runs, dataset):
    """Starts a run that learns nothing."""

    def create(name, steps=3, **others):
        return runs.create(TrainRequest(name=name, max_steps=steps, dataset_path=str(dataset), **others))

    return create


def test_without_runs_it_says_how_to_start_one(run):
    assert "python -m studio train" in run("runs")[1]
    assert json.loads(run("runs", "list", "--json")[1]) == {"runs": []}


def test_the_list_names_state_and_place(run, runs, create):
    first, second = create("a", 500), create("b")
    until(lambda: runs.get(first.id).record.steps)
    code, out, _ = run("runs", "--language", "zh")
    assert code == 0
    assert f"{second.id}  排队中  队列第 1 位" in out
    assert f"{first.id}  训练中" in out
    assert [told["name"] for told in json.loads(run("runs", "--json")[1])["runs"]] == ["b", "a"]
    assert run("runs", "stop", first.id)[0] == 0
    until(lambda: runs.get(second.id).state == "finished")


def test_one_run_is_shown_with_what_was_asked_for_and_its_log(run, runs, create):
    view = create("ink", lora_rank=7)
    until(lambda: runs.get(view.id).state == "finished")
    out = run("runs", "show", view.id)[1]
    assert "lora_rank = 7" in out
    assert "worker of ink" in out
    told = json.loads(run("runs", "show", view.id, "--json")[1])
    assert (told["state"], told["request"]["lora_rank"], told["checkpoints"]) == ("finished", 7, [])


def test_a_broken_run_is_shown_and_can_be_deleted(run, runs, create):
    view = create("ink")
    until(lambda: runs.get(view.id).state == "finished")
    (view.folder.path / "run.json").write_text("{")
    assert f"{view.id}  broken" in run("runs")[1]
    assert "can't be read" in run("runs", "show", view.id)[1]
    assert json.loads(run("runs", "show", view.id, "--json")[1])["request"] is None
    assert run("runs", "resume", view.id)[0] == 2
    assert run("runs", "delete", view.id)[0] == 0
    assert runs.list() == []


def test_resume_can_leave_the_run_alone(run, runs, create):
    view = create("ink", 500)
    until(lambda: runs.get(view.id).record.step > 2)
    runs.kill(view.id)
    code, out, _ = run("runs", "resume", view.id, "--queue", "--json")
    assert (code, json.loads(out)["state"]) == (0, "running")
    runs.kill(view.id)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("show",), "needs the id"),
        (("show", "gone"), "no run 'gone'"),
        (("stop", "ID"), "is finished"),
        (("resume", "ID"), "nothing to resume"),
        (("dance",), "dance"),
        (("delete", "../outputs"), "no run"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, runs, create, words, part):
    view = create("ink", 1)
    until(lambda: runs.get(view.id).state == "finished")
    code, out, err = run("runs", *(view.id if word == "ID" else word for word in words))
    assert (code, out) == (2, "")
    assert part in err
    assert len(err.strip().splitlines()) == 1
