"""Looking at runs: what every browser sees, at any moment, is what the runs folder says."""

import dataclasses
import shutil
import time

import pytest

from studio.runs import Record, RunFolder
from studio.train_request import TrainRequest
from tests.ui.conftest import drawn
from tests.ui.train import draw_bench, ended, paint, public, until


@pytest.fixture
def bench(settings, engine, tmp_path, tiny_lora):
    loras = tmp_path / "loras"
    loras.mkdir()
    settings = dataclasses.replace(settings, loras_dir=loras)
    bench = drawn(lambda: draw_bench(settings, engine))
    with ended(bench.runs):
        yield bench


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    return paint(tmp_path_factory.mktemp("ink"))


@pytest.fixture
def finished(bench, pictures, tiny_lora):
    """A run that ended well: two checkpoints with a LoRA that fits, samples at both, and the LoRA on the shelf."""
    folder = RunFolder(bench.workshop.sheet.studio.settings.runs_dir / "20260101-120000-ink")
    folder.path.mkdir(parents=True)
    request = TrainRequest(name="ink", trigger_word="shui", max_steps=4, sample_steps=2, width=64, height=64,
                           dataset_path=pictures)  # fmt: skip
    folder.make(
        request, Record("finished", created_at=time.time(), started_at=1.0, ended_at=63.0, step=4, steps=4)
    )
    folder.append("started", pid=1, resumed_from=None)
    picture = next(bench.workshop.checks.pictures(folder.path.parent / pictures).path.glob("train/*.png"))
    for step in range(1, 5):
        folder.append("step", step=step, loss=1 / step, smoothed=1 / step, lr=1e-4, pictures_per_s=2.0, eta_s=1.0,
                      memory_bytes=2**20)  # fmt: skip
    for step in (2, 4):
        name = f"step-{step:06d}"
        shutil.copyfile(picture, folder.samples_dir / f"{name}-0.png")
        shutil.copyfile(tiny_lora, folder.checkpoints_dir / f"{name}.safetensors")
        shutil.make_archive(str(folder.checkpoints_dir / name), "zip", folder.samples_dir)
        (folder.checkpoints_dir / f"{name}.zip").rename(folder.checkpoints_dir / f"{name}.ckpt")
        folder.append(
            "sample", step=step, index=0, prompt="shui, a <b>boat", seed=12, file=f"samples/{name}-0.png"
        )
    shutil.copyfile(tiny_lora, bench.workshop.sheet.studio.settings.loras_dir / "ink.safetensors")
    folder.log_file.write_text("it <ends>\n")
    return bench.runs.get(folder.id)


def visible(told, bench):
    return {name for name, made in bench.on.watching.orders.items() if told[made]["visible"]}


def card(told, bench):
    return told[bench.on.watching.card]["value"]


def test_an_empty_folder_invites(bench):
    told = bench.shown()
    assert "Nothing has been trained here yet" in card(told, bench)
    assert visible(told, bench) == set()
    assert told[bench.on.watching.chosen]["visible"] is False


def test_a_run_is_seen_from_start_to_end_by_everybody(bench, pictures):
    view = bench.start(name="ink", dataset_path=pictures, trigger_word="slow", max_steps=400)
    until(bench, view.id, "running")
    while bench.runs.get(view.id).record.step < 2:
        time.sleep(0.05)
    told = bench.shown()
    assert "Step " in card(told, bench)
    assert "of 400" in card(told, bench)
    assert "<svg" in card(told, bench)
    assert 'role="progressbar"' in card(told, bench)
    assert visible(told, bench) == {"stop", "save", "sample", "rerun"}
    assert "worker of ink" in told[bench.on.watching.log]["value"]
    chinese = bench.shown(bench.data("zh"))
    assert "训练中" in card(chinese, bench)
    for order in ("save", "sample"):
        bench.on.watching.order(order)(bench.data())
    deadline = time.monotonic() + 30
    while not (view.folder.checkpoints() and bench.on.watching.story(view).samples):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    bench.on.watching.order("stop")(bench.data())
    until(bench, view.id, "stopped")
    told = bench.shown()
    assert visible(told, bench) == {"resume", "rerun", "delete"}
    assert "Stopped at step" in card(told, bench)


def test_a_tick_sends_only_what_has_changed(bench, finished):
    first = bench.shown()
    seen = first[bench.on.watching.seen]
    data = {**bench.data(), bench.on.watching.seen: seen, bench.on.watching.chosen: finished.id}
    again = bench.on.watching.tick(data)
    assert list(again) == [bench.on.watching.seen]
    finished.folder.append("validation", step=4, loss=0.25)
    told = bench.on.watching.tick({**data, bench.on.watching.seen: again[bench.on.watching.seen]})
    assert set(told) == {bench.on.watching.seen, bench.on.watching.card}
    assert "0.2500" in card(told, bench)


