"""Words that save themselves: by field, never over somebody else's, and never on another picture."""

import json
import re
from html import unescape

import pytest

from studio.ui.dataset_saving import HUMAN, Base, save, standing, tags_of
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill


@pytest.fixture
def catalogue(settings):
    with fill(settings, 3, tags=("boat",)) as catalogue:
        yield catalogue


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def test_a_typed_caption_is_written_as_a_persons(catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    assert save(catalogue, base, "a red boat", ("boat",)).is_written
    assert (catalogue.get(1).caption, catalogue.get(1).caption_source) == ("a red boat", HUMAN)
    assert not save(
        catalogue, base, "a red boat", ("boat",)
    ).is_written  # the same once more: nothing to do, no clash


def test_who_comes_second_overwrites_nothing(catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    save(catalogue, base, "first", ("boat",))
    saved = save(catalogue, base, "second", ("boat",))
    assert saved.is_clash
    assert catalogue.get(1).caption == saved.entry.caption == "first"


def test_typing_on_before_the_save_is_answered_is_no_clash_with_oneself(bench, catalogue):
    close, base = bench.room.close, Base.of(catalogue, catalogue.get(1), 0)
    data = bench.data(close__opened=base.write(), close__tags="boat")
    for caption in (
        "a red",
        "a red boat",
        base.caption,
        "a boat in red",
    ):  # the page still knows nothing of its saves
        assert close.save(catalogue, data | {close.caption: caption})[1].is_written
        assert catalogue.get(1).caption == caption
    save(catalogue, Base.of(catalogue, catalogue.get(1), 0), "theirs", ("boat",))
    assert close.save(catalogue, data | {close.caption: "mine"})[1].is_clash
    assert catalogue.get(1).caption == "theirs"


def test_after_taking_theirs_the_page_goes_on_from_theirs(bench, catalogue):
    close, base = bench.room.close, Base.of(catalogue, catalogue.get(1), 0)
    data = bench.data(close__opened=base.write(), close__tags="boat")
    close.save(catalogue, data | {close.caption: "mine"})
    save(catalogue, Base.of(catalogue, catalogue.get(1), 0), base.caption, ("boat",))  # back to what it was
    shown = Base.of(catalogue, catalogue.get(1), 0)
    bench.room.show(catalogue, data, shown)
    held = data | {close.opened: shown.write(), close.caption: "over theirs"}
    assert close.save(catalogue, held)[1].is_written
    assert catalogue.get(1).caption == "over theirs"


def test_saved_is_said_only_of_what_was_saved(bench, catalogue):
    close, base = bench.room.close, Base.of(catalogue, catalogue.get(1), 0)
    assert "Saved" not in close.told(catalogue, base, base.caption, base.tags, "en")[close.note]["value"]
    data = bench.data(close__opened=base.write(), close__caption="typed", close__tags="boat")
    written, _ = close.save(catalogue, data)
    assert "Saved" in close.told(catalogue, written, "typed", base.tags, "en")[close.note]["value"]
    assert "Saved" not in close.told(catalogue, written, "typed on", base.tags, "en")[close.note]["value"]


def test_words_of_a_set_that_was_left_are_saved_nowhere(bench, settings, catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    with fill(settings, 3, set="other", caption=base.caption) as other:
        data = bench.data("other", close__opened=base.write(), close__caption="for boats", close__tags="")
        assert bench.room.close.save(other, data) is None
        assert other.get(1).caption == base.caption


def test_a_late_look_leaves_the_picture_that_was_opened_meanwhile(bench, catalogue):
    close = bench.room.close
    asked = bench.data()  # a look that was asked for before the click, and comes after its answer
    bench.room.show(catalogue, {**asked}, close.found(catalogue, bench.room.sieve.query(asked), 2))
    told = bench.room.look(catalogue, asked)
    assert not {close.box, close.opened, close.picture} & told.keys()
    assert told[bench.room.grid.tiles]["value"].count("is-open") == 1


def test_two_may_change_different_words_of_one_picture(catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    save(catalogue, base, "mine", ("boat",))
    assert save(catalogue, base, base.caption, ("boat", "lake")).is_written
    assert (catalogue.get(1).caption, catalogue.get(1).tags) == ("mine", ("boat", "lake"))


def test_saving_mine_over_theirs_leaves_alone_what_i_never_touched(bench, catalogue):
    close = bench.room.close
    base = Base.of(catalogue, catalogue.get(1), 0)
    save(catalogue, base, "theirs", ("boat", "theirs"))
    data = bench.data(close__opened=base.write(), close__caption="mine", close__tags="boat")
    assert close.save(catalogue, data)[1].is_clash
    rebased = close.rebased(catalogue, base, data)
    _, saved = close.save(catalogue, data | {close.opened: rebased.write()})
    assert saved.is_written
    assert (catalogue.get(1).caption, catalogue.get(1).tags) == ("mine", ("boat", "theirs"))


def test_a_clash_is_told_with_the_others_words_and_keeps_the_page_where_it_is(bench, catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    save(catalogue, base, "<b>theirs</b>", ("boat",))
    assert save(catalogue, base, "mine", ("boat",)).is_clash
    told = bench.room.close.told(catalogue, base, "mine", ("boat",), "en")
    assert "&lt;b&gt;theirs" in told[bench.room.close.note]["value"]
    assert told[bench.room.close.clash]["visible"] is True


def test_how_what_is_typed_stands_follows_from_the_catalogue(catalogue):
    base = Base.of(catalogue, catalogue.get(1), 0)
    assert standing(catalogue.get(1), base, base.caption, base.tags) == "saved"
    assert standing(catalogue.get(1), base, "typing", base.tags) == "open"
    save(catalogue, base, "typing", base.tags)
    assert standing(catalogue.get(1), base, "typing", base.tags) == "saved"
    assert standing(catalogue.get(1), base, "typing on", base.tags) == "clash"
    assert standing(catalogue.get(1), base, base.caption, ("lake",)) == "open"


def test_a_page_carries_which_picture_its_words_are_about(catalogue):
    base = Base.of(catalogue, catalogue.get(2), 1)
    assert Base.read(base.write()) == base
    for words in (
        "",
        None,
        "x",
        "[]",
        "{}",
        '{"id": "x"}',
        '{"id": 1, "place": 0, "caption": "", "tags": []}',
        '{"id": 1e999, "place": 0, "caption": "", "tags": [], "set": "boats", "is_written": false}',
    ):
        assert Base.read(words) is None


def test_neighbours_follow_what_is_shown_now(bench, catalogue):
    close, query = bench.room.close, bench.room.sieve.query(bench.data())
    base = close.found(catalogue, query, 1)
    following = close.neighbour(catalogue, query, base, 1)
    assert (following.id, following.place) == (2, 1)
    assert close.neighbour(catalogue, query, base, -1) is None
    catalogue.delete([1])
    assert close.neighbour(catalogue, query, base, 1).id == 2  # it took the place of the one that left


def test_a_turn_takes_the_cut_along_and_a_cut_shows_its_bucket(bench, catalogue):
    close = bench.room.close
    base = close.found(catalogue, bench.room.sieve.query(bench.data()), 1)
    close.cut(catalogue, base, (0.5, 0.0, 1.0, 0.5))
    close.turn(catalogue, base, 1)
    assert (catalogue.get(1).turn, catalogue.get(1).crop) == (1, (0.5, 0.5, 1.0, 1.0))
    close.turn(catalogue, base, -1)
    assert catalogue.get(1).crop == (0.5, 0.0, 1.0, 0.5)
    told = close.changes(catalogue, base, 3, "en")
    assert "×" in told[close.facts]["value"]
    assert "ink-look-cut" in told[close.picture]["value"]


def test_cutting_to_the_shape_keeps_the_middle(bench, catalogue):
    close = bench.room.close
    base = close.found(catalogue, bench.room.sieve.query(bench.data()), 1)
    left, top, right, bottom = close.fitting(catalogue, base) or (0.0, 0.0, 1.0, 1.0)
    assert left == pytest.approx(1 - right)
    assert top == pytest.approx(1 - bottom)


def test_a_cut_by_dragging_is_taken_only_as_a_cut_of_this_picture(bench, catalogue):
    close, base = bench.room.close, Base.of(catalogue, catalogue.get(1), 0)
    assert close.dragged({"id": 1, "crop": [0.1, 0, 1.2, 0.5]}, base) == (0.1, 0.0, 1.0, 0.5)
    for told in (
        None,
        {"id": 2, "crop": [0, 0, 1, 1]},
        {"id": 1, "crop": [0, 0, 0.05, 1]},
        {"id": 1, "crop": [0, 0, float("nan"), 1]},
        {"id": 1, "crop": ["x", 0, 1, 1]},
        {"id": 1, "crop": [0, 1]},
    ):
        assert close.dragged(told, base) is None
    drawn = close.changes(catalogue, base, 3, "en")[close.picture]["value"]
    told = json.loads(unescape(re.search('data-cut="([^"]*)"', drawn)[1]))
    assert told["size"] == [96, 64]
    width, height = bench.room.learner.fit((96, 64), catalogue.need).size
    assert told["shape"] == pytest.approx(width / height, abs=1e-6)
    assert [width, height] in told["sizes"]
    assert told["crop"] is None


def test_the_tail_that_the_model_would_not_see_is_shown(bench, catalogue):
    from studio.shelf.limits import Limit
    from studio.ui.dataset_sight import Sight

    limit = Limit(2, lambda text: len(text.split()), lambda text: " ".join(text.split()[2:]))
    assert "The model will not see: &lt;i&gt;" in Sight(bench.room.desk).tokens("a b <i>", limit, "en")
    assert "is-over" not in Sight(bench.room.desk).tokens("a b", limit, "en")


@pytest.mark.parametrize(
    ("words", "tags"), [("a, b ,a", ("a", "b")), ("猫，狗", ("猫", "狗")), (" , ", ()), ("x\ny", ("x", "y"))]
)
def test_tags_are_read_from_a_line(words, tags):
    assert tags_of(words) == tags
