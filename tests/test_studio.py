"""The Studio object: requests become pictures in the history, one job at a time."""

import pickle
import shutil
import threading

import pytest
from PIL import Image

from studio.engine.events import Finished, FirstPass, Notice, Picture, StageEnded, Step
from studio.engine.host import InlineEngine
from studio.errors import (
    DiskFull,
    LoraHoldsCode,
    LoraMissing,
    ModelMissing,
    OutOfMemory,
    StartMissing,
    UnknownChoice,
)
from studio.exchange.picture import read_settings
from studio.requests import GenerateRequest, LoraUse
from studio.settings import Settings
from studio.studio import Saved, Studio, Waiting

CARD = """
family = "kolors"
folder = "tiny"
sizes = [[64, 64]]
licence = "Apache-2.0"
source_url = "https://example.org"
[title]
en = "Tiny"
zh = "小模型"
[about]
en = "Random."
zh = "随机。"
"""
STYLES = '[{"name": "ink", "title": {"en": "Ink", "zh": "水墨"}, "prompt": "{prompt}, ink wash", "negative_prompt": "photo"}]'


@pytest.fixture(scope="module")
def engine():
    return InlineEngine()


@pytest.fixture
def studio(tmp_path, tiny_kolors, tiny_lora, engine):
    for folder in ("models/cards", "models/loras", "presets/generate"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "models/cards/tiny.toml").write_text(CARD, encoding="utf-8")
    (tmp_path / "models/tiny").symlink_to(tiny_kolors)
    (tmp_path / "presets/styles.json").write_text(STYLES, encoding="utf-8")
    shutil.copy(tiny_lora, tmp_path / "models/loras")
    return Studio(Settings.from_environment(root=tmp_path, output_dir=tmp_path / "outputs"), engine)


def request(**changes):
    base = {"prompt": "a red house", "model": "tiny", "width": 64, "height": 64, "steps": 2}
    return GenerateRequest(**{**base, **changes})


def saved(events):
    return [event.entry for event in events if isinstance(event, Saved)]


def test_pictures_are_saved_as_they_come(studio):
    kept = []
    events = list(studio.generate(request(seed=5, count=2), kept))
    kinds = [type(event).__name__ for event in events if isinstance(event, Picture | Saved | Finished)]
    assert kinds == ["Picture", "Saved", "Picture", "Saved", "Finished"]
    entries = saved(events)
    assert [entry.seed for entry in entries] == [5, 6]
    assert kept == entries
    assert [entry.request for entry in entries] == [request(seed=5), request(seed=6)]
    assert {entry.id for entry in studio.history.search()} == {entry.id for entry in entries}
    assert not studio.is_busy


def test_recorded_request_makes_the_same_picture_again(studio):
    first = list(studio.generate(request(count=2)))
    again = list(studio.generate(saved(first)[1].request))
    pixels = [event.rgb for event in first if isinstance(event, Picture)]
    assert [event.rgb for event in again if isinstance(event, Picture)] == pixels[1:]
    assert all(event.reused for event in again if isinstance(event, StageEnded))


def test_seed_is_drawn_when_none_is_given(studio):
    seeds = {saved(studio.generate(request()))[0].seed for _ in range(2)}
    assert len(seeds) == 2


def test_styles_are_woven_in_but_recorded_by_name(studio):
    plain, styled = (saved(studio.generate(request(seed=1, styles=styles)))[0] for styles in ((), ("ink",)))
    assert plain.file.read_bytes() != styled.file.read_bytes()
    assert styled.request.prompt == "a red house"
    assert styled.request.styles == ("ink",)


def test_rounded_size_is_recorded_as_it_was_made(studio):
    events = list(studio.generate(request(width=71)))
    assert [event.field for event in events if isinstance(event, Notice)] == ["width"]
    assert saved(events)[0].request.width == 64


def test_loras_are_found_by_name_and_off_ones_left_out(studio):
    base = [event.rgb for event in studio.generate(request(seed=1)) if isinstance(event, Picture)]
    for use, is_changed in (
        (LoraUse("ink"), True),
        (LoraUse("ink", on=False), False),
        (LoraUse("ink", 0.0), False),
    ):
        events = list(studio.generate(request(seed=1, loras=(use,))))
        made = [event.rgb for event in events if isinstance(event, Picture)]
        assert (made != base) is is_changed
        assert saved(events)[0].request.loras == (use,)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "nope"}, ModelMissing),
        ({"loras": (LoraUse("nope"),)}, LoraMissing),
        ({"styles": ("nope",)}, UnknownChoice),
        ({"sampler": "nope"}, UnknownChoice),
    ],
)
def test_names_that_are_not_here_are_refused_and_nobody_is_kept_waiting(studio, change, error):
    with pytest.raises(error):
        list(studio.generate(request(**change)))
    assert not studio.is_busy
    assert len(saved(studio.generate(request()))) == 1


