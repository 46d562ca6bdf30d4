"""Pushing from the page, to a hub on this machine: progress, the link, and a token that stays nowhere."""

import gradio as gr
import pytest

from studio.datasets.errors import PushRefused
from studio.datasets.sets import Sets
from tests.datasets.hub_site import TOKEN, running
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill, public

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with running(monkeypatch) as server:
        yield server


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def form(bench, **over):
    """What the page holds when Push is pressed."""
    room = bench.room
    exporting = room.exporting
    told = {made: exporting.form.kind().to_dict()[name] for name, made in exporting.form.controls.items()}
    pushing = exporting.pushing
    told |= {pushing.repo: "ana/boats", pushing.is_private: True, pushing.token: TOKEN}
    return bench.data() | told | {getattr(pushing, name): value for name, value in over.items()}


def pressed(bench, data):
    """All that the handler of the button tells, in order."""
    button = bench.room.exporting.pushing.button
    handler = next(
        event.fn
        for event in bench.sheet.page.fns.values()
        if (button._id, "click") in event.targets and event.fn
    )
    return list(handler(data, gr.Request()))


def noted(bench, told):
    """What the progress line says in the end."""
    return next(
        one[bench.room.exporting.pushing.work.note]
        for one in reversed(told)
        if bench.room.exporting.pushing.work.note in one
    )


def test_a_set_is_pushed_with_the_typed_token_which_is_kept_nowhere(bench, settings, hub):
    fill(settings, 3).close()
    pushing = bench.room.exporting.pushing
    told = pressed(bench, form(bench))
    assert f"3 pictures are at {hub.url}/datasets/ana/boats" in noted(bench, told)
    assert f'href="{hub.url}/datasets/ana/boats"' in told[-1][pushing.link]
    (made,) = hub.made
    assert made.get("private") or made.get("visibility") == "private"
    assert len(hub.pointers) == 3
    assert told[0][pushing.token] == ""
    assert TOKEN not in repr(told)
    root = Sets(settings).open("boats").root
    assert not any(TOKEN.encode() in file.read_bytes() for file in root.rglob("*") if file.is_file())


def test_the_switch_makes_it_public(bench, settings, hub):
    fill(settings, 1).close()
    pressed(bench, form(bench, is_private=False))
    (made,) = hub.made
    assert not made.get("private")
    assert made.get("visibility") != "private"


def test_what_the_hub_refuses_is_told_in_place_of_the_progress(bench, settings, hub):
    fill(settings, 1).close()
    hub.refused = "create"
    told = pressed(bench, form(bench))
    assert "may not write there" in noted(bench, told)
    assert TOKEN not in repr(told)
    assert "owner/name" in noted(bench, pressed(bench, form(bench, repo="boats")))


def test_licences_are_told_before(bench, settings):
    with fill(settings, 2) as catalogue:
        told = bench.room.exporting.pushing.look(catalogue, "en")
        assert "no stated licence" in told[bench.room.exporting.pushing.licences]["value"]
        catalogue.edit_many({1: {"license": "CC0-1.0"}, 2: {"license": "CC0-1.0"}}, "licence")
        told = bench.room.exporting.pushing.look(catalogue, "en")
        assert "public domain" in told[bench.room.exporting.pushing.licences]["value"]


def test_a_page_for_everybody_pushes_nothing(settings, engine, monkeypatch, hub):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fill(settings, 1).close()
    bench = drawn(lambda: draw_bench(public(settings), engine))
    assert bench.room.exporting.pushing.fold.visible is False
    with pytest.raises(PushRefused):
        bench.room.exporting.pushing.start(form(bench), [])
    assert "can&#x27;t be pushed" in noted(
        bench, pressed(bench, form(bench) | {bench.room.desk.own: ["boats"]})
    )
    assert hub.asked == []
