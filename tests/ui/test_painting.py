"""From Generate to picture, without a browser."""

from types import SimpleNamespace

import pytest

from studio.errors import EngineDied
from studio.studio import Waiting
from studio.ui.painting import Painting
from studio.words import Text


def run(desk, language="en", **values):
    """All updates of one press on Generate, in order."""
    return list(Painting(desk.sheet, desk.on).paint(desk.data(language, **values), desk.me))


def last(updates, component):
    return [u[component] for u in updates if component in u][-1]


def gallery(updates, desk):
    return last([u for u in updates if "value" in u.get(desk.on.gallery, {})], desk.on.gallery)["value"]


def entries(desk):
    return desk.sheet.studio.history.search()


def test_every_step_shows_a_preview_and_the_picture_follows(desk, monkeypatch):
    monkeypatch.setattr("studio.ui.painting.PACE_S", 0)
    updates = run(desk, steps=3, prompt="a red boat")
    easels = [u[desk.on.easel] for u in updates if desk.on.easel in u]
    assert sum("data:image/jpeg;base64," in easel for easel in easels) >= 3
    assert "Step 3 of 3" in "".join(easels)
    assert "is-done" in easels[-1]
    assert len(gallery(updates, desk)) == 1
    assert entries(desk)[0].request.prompt == "a red boat"


def test_of_quick_steps_those_between_are_passed_over_and_the_last_is_shown(desk, monkeypatch):
    monkeypatch.setattr("studio.ui.painting.PACE_S", 1000)
    easels = [u[desk.on.easel] for u in run(desk, steps=5, count=2) if desk.on.easel in u]
    drawn = [
        int(words.split("Step ")[1].split(" of")[0])
        for words in easels
        if "Step " in words and "jpeg" in words
    ]
    assert sorted({*drawn}) == [1, 5]
    assert "Finished in" in easels[-1]


def test_the_seed_used_is_written_back_and_the_next_is_new(desk):
    first, second = run(desk), run(desk)
    seeds = [last(updates, desk.on.form.controls["seed"]) for updates in (first, second)]
    assert seeds == [entry.seed for entry in reversed(entries(desk))]
    assert seeds[0] != seeds[1]


def test_prompts_parted_by_bars_are_counted_and_their_words_shown(desk):
    updates = run(desk, prompt="a {red|red} boat | a cat", seed_mode="fixed", seed=7, steps=1)
    assert "1 of 2" in "".join(u[desk.on.easel] for u in updates if desk.on.easel in u)
    assert len(gallery(updates, desk)) == 2
    boat = next(entry for entry in entries(desk) if entry.seed == 7)
    for language, label in (("en", "Prompt as read"), ("zh", "实际读入的提示词")):
        table = desk.on.hand.table(boat, language)
        assert "a {red|red} boat" in table
        assert f"<dt>{label}</dt><dd>a red boat</dd>" in table


def test_a_fixed_seed_stays_as_typed(desk):
    updates = run(desk, seed_mode="fixed", seed=7)
    assert not any(desk.on.form.controls["seed"] in u for u in updates)
    assert entries(desk)[0].seed == 7


def test_the_four_cards_say_what_ran_and_what_was_reused(desk):
    run(desk, seed_mode="fixed", seed=1)
    again = last(run(desk, seed_mode="fixed", seed=2), desk.on.chain)
    assert again.count("is-reused") == 2
    assert again.count("is-run") == 2


def test_the_loader_card_tells_how_a_lora_met_the_model(desk):
    chain = last(run(desk, lora_1="ink", lora_1_weight=0.5), desk.on.chain)
    assert "ink: 32 of 32 layers" in chain
    assert "is-whole" in chain


@pytest.mark.parametrize(("language", "words"), [("en", "Finished in"), ("zh", "完成，用时")])
def test_the_easel_speaks_the_visitors_language(desk, language, words):
    assert words in last(run(desk, language), desk.on.easel)


