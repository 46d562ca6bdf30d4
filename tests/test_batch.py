"""Pictures of one request with words of their own: told and numbered as one, and made again alone."""

import pytest

from studio.batch import MOST_PICTURES, pictures, shares
from studio.engine.events import Finished, Notice, Picture, StageEnded, StageStarted, Step
from studio.engine.host import InlineEngine
from studio.errors import OutOfRange, UnknownChoice
from studio.exchange.picture import read_settings
from studio.requests import MOST_SEED, GenerateRequest
from studio.settings import Settings
from studio.studio import Saved, Studio
from studio.wildcards import WordLists
from tests.house import furnish


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_kolors, tiny_lora):
    root = tmp_path_factory.mktemp("house")
    furnish(root / "models", tiny_kolors, tiny_lora)
    (root / "presets/wildcards").mkdir(parents=True)
    (root / "presets/wildcards/动物.txt").write_text("cat\ndog\n", encoding="utf-8")
    (root / "presets/styles.json").write_text(
        '[{"name": "ink", "title": {"en": "Ink", "zh": "水墨"}, "prompt": "{prompt}, ink|wash"}]',
        encoding="utf-8",
    )
    return Studio(Settings.from_environment(root=root, output_dir=root / "outputs"), InlineEngine())


def request(prompt, **changes):
    return GenerateRequest(**{"prompt": prompt, "width": 64, "height": 64, "steps": 2, **changes})


def ran(events, *kinds):
    return [event for event in events if isinstance(event, kinds)]


def words(events):
    return [read_settings(event.entry.file).facts["prompt"] for event in ran(events, Saved)]


def test_a_plain_request_is_one_share_as_it_stands(tmp_path):
    plain = request(" a (red) cat [x], {y} a__b ", seed=7, count=3, negative_prompt="night")
    (share,) = shares(plain, WordLists(tmp_path))
    assert share.asked == share.read == plain
    assert share.first == 0


def test_each_picture_draws_by_its_own_seed(tmp_path):
    asked = request("{a|b} cat | dog", seed=MOST_SEED - 1, count=3, negative_prompt="{x|y}")
    found = shares(asked, WordLists(tmp_path))
    assert sum(share.asked.count for share in found) == pictures(asked) == 6
    places = [share.first + n for share in found for n in range(share.asked.count)]
    assert places == list(range(6))
    for share in found:
        assert share.asked.seed == (MOST_SEED - 1 + share.first) % (MOST_SEED + 1)
        assert share.asked.prompt == ("{a|b} cat" if share.first < 3 else "dog")
        assert share.read.prompt in ("a cat", "b cat", "dog")
        for n in range(share.asked.count):
            seed = (share.asked.seed + n) % (MOST_SEED + 1)
            (alone,) = shares(share.asked.with_(seed=seed, count=1), WordLists(tmp_path))
            assert alone.read == share.read.with_(seed=seed, count=1)


def test_too_many_pictures_are_refused(tmp_path):
    with pytest.raises(OutOfRange) as caught:
        shares(request("a|" * 20, count=16), WordLists(tmp_path))
    assert caught.value.field == "count"
    assert str(MOST_PICTURES) in caught.value.say("zh")


def test_a_batch_is_told_as_one_job(studio):
    events = list(studio.generate(request("a {red|blue|green} __动物__ | a boat", seed=3, count=3, width=71)))
    assert [event.index for event in ran(events, Picture)] == [0, 1, 2, 3, 4, 5]
    assert [event.seed for event in ran(events, Picture)] == [3, 4, 5, 6, 7, 8]
    assert len(ran(events, Finished)) == 1
    assert isinstance(events[-1], Finished)
    assert [event.field for event in ran(events, Notice)] == ["width"]
    steps = ran(events, Step)
    assert [(step.picture, step.step) for step in steps] == [(n, step) for n in range(6) for step in (1, 2)]
    starts = [event.picture for event in ran(events, StageStarted) if event.stage == "sample"]
    assert (
        starts
        == [event.picture for event in ran(events, StageEnded) if event.stage == "decode"]
        == [0, 1, 2, 3, 4, 5]
    )
    lefts = [step.seconds_left for step in steps if step.step == 1]
    assert lefts[0] > 2 * lefts[-1] > 0
    drawn = words(events)
    assert drawn[3:] == ["a boat"] * 3
    assert all(
        word.split()[1] in ("red", "blue", "green") and word.split()[2] in ("cat", "dog")
        for word in drawn[:3]
    )


def test_every_picture_is_made_again_alone_to_the_bit(studio):
    first = list(
        studio.generate(
            request("{red|blue} __动物__ | {a|two} boat", seed=20, count=2, negative_prompt="{x|y}")
        )
    )
    made = [event.rgb for event in ran(first, Picture)]
    fresh = Studio(studio.settings, InlineEngine())
    for saved, rgb, read in zip(ran(first, Saved), made, words(first), strict=True):
        recorded = read_settings(saved.entry.file).request
        assert recorded == saved.entry.request
        assert recorded.count == 1
        again = list(fresh.generate(recorded))
        assert [event.rgb for event in ran(again, Picture)] == [rgb]
        assert words(again) == [read]


def test_typed_words_are_kept_beside_the_read_ones(studio):
    (saved,) = ran(studio.generate(request(r"{a|a} \| cat", seed=1, styles=("ink",))), Saved)
    assert saved.entry.request.prompt == r"{a|a} \| cat"
    assert saved.entry.request.styles == ("ink",)
    assert read_settings(saved.entry.file).facts["prompt"] == "a | cat, ink|wash"


def test_words_that_were_encoded_before_are_not_encoded_again(studio):
    list(studio.generate(request("a house|a tree", seed=40)))
    events = list(studio.generate(request("a tree|a house|a tree", seed=50)))
    assert {event.reused for event in ran(events, StageEnded) if event.stage in ("load", "encode")} == {True}


def test_a_missing_list_is_told_before_anything_is_painted(studio):
    seen = []
    with pytest.raises(UnknownChoice) as caught:
        for event in studio.generate(request("a cat|__nope__")):
            seen.append(event)
    assert seen == []
    assert caught.value.field == "prompt"
    assert not studio.is_busy


def test_stopping_ends_the_jobs_that_follow(studio):
    before = {entry.id for entry in studio.history.search()}
    events = studio.generate(request("one boat|two boats|a red boat", seed=90))
    for event in events:
        if isinstance(event, Step) and event.picture == 1:
            break
    events.close()
    made = [entry for entry in studio.history.search() if entry.id not in before]
    assert [entry.seed for entry in made] == [90]
    assert not studio.is_busy
