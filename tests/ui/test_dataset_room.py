"""What the page shows of a set, whoever asks: one look, filters, selection, undo, strangers' words, and other visitors."""

import time

import pytest

from studio.dataset_requests import Need
from studio.datasets.sets import Sets
from studio.ui.dataset_grid import A_PAGE
from tests.house import HOSTILE
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill, public, rows


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def shown(told, component):
    """What a handler's answer shows in a component."""
    update = told[component]
    return update.get("value") if isinstance(update, dict) else update


def test_a_page_without_sets_says_how_to_begin(bench):
    told = bench.room.looking(bench.data(name=None))
    assert "press Create" in shown(told, bench.room.grid.tiles)
    assert told[bench.room.left]["visible"] is False


def test_a_look_shows_tiles_captions_counts_and_what_undo_would_take_back(bench, settings):
    with fill(settings, 3) as catalogue:
        catalogue.delete([1])
    told = bench.room.looking(bench.data())
    assert shown(told, bench.room.grid.tiles).count("<li") == 2
    assert "boat 1" in shown(told, bench.room.grid.tiles)
    assert "2 pictures" in shown(told, bench.room.top.line)
    assert told[bench.room.top.undo]["value"] == "Undo: take out (1)"
    undo = bench.room.doing(lambda held, data: held.undo())
    assert shown(undo(bench.data()), bench.room.grid.tiles).count("<li") == 3


def test_a_look_makes_no_thumbnail_and_marks_the_tiles_that_wait(bench, settings):
    with fill(settings, 2) as catalogue:
        told = bench.room.looking(bench.data())
        assert shown(told, bench.room.grid.tiles).count("data-waiting") == 2
        assert not (catalogue.root / "thumbnails").exists()
        developed = bench.room.develop(catalogue, bench.data())
        assert shown(developed, bench.room.grid.tiles).count("<img") == 2


@pytest.mark.parametrize(
    ("over", "count"),
    [
        ({"sieve__words": "boat 4"}, 1), ({"sieve__keep": "uncaptioned"}, 0), ({"sieve__keep": "none"}, 6),
        ({"sieve__stretch": ("caption", 0.0, 3.0)}, 0), ({"sieve__keep": "deleted"}, 0), ({"sieve__keep": "nonsense"}, 6),
    ],
)  # fmt: skip
def test_filters(bench, settings, over, count):
    fill(settings).close()
    told = bench.room.looking(bench.data(**over))
    assert shown(told, bench.room.grid.tiles).count("<li") == count
    if not count:
        assert "Nothing matches" in shown(told, bench.room.grid.tiles)


def test_what_is_no_bar_filters_nothing(bench):
    bar = bench.room.sieve.bar
    assert bar({"measure": "caption", "low": 1, "high": 2}) == ("caption", 1.0, 2.0)
    for told in (
        None,
        "x",
        {"measure": "1; DROP TABLE", "low": 0, "high": 1},
        {"measure": "caption", "low": "x"},
    ):
        assert bar(told) is None


def test_selecting_counts_only_numbers(bench):
    pick = bench.room.grid.pick
    assert pick({"ids": [1, 2], "on": True}, [2, 3]) == [2, 3, 1]
    assert pick({"ids": [2], "on": False}, [2, 3]) == [3]
    assert pick({"ids": ["x", True, 4], "on": True}, []) == [4]
    for told in (None, "x", {"ids": "x"}, {"on": True}):
        assert pick(told, [3]) == [3]


def test_strangers_words_are_shown_as_words(bench, settings):
    with fill(settings, 1, caption=HOSTILE, tags=(HOSTILE,), name=HOSTILE) as catalogue:
        told = bench.room.looking(bench.data())
        base = bench.room.close.found(catalogue, bench.room.sieve.query(bench.data()), 1)
        opened = bench.room.show(catalogue, bench.data(), base)
    for drawing in (
        shown(told, bench.room.grid.tiles), shown(opened, bench.room.close.facts), shown(opened, bench.room.close.picture)
    ):  # fmt: skip
        assert "<img src=x" not in drawing
        assert "&lt;img src=x" in drawing


def test_a_visitor_sees_only_what_was_made_in_this_visit(settings, engine):
    fill(settings).close()
    bench = drawn(lambda: draw_bench(public(settings), engine))
    room = bench.room
    assert room.desk.names([]) == []
    told = room.looking(bench.data())
    assert told[room.left]["visible"] is False
    assert "<li" not in shown(told, room.grid.tiles)
    name, made = room.top.create(bench.data() | {room.top.name: "boats"})
    assert name.startswith("boats-")
    assert made[room.desk.own] == [name]
    assert room.looking(bench.data(name) | {room.desk.own: [name]})[room.left]["visible"] is True
    with pytest.warns(UserWarning, match="boats"):  # a toast, where there is no page
        assert room.top.drop(bench.data()) == {room.desk.nothing: None}
    assert [card.name for card in Sets(settings).list() if card.name == "boats"] == ["boats"]
    assert "folder" not in [value for _, value in room.bring._sources("en")]
    assert not room.exporting.form.controls.get("out")


