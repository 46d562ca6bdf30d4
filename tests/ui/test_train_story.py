"""What a run's events tell, read as they grow."""

from studio.runs import Record, RunFolder
from studio.train_request import TrainRequest
from studio.ui.train_story import MOST_KEPT, Stories


def run_in(path):
    path.mkdir()
    folder = RunFolder(path)
    folder.make(TrainRequest(), Record())
    return folder


def learn(folder, *steps):
    for step in steps:
        folder.append("step", step=step, loss=1 / step, smoothed=1 / step, lr=1e-4, pictures_per_s=2.0, eta_s=3.0,
                      memory_bytes=step)  # fmt: skip


def steps(story):
    return [point.step for point in story.points]


def test_a_story_grows_with_its_file(tmp_path):
    folder, stories = run_in(tmp_path / "run"), Stories()
    assert stories.of(folder).last is None
    folder.append("stage", name="encode", done=3, total=24)
    assert (stories.of(folder).stage, stories.of(folder).done, stories.of(folder).total) == ("encode", 3, 24)
    learn(folder, 1, 2)
    assert steps(stories.of(folder)) == [1, 2]
    learn(folder, 3)
    told = stories.of(folder)
    assert steps(told) == [1, 2, 3]
    assert told.stage == "train"
    assert told.peak_bytes == 3


def test_a_second_look_reads_only_what_is_new(tmp_path):
    folder, stories = run_in(tmp_path / "run"), Stories()
    learn(folder, *range(1, 200))
    stories.of(folder)
    asked = []
    events = folder.events
    folder.events = lambda offset=0: asked.append(offset) or events(offset)
    stories.of(folder)
    assert asked == [folder.path.joinpath("events.jsonl").stat().st_size]


def test_what_came_after_the_checkpoint_is_forgotten_on_resume(tmp_path):
    folder, stories = run_in(tmp_path / "run"), Stories()
    folder.append("started", pid=1, resumed_from=None)
    learn(folder, 1, 2, 3, 4)
    folder.append("validation", step=4, loss=0.5)
    folder.append("sample", step=2, index=0, prompt="a boat", seed=12, file="samples/2-0.png")
    folder.append("sample", step=4, index=0, prompt="a boat", seed=12, file="samples/4-0.png")
    folder.append("message", level="error", en="gone", zh="没了")
    folder.append("started", pid=2, resumed_from=2)
    learn(folder, 3)
    told = stories.of(folder)
    assert steps(told) == [1, 2, 3]
    assert told.validation == []
    assert list(told.samples) == [(2, 0)]
    assert told.messages == []


def test_a_strange_event_is_passed_over_and_an_emptied_file_is_read_anew(tmp_path):
    folder, stories = run_in(tmp_path / "run"), Stories()
    learn(folder, 1, 2)
    folder.append("step", step="many")
    folder.append("sample", step=1)
    folder.append("moonrise", step=1)
    assert steps(stories.of(folder)) == [1, 2]
    (folder.path / "events.jsonl").unlink()
    learn(folder, 1)
    assert steps(stories.of(folder)) == [1]


def test_only_the_latest_stories_are_kept_in_memory(tmp_path):
    stories = Stories()
    folders = [run_in(tmp_path / f"run{n}") for n in range(MOST_KEPT + 3)]
    for folder in folders:
        learn(folder, 1)
        stories.of(folder)
    assert steps(stories.of(folders[0])) == [1]
    assert len(stories._read) == MOST_KEPT