def test_a_picture_begins_with_a_kept_one_and_is_recorded_so(studio):
    name = studio.starts.keep(Image.linear_gradient("L"))
    asked = request(seed=1, start=name, strength=0.5)
    (entry,) = saved(studio.generate(asked))
    assert read_settings(entry.file).request == asked
    assert entry.file.read_bytes() != saved(studio.generate(request(seed=1)))[0].file.read_bytes()
    studio.starts.file(name).unlink()
    with pytest.raises(StartMissing):
        list(studio.generate(asked))
    assert not studio.is_busy


def test_an_enlarged_picture_is_recorded_with_the_size_of_its_first_pass(studio):
    events = list(studio.generate(request(seed=1, upscale=1.5)))
    (entry,) = saved(events)
    assert (entry.request.width, entry.request.upscale) == (64, 1.5)
    with Image.open(entry.file) as picture:
        assert picture.size == (96, 96)
    again = list(studio.generate(entry.request))
    assert [e.rgb for e in again if isinstance(e, Picture)] == [
        e.rgb for e in events if isinstance(e, Picture)
    ]


def test_stopping_the_second_pass_keeps_the_picture_of_the_first(studio):
    kept = []
    events = studio.generate(request(seed=77, upscale=1.5), kept)
    for event in events:
        if isinstance(event, FirstPass):
            break
    next(events)
    events.close()
    (entry,) = studio.history.search()
    assert entry.request == request(seed=77)
    assert kept == [entry]
    with Image.open(entry.file) as picture:
        assert picture.tobytes() == event.picture.rgb
    assert not studio.is_busy


def test_paths_are_for_the_command_line_only(studio, tiny_lora, tmp_path):
    named = request(loras=(LoraUse(str(tiny_lora)),))
    with pytest.raises(LoraMissing):
        list(studio.generate(named))
    trusting = Studio(studio.settings, studio.engine, may_name_files=True)
    assert len(saved(trusting.generate(named))) == 1
    (tmp_path / "old.ckpt").write_bytes(pickle.dumps(print))
    with pytest.raises(LoraHoldsCode):
        list(trusting.generate(request(loras=(LoraUse(str(tmp_path / "old.ckpt")),))))


def test_stopping_keeps_the_finished_pictures(studio):
    events = studio.generate(request(count=3, seed=50))
    for event in events:
        if isinstance(event, Step) and event.picture == 1:
            break
    events.close()
    assert [entry.seed for entry in studio.history.search()] == [50]
    assert not studio.is_busy


def test_full_disk_is_told_after_the_picture_is_shown(studio, monkeypatch):
    def full(*_):
        raise DiskFull(None, folder="outputs", free_mb=0)

    monkeypatch.setattr(studio.history, "add", full)
    seen = []
    with pytest.raises(DiskFull):
        seen += studio.generate(request()) or []
    events = studio.generate(request())
    with pytest.raises(DiskFull):
        for event in events:
            seen.append(type(event).__name__)
    assert seen[-1] == "Picture"
    assert not studio.is_busy


class SlowEngine:
    """Paints only when it is told to."""

    is_ready = True

    def __init__(self):
        self.go_on = threading.Event()
        self.jobs = 0

    def start(self):
        pass

    def run(self, job):
        self.jobs += 1
        yield Step(0, 1, 2, None, None)
        assert self.go_on.wait(10)
        if job.request.prompt == "too much":
            raise OutOfMemory("width", device="CPU", stage="sample")
        yield Finished(0.0, 0)

    def describe(self):
        return None

    def close(self):
        pass


def test_others_wait_their_turn_and_may_give_up(studio):
    slow = Studio(studio.settings, SlowEngine())
    first = slow.generate(request(prompt="too much"))
    assert isinstance(next(first), Step)
    second, third, fourth = (slow.generate(request()) for _ in range(3))
    assert next(second) == Waiting(1)
    assert next(third) == Waiting(2)
    assert next(fourth) == Waiting(3)
    assert next(third) == Waiting(2)
    second.close()
    assert next(third) == Waiting(1)
    assert slow.engine.jobs == 1
    slow.engine.go_on.set()
    with pytest.raises(OutOfMemory):
        list(first)
    assert isinstance(next(third), Step)
    third.close()
    assert isinstance(list(fourth)[-1], Finished)
    assert not slow.is_busy


def test_waiting_ends_as_soon_as_the_one_ahead_is_done(studio):
    slow = Studio(studio.settings, SlowEngine())
    first = slow.generate(request())
    next(first)
    seen = []
    waiting = threading.Thread(target=lambda: seen.extend(slow.generate(request())))
    waiting.start()
    slow.engine.go_on.set()
    list(first)
    waiting.join(5)
    assert isinstance(seen[-1], Finished)