def test_a_name_that_is_taken_is_told_at_the_form(bench, settings):
    fill(settings).close()
    name, told = bench.room.top.create(bench.data() | {bench.room.top.name: "boats"})
    assert name == ""
    assert "already" in told[bench.room.top.name]["info"]


def test_the_tick_is_silent_until_somebody_changes_the_set(bench, settings):
    with fill(settings, 2) as catalogue:
        stamp = bench.room.looking(bench.data())[bench.room.stamp]
        seen = bench.data() | {bench.room.stamp: stamp, bench.room.listed: ["boats"]}
        assert bench.room.tick(seen) == {bench.room.desk.nothing: None}
        catalogue.edit_many({1: {"caption": "from elsewhere"}}, "edit")
        assert bench.room.tick(seen)[bench.room.news] == f"boats {catalogue.stamp}"
        assert "from elsewhere" in shown(bench.room.looking(seen), bench.room.grid.tiles)


def test_the_tick_offers_new_sets_and_notices_that_one_is_gone(bench, settings):
    fill(settings, 2).close()
    seen = bench.data(name=None) | {bench.room.listed: []}
    told = bench.room.tick(seen)
    assert told[bench.room.desk.chosen]["choices"] == [("boats", "boats")]
    assert "value" not in told[bench.room.desk.chosen]
    Sets(settings).remove("boats")
    gone = bench.room.tick(bench.data() | {bench.room.listed: ["boats"]})
    assert gone[bench.room.desk.chosen]["value"] is None
    assert "gone" in gone[bench.room.news]


def test_a_look_opens_again_what_it_was_asked_about(bench, settings):
    with fill(settings, 2) as catalogue:
        data = bench.data()
        base = bench.room.close.found(catalogue, bench.room.sieve.query(data), 1)
        bench.room.show(catalogue, data, base)
        seen = data | {bench.room.close.opened: base.write()}
        assert bench.room.look(catalogue, seen)[bench.room.close.box]["visible"] is True
        catalogue.delete([1])
        assert bench.room.look(catalogue, seen)[bench.room.close.box]["visible"] is False


def test_the_whole_tab_speaks_chinese(bench, settings):
    fill(settings, 2).close()
    told = bench.room.looking(bench.data(language="zh"))
    assert "2 张图片" in shown(told, bench.room.top.line)


@pytest.mark.long
def test_a_hundred_thousand_pictures_cost_a_page(bench, settings, capsys, monkeypatch):
    """What is asserted is the work: one page of rows is read, no picture is opened, nothing is decoded."""
    with Sets(settings).create("many", Need()) as catalogue:
        catalogue.add(rows(100_000))
    read = []
    page = type(catalogue).page
    monkeypatch.setattr(
        type(catalogue),
        "page",
        lambda self, query, offset, limit: read.append(limit) or page(self, query, offset, limit),
    )
    monkeypatch.setattr("studio.datasets.thumbnails._shrunk", lambda *_: pytest.fail("a picture was opened"))
    monkeypatch.setattr(
        type(catalogue), "entries", lambda *_: pytest.fail("every row was read")
    )  # fmt: skip
    told = {}
    for doing, over in (
        ("open", {}), ("page", {"grid__page": 900}), ("filter", {"sieve__words": "number 777"}),
        ("by tag", {"sieve__lists": None}),
    ):  # fmt: skip
        data = bench.data("many", **{key: value for key, value in over.items() if value is not None})
        if doing == "by tag":
            data[bench.room.sieve.lists["tag"]] = "lake 7"
        start = time.perf_counter()
        look = bench.room.looking(data)
        told[doing] = time.perf_counter() - start
        assert shown(look, bench.room.grid.tiles).count("<li") == A_PAGE
    with Sets(settings).open("many") as held:
        base = bench.room.close.found(held, bench.room.sieve.query(bench.data("many")), 50_000)
        start = time.perf_counter()
        bench.room.close.save(
            held, bench.data("many", close__opened=base.write(), close__caption="new", close__tags="boat")
        )
        bench.room.facts.of(held)
        told["edit"] = time.perf_counter() - start
        assert held.get(50_000).caption == "new"
    assert set(read) == {A_PAGE}
    with capsys.disabled():
        print("\n100,000 rows:", ", ".join(f"{name} {1000 * took:.0f} ms" for name, took in told.items()))
