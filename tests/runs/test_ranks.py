"""All ranks of one launch find one run, whoever comes first, and find it again when they are started anew."""

import json
import os
import subprocess
import sys

import pytest

from studio.runs.ranks import launch_key, launched_rank
from studio.settings import ROOT
from studio.train_errors import TrainingNameless

JOINS = (
    "import sys, json, os\n"
    "from studio.errors import StudioError; from studio.runs import Runs; from studio.runs.ranks import launched_rank, shared_run\n"
    "from studio.settings import Settings; from studio.train_request import TrainRequest\n"
    "runs, request = Runs(Settings.from_environment()), TrainRequest.from_dict(json.loads(sys.argv[1]))\n"
    "try: print(shared_run(runs, request, launched_rank()).id, flush=True)\n"
    "except StudioError as error: print(type(error).__name__, flush=True)\n"
    "sys.stdin.readline()"
)


@pytest.fixture
def launch(settings, ask):
    """Starts ranks as torchrun or srun would, in the order given; answers what each of them found."""

    def launch(ranks, **environment):
        around = {
            k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "TORCHELASTIC", "INKSTONE"))
        }
        around |= {"INKSTONE_MODELS": str(settings.models_dir), "INKSTONE_OUTPUT": str(settings.output_dir)}
        request = json.dumps(ask().to_dict())
        processes = []
        for rank in ranks:
            words = {"PYTHONPATH": str(ROOT), "RANK": str(rank), "WORLD_SIZE": str(len(ranks)), **environment}
            processes.append(subprocess.Popen([sys.executable, "-c", JOINS, request], env=around | words, text=True,
                                              stdin=subprocess.PIPE, stdout=subprocess.PIPE))  # fmt: skip
        found = [process.stdout.readline().strip() for process in processes]
        for process in processes:
            process.communicate("\n", timeout=30)
        return found

    return launch


@pytest.mark.long
@pytest.mark.parametrize(
    "environment",
    [{"LOCAL_WORLD_SIZE": "3"}, {"TORCHELASTIC_RUN_ID": "a b/c"}, {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0"},
     {"INKSTONE_RUN": "水墨"}],
)  # fmt: skip
def test_all_ranks_work_on_one_run_though_rank_0_comes_last(launch, runs, environment):
    found = launch([2, 1, 0], **environment)
    (view,) = runs.list()
    assert found == [view.id] * 3
    assert view.record.started_at


@pytest.mark.long
def test_a_job_that_is_requeued_takes_its_run_up_again(launch, runs):
    job = {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0"}
    first = launch([0, 1], **job)
    assert runs.get(first[0]).state == "interrupted"  # preempted: its process is gone
    assert launch([1, 0], SLURM_RESTART_COUNT="1", **job) == first
    assert len(runs.list()) == 1
    assert launch([0, 1], **{**job, "SLURM_JOB_ID": "78"})[0] != first[0]


def test_a_finished_run_is_not_trained_again(launch, runs):
    first = launch([0, 1], INKSTONE_RUN="a")
    runs.get(first[0]).folder.update(state="finished")
    assert launch([0, 1], INKSTONE_RUN="a") == ["RunNotResumable"] * 2


def test_a_run_that_was_deleted_is_made_anew(launch, runs):
    first = launch([0], INKSTONE_RUN="a")
    runs.tick()
    runs.delete(first[0])
    (again,) = launch([0], INKSTONE_RUN="a")
    assert [view.id for view in runs.list()] == [again]


@pytest.mark.parametrize(
    ("environment", "rank"),
    [({}, None), ({"WORLD_SIZE": "4", "RANK": "3"}, 3), ({"SLURM_NTASKS": "2", "SLURM_PROCID": "1"}, 1),
     ({"WORLD_SIZE": "2"}, None), ({"SLURM_NTASKS": "2"}, None), ({"WORLD_SIZE": "x", "RANK": "0"}, None)],
)  # fmt: skip
def test_a_rank_is_known_by_its_launcher(environment, rank):
    assert launched_rank(environment) == rank


def test_several_machines_need_a_name_in_common():
    with pytest.raises(TrainingNameless):
        launch_key({"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"})


def test_a_key_is_a_file_name_whatever_it_is_made_of():
    keys = {
        launch_key({"INKSTONE_RUN": told}) for told in ("../../a", "a/b", "a b", "水墨", "墨水", "x" * 300)
    }
    assert len(keys) == 6
    assert all("/" not in key and len(key) < 100 for key in keys)