def test_three_runs_wait_in_a_queue_and_say_so(bench, pictures):
    for name in ("one", "two", "three"):
        bench.start(name=name, dataset_path=pictures, trigger_word="slow", max_steps=900)
    labels = [label for label, _ in bench.shown()[bench.on.watching.chosen]["choices"]]
    assert [label.rsplit(" · ", 1)[0] for label in labels] == [
        "three · queued, place 2", "two · queued, place 1", "one · running",
    ]  # fmt: skip
    waiting = next(view for view in bench.runs.list() if view.name == "three")
    told = bench.shown({**bench.data(), bench.on.watching.chosen: waiting.id})
    assert "Waiting in the queue, place 2" in card(told, bench)
    assert visible(told, bench) == {"stop", "rerun", "delete"}


def test_a_failure_tells_its_reason_and_a_resume_goes_on(bench, pictures):
    view = bench.start(name="ink", dataset_path=pictures, trigger_word="fail")
    until(bench, view.id, "failed")
    told = bench.shown()
    assert "It went wrong." in card(told, bench)
    assert 'role="alert"' in card(told, bench)
    assert "出错了。" in card(bench.shown(bench.data("zh")), bench)
    bench.on.watching.resume(bench.data())
    assert bench.runs.get(view.id).state in ("queued", "running", "failed")


def test_a_killed_worker_is_seen_at_once(bench, pictures):
    view = bench.start(name="ink", dataset_path=pictures, trigger_word="slow", max_steps=900)
    until(bench, view.id, "running").record.process.kill()
    started = time.monotonic()
    while "is-interrupted" not in card(bench.shown(), bench):
        assert time.monotonic() - started < 60
    told = bench.on.watching.tick(bench.data())
    assert "ended unexpectedly" in card(told, bench)


def test_changed_pictures_are_asked_about_before_a_resume(bench, pictures, tmp_path):
    own = shutil.copytree(pictures, tmp_path / "own")
    view = bench.start(name="ink", dataset_path=str(own), trigger_word="slow", max_steps=900)
    until(bench, view.id, "running")
    bench.on.watching.order("stop")(bench.data())
    until(bench, view.id, "stopped")
    items = bench.workshop.checks.pictures(own).items
    view.folder.keep_marks({f"{item.split}/{item.name}": "before" for item in items})
    watching = bench.on.watching
    told = watching.resume(bench.data())
    assert told[watching.question]["visible"] is True
    assert "6 changed" in told[watching.asks]["value"]
    assert bench.runs.get(view.id).state == "stopped"
    told = watching.answer({**bench.data(), watching.asked: told[watching.asked]})
    assert told[watching.question]["visible"] is False
    assert bench.runs.get(view.id).state in ("queued", "running")


def test_deleting_asks_and_keeps_the_finished_lora(bench, finished):
    watching = bench.on.watching
    asked = watching.ask_delete(bench.data())
    assert "Delete run &#39;ink&#39;" in asked[watching.asks]["value"]
    assert finished.folder.path.is_dir()
    told = watching.answer({**bench.data(), watching.asked: asked[watching.asked]})
    assert not finished.folder.path.exists()
    assert "Nothing has been trained" in card(told, bench)
    assert (bench.workshop.sheet.studio.settings.loras_dir / "ink.safetensors").is_file()


def test_a_corrupt_run_is_told_in_a_sentence_and_the_others_stay(bench, finished):
    broken = finished.folder.path.with_name("20260202-120000-torn")
    shutil.copytree(finished.folder.path, broken)
    (broken / "run.json").write_text('{"state": "fini')
    told = bench.shown({**bench.data(), bench.on.watching.chosen: broken.name})
    assert "can&#x27;t be read" in card(told, bench)
    assert visible(told, bench) == {"delete"}
    other = bench.shown({**bench.data(), bench.on.watching.chosen: finished.id})
    assert "Finished after 4 steps in 62 s" in card(other, bench)


def test_samples_stand_in_a_strip_whose_columns_can_be_picked(bench, finished):
    told = bench.shown()[bench.on.watching.strip]["value"]
    assert told.count("<img") == 2
    assert "shui, a &lt;b&gt;boat" in told
    assert 'data-pick="2"' in told
    assert 'data-pick="final"' in told
    assert told.count('aria-pressed="true"') == 1
    finished.folder.append("sample", step=9, index=0, prompt="x", seed=1, file="../../../etc/passwd")
    assert "passwd" not in bench.shown()[bench.on.watching.strip]["value"]


def test_what_the_page_picked_follows_the_latest_and_what_the_visitor_picked_stays(bench, finished):
    watching, after = bench.on.watching, bench.on.watching.after
    first = bench.shown()
    assert first[after.picked]["value"] == "final"
    base = {**bench.data(), watching.seen: first[watching.seen], watching.chosen: finished.id}
    own = watching.look({**base, after.picked: "2"})
    assert own[after.picked]["value"] == "2"
    later = watching.look({**base, watching.seen: {**own[watching.seen]}, after.picked: "2"})
    assert after.picked not in later  # nothing new: it stays
    auto = watching.look({**base, after.picked: "final"})
    assert after.picked not in auto


