"""Several processes learn what one learns from the same pictures."""

import os
import subprocess
import sys

import pytest

from studio.settings import ROOT
from tests.training.conftest import told


def losses(folder):
    """Loss of each step."""
    return [event["loss"] for event in told(folder, "step")]


def assert_same_course(one, two):
    """Within what adding up in another order costs."""
    assert len(one) == len(two)
    assert max(abs(a - b) for a, b in zip(one, two, strict=True)) < 1e-4


@pytest.fixture
def alone(train, ask):
    """One device, batches of up to three pictures: sets of 3, 1 and 1 make uneven shares of two."""
    return train(ask(batch_size=4, max_steps=5, ema_decay=0.9))


@pytest.mark.long
def test_two_devices_learn_what_one_does(alone, ask, new_run, start):
    folder = new_run(ask(batch_size=2, devices=2, max_steps=5, ema_decay=0.9, checkpoint_every=2, name="two"))
    worker = start(folder)
    assert worker.end() == 0, folder.log_tail(40)
    assert folder.record().state == "finished"
    assert_same_course(losses(folder), losses(alone))
    assert [point.step for point in folder.checkpoints()] == [2, 4, 5]
    assert len(told(folder, "started")) == 1


@pytest.mark.long
def test_two_devices_stop_together_and_go_on(alone, ask, new_run, start):
    folder = new_run(ask(batch_size=2, devices=2, max_steps=5, ema_decay=0.9, name="two"))
    worker = start(folder)
    worker.wait_for("step", 1)
    folder.order("stop")
    assert worker.end() == 0, folder.log_tail(40)
    if folder.record().state == "stopped":
        assert start(folder).end() == 0
    assert_same_course([e["loss"] for e in told(folder, "step")], losses(alone))


@pytest.mark.long
def test_torchrun_starts_the_processes(alone, ask, new_run, settings):
    folder = new_run(ask(batch_size=2, devices=2, max_steps=5, ema_decay=0.9, name="two"))
    told_folders = {
        "INKSTONE_MODELS": str(settings.models_dir), "INKSTONE_OUTPUT": str(settings.output_dir),
        "INKSTONE_RUNS": str(settings.runs_dir), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
             "-m", "studio.training.worker", str(folder.path)]  # fmt: skip
    done = subprocess.run(
        words, env={**os.environ, **told_folders}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same_course(losses(folder), losses(alone))


def test_team_of_another_size_is_refused(train, ask, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "3")
    folder = train(ask(devices=2), code=1)
    assert "3 processes were started" in folder.record().says("en")
