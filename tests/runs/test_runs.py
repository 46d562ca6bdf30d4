"""The queue: one run after another, nothing lost when a worker, a page or a server dies, one clear sentence for what
can't be."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio.datasets.errors import FolderEmpty, FolderMissing
from studio.disk import DiskFull, NotWritable
from studio.errors import ModelMissing, ModelNotHere
from studio.runs import RunFolder, Runs
from studio.settings import ROOT, Settings
from studio.train_errors import (
    DatasetChanged,
    NameTaken,
    NoRoomForCheckpoints,
    PathMissing,
    RunAlive,
    RunBroken,
    RunMissing,
    RunNotAlive,
    RunNotResumable,
    TrainingNotHere,
)
from tests.runs.conftest import until
from tests.worker import COMMAND


def state(runs, view):
    return runs.get(view.id).state


def is_at(runs, view, step):
    return lambda: runs.get(view.id).record.step >= step


def losses(view):
    from studio.runs.events import settled

    return [(e["step"], e["loss"]) for e in settled(view.folder.events()[0]) if e["kind"] == "step"]


def test_three_runs_go_one_after_another_and_a_failing_one_stops_nothing(runs, ask):
    views = [
        runs.create(ask(name, trigger_word=word)) for name, word in (("a", ""), ("b", "fail"), ("c", ""))
    ]
    assert [runs.get(view.id).position for view in views] == [0, 1, 2]
    until(lambda: state(runs, views[2]) == "finished")  # nobody ticks: each worker starts the next
    ended = [runs.get(view.id) for view in views]
    assert [view.state for view in ended] == ["finished", "failed", "finished"]
    assert ended[1].record.says("zh") == "出错了。"
    for earlier, later in itertools.pairwise(ended):
        assert earlier.record.ended_at <= later.record.started_at
    assert [view.name for view in runs.list()] == ["c", "b", "a"]


def test_a_worker_that_dies_at_once_does_not_stop_the_queue(runs, ask):
    first, second = runs.create(ask("a", trigger_word="die")), runs.create(ask("b"))
    until(lambda: state(runs, first) == "interrupted")
    runs.tick()
    until(lambda: state(runs, second) == "finished")
    assert "worker of a" in runs.get(first.id).record.says("en")
    assert first.folder.events()[0][-1]["kind"] == "ended"


def test_killed_and_resumed_it_has_one_unbroken_curve(runs, ask):
    view = runs.create(ask(steps=60, checkpoint_every=10))
    until(is_at(runs, view, 25))
    os.kill(runs.get(view.id).record.pid, signal.SIGKILL)
    assert until(lambda: state(runs, view) == "interrupted") < 5
    runs.tick()
    last = view.folder.checkpoints()[-1].step
    resumed = runs.resume(view.id)
    assert resumed.record.resumed_from == last >= 20
    until(lambda: state(runs, view) == "finished")
    assert losses(view) == [(step, 1 / step) for step in range(1, 61)]
    told = [event["kind"] for event in view.folder.events()[0]]
    assert told.count("started") == 2
    with pytest.raises(RunNotResumable):
        runs.resume(view.id)


def test_killed_before_its_first_checkpoint_it_begins_again(runs, ask):
    view = runs.create(ask(steps=40))
    until(is_at(runs, view, 3))
    assert runs.kill(view.id).state == "interrupted"
    assert runs.resume(view.id).record.resumed_from is None
    until(lambda: state(runs, view) == "finished")
    assert losses(view) == [(step, 1 / step) for step in range(1, 41)]


def test_stop_keeps_a_checkpoint_and_what_follows_goes_on(runs, ask):
    view, after = runs.create(ask("a", steps=500)), runs.create(ask("b"))
    until(is_at(runs, view, 2))
    assert runs.stop(view.id).state in ("stopping", "stopped")
    until(lambda: state(runs, after) == "finished")
    stopped = runs.get(view.id)
    assert stopped.state == "stopped"
    assert stopped.folder.checkpoints()[-1].step == stopped.record.step
    with pytest.raises(RunNotAlive) as caught:
        runs.stop(view.id)
    assert "stopped" in caught.value.say("en")
    assert "已停止" in caught.value.say("zh")


def test_a_run_that_takes_its_order_to_stop_is_seen_as_stopping_all_along(runs, ask, monkeypatch):
    folder = runs.begin_here(ask())
    runs.stop(folder.id)
    seen, unlink = [], Path.unlink

    def watched(path, **others):
        seen.append(state(runs, folder))
        unlink(path, **others)
        seen.append(state(runs, folder))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", watched)
        taken = folder.take_orders()
    folder.update(state="stopped")  # nobody's worker any more, or what ends all runs would end the tests
    assert (taken, set(seen)) == ({"stop"}, {"stopping"})


def test_orders_are_taken_once(runs, ask):
    view = runs.create(ask(steps=100))
    until(is_at(runs, view, 2))
    runs.save_now(view.id)
    runs.sample_now(view.id)
    until(lambda: view.folder.checkpoints())
    until(lambda: any(event["kind"] == "sample" for event in view.folder.events()[0]))
    assert not view.folder.waiting_orders()
    assert len(view.folder.checkpoints()) == 1


def test_a_queued_run_can_leave_the_queue_and_come_back(runs, ask):
    first, second = runs.create(ask("a", steps=200)), runs.create(ask("b"))
    assert runs.stop(second.id).state == "stopped"
    assert runs.resume(second.id).state == "queued"
    runs.stop(first.id)
    until(lambda: state(runs, second) == "finished")


def test_another_process_adopts_what_it_finds(runs, settings, ask):
    view = runs.create(ask(steps=60))
    until(is_at(runs, view, 5))
    other = Runs(Settings.from_environment(models_dir=settings.models_dir, output_dir=settings.output_dir))
    other.tick()
    seen = other.get(view.id)
    assert (seen.state, seen.record.pid) == ("running", runs.get(view.id).record.pid)
    until(lambda: state(other, view) == "finished")
    assert losses(view) == [(step, 1 / step) for step in range(1, 61)]


def test_a_server_killed_mid_run_leaves_the_run_at_work(runs, settings, ask):
    code = (
        "import sys, json; from studio.runs import Runs; from studio.settings import Settings\n"
        "from studio.train_request import TrainRequest\n"
        "runs = Runs(Settings.from_environment(), worker=json.loads(sys.argv[2]))\n"
        "print(runs.create(TrainRequest.from_dict(json.loads(sys.argv[1]))).id, flush=True)\n"
        "import time; time.sleep(60)"
    )
    server = start(settings, code, json.dumps(ask(steps=80).to_dict()), json.dumps(COMMAND))
    view = runs.get(server.stdout.readline().strip())
    until(is_at(runs, view, 3))
    server.kill()
    server.communicate()
    until(lambda: state(runs, view) == "finished")
    assert losses(view) == [(step, 1 / step) for step in range(1, 81)]


def test_an_id_that_belongs_to_another_process_by_now_is_no_worker(runs, ask):
    view = runs.create(ask(steps=200))
    until(is_at(runs, view, 2))
    worker = runs.get(view.id).record.process
    os.kill(worker.pid, signal.SIGSTOP)  # so that it writes nothing more
    view.folder.update(pid=os.getpid())  # this process runs, but began at another time
    assert state(runs, view) == "interrupted"
    runs.tick()
    assert view.folder.record().state == "interrupted"
    worker.kill()


def test_two_starts_at_once_make_one_run(runs, settings, ask):
    code = (
        "import sys, json, time; from studio.runs import Runs; from studio.settings import Settings\n"
        "from studio.errors import StudioError; from studio.train_request import TrainRequest\n"
        "runs = Runs(Settings.from_environment(), worker=json.loads(sys.argv[2]))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try: print(runs.create(TrainRequest.from_dict(json.loads(sys.argv[1]))).id)\n"
        "except StudioError as error: print(type(error).__name__)"
    )
    request = json.dumps(ask(steps=30).to_dict())
    pair = [start(settings, code, request, json.dumps(COMMAND)) for _ in range(2)]
    for process in pair:
        assert process.stdout.readline() == "ready\n"
    for process in pair:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.communicate(timeout=30)[0].strip() for process in pair)
    assert len(runs.list()) == 1
    assert said == sorted([runs.list()[0].id, "NameTaken"])


def test_two_processes_that_tick_at_once_start_one_worker(runs, settings, ask):
    first, second = runs.create(ask("a", steps=500)), runs.create(ask("b", steps=30))
    until(is_at(runs, first, 2))
    code = (
        "import sys, json; from studio.runs import Runs; from studio.settings import Settings\n"
        "runs = Runs(Settings.from_environment(), worker=json.loads(sys.argv[1]))\n"
        "print('ready', flush=True); sys.stdin.readline(); runs.tick()"
    )
    pair = [start(settings, code, json.dumps(COMMAND)) for _ in range(2)]
    for process in pair:
        assert process.stdout.readline() == "ready\n"
    runs.get(first.id).record.process.kill()  # and wait until it is gone: each of the pair looks only once
    for process in pair:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in pair:
        process.communicate(timeout=30)
    assert [process.returncode for process in pair] == [0, 0]
    until(lambda: state(runs, second) == "finished")
    assert [event["kind"] for event in second.folder.events()[0]].count("started") == 1
    assert [event["kind"] for event in first.folder.events()[0]].count("ended") == 1


def test_a_second_worker_on_a_living_run_is_turned_away(runs, settings, ask):
    view = runs.create(ask(steps=100))
    until(is_at(runs, view, 2))
    second = subprocess.run([*COMMAND, str(view.folder.path)], env=surroundings(settings), capture_output=True,
                            text=True, timeout=30)  # fmt: skip
    assert "RunTaken" in second.stderr
    assert state(runs, view) == "running"


def test_a_living_run_is_not_deleted_and_an_ended_one_is_gone(runs, ask):
    view = runs.create(ask(steps=200))
    until(is_at(runs, view, 2))
    with pytest.raises(RunAlive):
        runs.delete(view.id)
    runs.kill(view.id)
    runs.delete(view.id)
    assert runs.list() == []
    assert [file.name for file in runs.dir.iterdir()] == [".lock"]


def test_what_a_crash_left_half_made_is_swept_away(runs, ask):
    (runs.dir / ".new-1234").mkdir(parents=True)
    (runs.dir / ".gone-1234").mkdir()
    runs.tick()
    assert [file.name for file in runs.dir.iterdir()] == [".lock"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "content"),
    [("run.json", b""), ("run.json", b"[]"), ("run.json", b'{"state": "dancing"}'), ("run.json", b'{"pid": "x"}'),
     ("run.json", None), ("request.toml", b"name = "), ("request.toml", None), ("request.toml", b"\xff\x00"),
     ("request.toml", b"lora_rank = 0\n# end of request\n")],
)  # fmt: skip
def test_a_corrupt_folder_is_told_and_spoils_no_other(runs, ask, file, content):
    good = runs.create(ask("good"))
    until(lambda: state(runs, good) == "finished")
    bad = runs.create(ask("bad"))
    until(lambda: state(runs, bad) == "finished")
    target = bad.folder.path / file
    target.unlink()
    if content is not None:
        target.write_bytes(content)
    runs.tick()
    seen = runs.get(bad.id)
    assert seen.state == "broken"
    assert file in seen.broken.say("en")
    assert "其他训练不受影响" in seen.broken.say("zh")
    assert state(runs, good) == "finished"
    with pytest.raises(RunBroken):
        runs.resume(bad.id)
    third = runs.create(ask("third"))
    until(lambda: state(runs, third) == "finished")
    runs.delete(bad.id)
    assert len(runs.list()) == 2


def test_files_in_the_wrong_place_are_no_runs(runs, ask):
    (runs.dir / "cache").mkdir(parents=True)
    (runs.dir / "note.txt").write_text("hello")
    assert runs.list() == []


def test_a_worker_that_cannot_be_started_is_a_failed_run(settings, ask):
    runs = Runs(settings, worker=("/no/such/program",))
    view = runs.create(ask())
    assert view.state == "failed"
    assert "could not be started" in view.record.says("en")


def test_changed_pictures_are_told_before_a_run_goes_on(runs, ask, dataset):
    from studio.datasets.folder import marks, read_folder

    view = runs.create(ask(steps=100))
    until(is_at(runs, view, 2))
    runs.kill(view.id)
    view.folder.keep_marks(marks(read_folder(dataset).items))
    (dataset / "cat.txt").write_text("a big cat")
    (dataset / "boat.png").unlink()
    with pytest.raises(DatasetChanged) as caught:
        runs.resume(view.id)
    assert "0 added, 1 removed, 1 changed" in caught.value.say("en")
    resumed = runs.resume(view.id, accept_changes=True)
    assert resumed.record.accept_changes
    assert resumed.state == "running"


def test_run_again_with_changes_gets_a_name_of_its_own(runs, ask):
    view = runs.create(ask())
    until(lambda: state(runs, view) == "finished")
    (runs._settings.loras_dir).mkdir(exist_ok=True)
    (runs._settings.loras_dir / "ink.safetensors").write_bytes(b"")
    again = runs.rerun(view.id, lora_rank=4)
    assert (again.name, again.request.lora_rank, again.request.max_steps) == ("ink-2", 4, 5)


def test_a_run_without_a_name_takes_its_datasets(runs, ask):
    assert runs.create(ask("")).name == "ink-pictures"
    assert runs.create(ask("")).name == "ink-pictures-2"


def test_ids_tell_time_and_name_and_are_never_made_into_paths(runs, ask):
    view = runs.create(ask("水墨 ink/2".replace("/", "-")))
    assert view.id[8] == "-"
    assert view.id.endswith("-水墨-ink-2")
    for id in ("../outputs", "", ".", view.id + "/", "cache"):
        with pytest.raises(RunMissing):
            runs.get(id)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"dataset_path": ""}, FolderMissing, "dataset_path"),
        ({"dataset_path": "/no/such"}, FolderMissing, "dataset_path"),
        ({"dataset_path": "EMPTY"}, FolderEmpty, "dataset_path"),
        ({"model": "gone"}, ModelMissing, "model"),
        ({"model": "kolors"}, ModelNotHere, "model"),
        ({"pretrained_unet_path": "/no/such"}, PathMissing, "pretrained_unet_path"),
        ({"output_path": "/proc/none"}, NotWritable, None),
        ({"checkpoints_kept": 1000, "lora_rank": 512}, NoRoomForCheckpoints, "checkpoints_kept"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_starts(
    runs, ask, tmp_path, monkeypatch, changes, error, field
):
    (tmp_path / "empty").mkdir()
    changes = {k: str(tmp_path / "empty") if v == "EMPTY" else v for k, v in changes.items()}
    if error is NoRoomForCheckpoints:
        monkeypatch.setattr("studio.runs.checks.free_bytes", lambda folder: 2**30)
    with pytest.raises(error) as caught:
        runs.create(ask().with_(**changes))
    assert caught.value.field == field
    assert caught.value.say("zh") != caught.value.say("en")
    assert runs.list() == []


def test_a_taken_name_is_refused_with_a_free_one(runs, settings, ask):
    runs.create(ask("ink", steps=100))
    settings.loras_dir.mkdir(exist_ok=True)
    (settings.loras_dir / "Moon.safetensors").write_bytes(b"")
    for name, free in (("INK", "INK-2"), ("moon", "moon-2")):
        with pytest.raises(NameTaken) as caught:
            runs.create(ask(name))
        assert caught.value.field == "name"
        assert free in caught.value.say("en")


def test_a_public_host_does_not_train(settings, ask):
    public = Settings.from_environment(
        models_dir=settings.models_dir, output_dir=settings.output_dir, public=True
    )
    with pytest.raises(TrainingNotHere):
        Runs(public).create(ask())


def test_a_full_disk_is_told_and_leaves_no_half_run(runs, ask, monkeypatch):
    import errno

    runs.create(ask("a"))

    def full(self, target):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("pathlib.Path.rename", full)
    with pytest.raises(DiskFull):
        runs.create(ask("b"))
    monkeypatch.undo()
    runs.tick()
    assert [view.name for view in runs.list()] == ["a"]


def test_a_worker_elsewhere_is_known_by_its_heartbeat(runs, ask):
    import time

    view = runs.create(ask(steps=200))
    until(is_at(runs, view, 2))
    runs.kill(view.id)
    view.folder.update(state="running", host="another machine", heartbeat_at=time.time() - 30)
    assert state(runs, view) == "running"
    here = runs.create(ask("b", steps=2))
    until(lambda: state(runs, here) == "finished")  # a run elsewhere holds up nothing here
    view.folder.update(heartbeat_at=time.time() - 300)
    assert state(runs, view) == "interrupted"


def test_watching_keeps_the_queue_going_with_nobody_looking(settings, runs, ask):
    code = (
        "import sys, json, time; from studio.runs import Runs; from studio.settings import Settings\n"
        "Runs(Settings.from_environment(), worker=json.loads(sys.argv[1])).watch(0.2); time.sleep(60)"
    )
    first, second = runs.create(ask("a", steps=500)), runs.create(ask("b"))
    server = start(settings, code, json.dumps(COMMAND))
    until(is_at(runs, first, 2))
    os.kill(runs.get(first.id).record.pid, signal.SIGKILL)
    until(lambda: state(runs, second) == "finished")
    server.kill()
    server.communicate()


def test_a_hundred_runs_are_listed_quickly_and_truly(runs, ask, monkeypatch):
    from studio.runs import Record

    for n in range(100):
        path = runs.dir / f"20260101-000000-{n}"
        path.mkdir(parents=True)
        RunFolder(path).make(ask(f"run {n}"), Record("finished"))
    assert len(runs.list()) == 100
    read = []
    record = RunFolder.record
    monkeypatch.setattr(RunFolder, "record", lambda folder: read.append(folder.id) or record(folder))
    assert len(runs.list()) == 100  # looked at before
    assert read == []
    RunFolder(path).update(state="stopped")
    assert [view.state for view in runs.list()].count("stopped") == 1


def surroundings(settings):
    return {
        **os.environ, "INKSTONE_MODELS": str(settings.models_dir), "INKSTONE_OUTPUT": str(settings.output_dir),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def start(settings, code, *words):
    return subprocess.Popen([sys.executable, "-c", code, *words], env=surroundings(settings), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