def test_on_and_off_are_painted_once_and_shown_to_everybody(bench, finished):
    watching, after = bench.on.watching, bench.on.watching.after
    data = {**bench.data(), after.weight: 0.5}
    updates = list(after.paint_pair(finished, data, bench.me, watching.story(finished)))
    shown = [u[after.slider]["value"] for u in updates if after.slider in u][-1]
    assert len(shown) == 2
    assert shown[0] != shown[1]
    painted = {file: file.stat().st_mtime_ns for file in (finished.folder.path / "trials").iterdir()}
    assert len(painted) == 2
    assert bench.shown(data)[after.comparison]["visible"] is True
    list(after.paint_pair(finished, data, bench.me, watching.story(finished)))
    assert {file: file.stat().st_mtime_ns for file in (finished.folder.path / "trials").iterdir()} == painted
    assert bench.workshop.sheet.studio.history.search() == []
    assert bench.shown({**data, after.weight: 0.25})[after.comparison]["visible"] is False


def test_the_grid_has_a_row_a_checkpoint_and_a_column_a_weight(bench, finished):
    watching, after = bench.on.watching, bench.on.watching.after
    updates = list(after.paint_grid(finished, bench.data(), bench.me, watching.story(finished)))
    grid = bench.shown()[after.trials]["value"]
    assert grid.count("<img") == 8  # two checkpoints, four weights; the bare model is painted once
    assert len(list((finished.folder.path / "trials").iterdir())) == 7
    assert any("Painting picture" in str(u.get(after.note, "")) for u in updates)
    assert updates[-1][after.note] == ""


def test_trying_out_stops_when_told_to(bench, finished):
    watching, after = bench.on.watching, bench.on.watching.after
    painting = after.paint_grid(finished, bench.data(), bench.me, watching.story(finished))
    next(painting)
    bench.workshop.sheet.visitors.stop("me")
    list(painting)
    assert len(list((finished.folder.path / "trials").glob("*"))) < 7


def test_use_in_generate_hands_over_the_lora_its_weight_and_trigger(bench, finished):
    watching, after, sheet = bench.on.watching, bench.on.watching.after, bench.workshop.sheet
    story = watching.story(finished)
    told = after.hand_over(finished, {**bench.data(), after.weight: 0.75}, story, "en")
    assert told[sheet.passed] == {
        "model": "storybook", "loras": [{"name": "ink", "weight": 0.75, "on": True}], "trigger_word": "shui",
    }  # fmt: skip
    assert told[sheet.tabs]["selected"] == "generate"
    told = after.hand_over(finished, {**bench.data(), after.picked: "2"}, story, "en")
    assert told[sheet.passed]["loras"][0]["name"] == "ink-step-2"
    shelved = sheet.studio.shelf.lora("ink-step-2")
    assert shelved.trigger_words == ("shui",)
    assert shelved.thumbnail is not None


def test_a_lora_is_lent_under_its_own_name(bench, finished):
    told = bench.shown()[bench.on.watching.after.download]["value"]
    assert told.endswith("/ink.safetensors")
    step = bench.shown({**bench.data(), bench.on.watching.after.picked: "2", bench.on.watching.chosen: finished.id,
                        bench.on.watching.seen: {"run": finished.id}})  # fmt: skip
    assert step[bench.on.watching.after.download]["value"].endswith("/ink-step-2.safetensors")


def test_a_page_that_others_reach_shows_no_runs_and_says_how_to_train_at_home(
    settings, engine, bench, finished
):
    settings = public(bench.workshop.sheet.studio.settings)
    other = drawn(lambda: draw_bench(settings, engine))
    told = other.shown()
    assert "switched off" in card(told, other)
    assert "python app.py" in card(told, other)
    assert "训练" in card(other.shown(other.data("zh")), other)
    assert visible(told, other) == set()
    other.on.watching.answer(
        {**other.data(), other.on.watching.asked: "delete", other.on.watching.chosen: finished.id}
    )
    assert finished.folder.path.is_dir()
    assert other.on.watching.timer.active is False


@pytest.fixture
def going(monkeypatch):
    """Makes the first checkpoint go right after the listing of that number."""
    real = RunFolder.checkpoints

    def goes_after(listing):
        left = [listing]

        def checkpoints(folder):
            found = real(folder)
            left[0] -= 1
            if left[0] == 0:
                found[0].lora_file.unlink()
                found[0].state_file.unlink()
            return found

        monkeypatch.setattr(RunFolder, "checkpoints", checkpoints)

    return goes_after


@pytest.mark.parametrize("listing", range(1, 7))
def test_a_checkpoint_that_goes_while_it_is_looked_at_is_no_longer_offered(bench, finished, going, listing):
    going(listing)
    bench.shown()
    told = bench.shown()
    assert [value for _, value in told[bench.on.watching.after.picked]["choices"]] == ["final"]


def test_a_checkpoint_that_goes_while_it_is_taken_gives_way_to_the_latest(bench, finished, going):
    watching = bench.on.watching
    going(1)
    data = bench.data() | {watching.after.picked: "2"}
    told = watching.after.hand_over(finished, data, watching.story(finished), "en")
    assert told[bench.sheet.passed]["loras"][0]["name"] == "ink"