@pytest.mark.long
@pytest.mark.parametrize(
    ("values", "field"),
    [({"width": 10}, "width"), ({"steps": 0}, "steps"), ({"guidance": 99.0}, "guidance"), ({"count": 17}, "count"),
     ({"height": None}, "height"), ({"model": "nothing"}, "model"), ({"styles": ["nothing"]}, "styles"),
     ({"sampler": "nothing"}, "sampler"), ({"schedule": "nothing"}, "schedule"), ({"steps": 2.5}, "steps")],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_fault_is_told_at_its_control_and_changes_no_value(desk, values, field, language):
    with pytest.warns(UserWarning, match="."):
        updates = run(desk, language, **values)
    control = desk.on.form.controls[field]
    assert "ink-fault" in last(updates, control)["elem_classes"]
    assert str(next(iter(values.values())) if values != {"styles": ["nothing"]} else "nothing")[:4] in str(
        last(updates, control)["info"]
    )
    assert not any(
        "value" in u[made] for u in updates for made in desk.on.form.controls.values() if made in u
    )
    assert 'role="alert"' in last(updates, desk.on.easel)
    assert entries(desk) == []


def test_an_empty_fixed_seed_is_told_at_the_seed(desk):
    with pytest.warns(UserWarning, match="Seed"):
        updates = run(desk, seed_mode="fixed", seed=None)
    assert "ink-fault" in last(updates, desk.on.form.controls["seed_mode"])["elem_classes"]


@pytest.mark.parametrize("name", ["broken", "nowhere", "../../secret", "/etc/passwd"])
def test_a_lora_that_cannot_be_used_is_told_at_the_loras(desk, name):
    with pytest.warns(UserWarning, match="LoRA"):
        updates = run(desk, lora_1=name)
    assert last(updates, desk.on.form.loras.note)["visible"]
    assert last(updates, desk.on.form.loras.fold) == {"open": True, "__type__": "update"}


def test_the_next_try_calms_the_form(desk):
    with pytest.warns(UserWarning, match="Width"):
        run(desk, width=10)
    told = last(run(desk), desk.on.form.controls["width"])
    assert told["info"].startswith("Picture width")
    assert told["elem_classes"] == []


def test_a_rounded_size_is_said_at_the_width(desk):
    told = last(run(desk, width=70), desk.on.form.controls["width"])
    assert "70" in told["info"]
    assert "ink-notice" in told["elem_classes"]


def test_stopping_keeps_finished_pictures(desk):
    painting, kept = Painting(desk.sheet, desk.on), []
    for updates in painting.paint(desk.data(count=3), desk.me):
        kept.append(updates)
        if desk.on.shown in updates and len(updates[desk.on.shown]) == 1:
            painting.stop(desk.me)
    assert "Finished pictures kept: 1 of 3" in last(kept, desk.on.easel)
    assert len(entries(desk)) == 1
    assert last(kept, desk.on.stop)["interactive"] is False


def test_leaving_the_page_ends_the_work(desk):
    work = Painting(desk.sheet, desk.on).paint(desk.data(steps=30), desk.me)
    next(work)
    next(work)
    work.close()
    assert not desk.sheet.studio.is_busy
    assert "is-done" in last(run(desk), desk.on.easel)


def test_one_visitors_stop_does_not_reach_another(desk):
    painting = Painting(desk.sheet, desk.on)
    work = painting.paint(desk.data(), desk.me)
    updates = [next(work)]
    painting.stop(SimpleNamespace(session_hash="someone else"))
    assert "is-done" in last([*updates, *work], desk.on.easel)


def test_the_second_visitor_sees_that_they_wait(desk):
    painting = Painting(desk.sheet, desk.on)
    first = painting.paint(desk.data(), desk.me)
    next(first)
    next(first)
    second = painting.paint(desk.data("zh"), SimpleNamespace(session_hash="you"))
    next(second)
    assert "排队中：前面还有 1 个任务" in next(second)[desk.on.easel]
    list(first)
    assert "is-done" in last(list(second), desk.on.easel)


def test_the_language_can_change_in_the_middle(desk):
    work = Painting(desk.sheet, desk.on).paint(desk.data(), desk.me)
    next(work)
    desk.sheet.visitors.speak("me", "zh")
    assert "完成" in last(list(work), desk.on.easel)


def failing(error, *events):
    def generate(request, kept):
        yield from events
        raise error

    return generate


def test_a_dead_engine_is_told_in_words(desk, monkeypatch):
    monkeypatch.setattr(
        desk.sheet.studio, "generate", failing(EngineDied(None, reason=Text("gone", "没了")), Waiting(1))
    )
    with pytest.warns(UserWarning, match="gone"):
        updates = run(desk)
    assert "Press Generate once more" in last(updates, desk.on.easel)


def test_an_unforeseen_failure_gets_a_number_and_no_traceback(desk, monkeypatch, caplog):
    monkeypatch.setattr(desk.sheet.studio, "generate", failing(RuntimeError("/secret/path"), Waiting(1)))
    with pytest.warns(UserWarning, match="number"):
        updates = run(desk)
    shown = last(updates, desk.on.easel)
    assert "/secret/path" not in shown
    number = caplog.records[-1].args[0]
    assert number in shown


def test_pictures_of_a_batch_have_counting_seeds(desk):
    run(desk, count=2, seed_mode="fixed", seed=5)
    assert sorted(entry.seed for entry in entries(desk)) == [5, 6]


def test_with_and_without_lora_stand_side_by_side(desk):
    run(desk, lora_1="ink", seed_mode="fixed", seed=3)
    [entry] = entries(desk)
    data = {**desk.data(), desk.on.hand.holds: entry.id}
    updates = list(Painting(desk.sheet, desk.on).compare(data, desk.me))
    left, right = last(updates, desk.on.hand.slider)
    assert left != right
    assert last(updates, desk.on.hand.comparison)["visible"]
    newest = entries(desk)[0].request
    assert newest.loras == ()
    assert newest.seed == 3
    assert newest.with_(loras=entry.request.loras) == entry.request


def test_an_empty_prompt_paints(desk):
    assert "is-done" in last(run(desk, prompt=""), desk.on.easel)


def test_a_cut_prompt_says_where_it_was_cut(desk):
    updates = run(desk, prompt="a red boat and a house " * 400)
    told = last(updates, desk.on.form.controls["prompt"])
    assert "ink-notice" in told["elem_classes"]
    assert "value" not in told


def test_notices_stand_on_the_easel_in_the_end(desk):
    assert "70" in last(run(desk, width=70), desk.on.easel)
