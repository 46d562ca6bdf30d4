"""Outputs that a handler leaves out cost nothing, and the browser is sent what gradio would send."""

from copy import deepcopy

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from studio.ui.sparing import SparingBlocks
from tests.house import in_a_loop
from tests.ui.conftest import drawn


def page_of(kind):
    return drawn(lambda: draw(kind))


def draw(kind):
    """A page with a handler of four outputs, one of them a state, and one with a single output."""
    with kind(analytics_enabled=False) as page:
        words = gr.Textbox(label="words", info="help")
        number = gr.Slider(0, 10, value=3)
        held = gr.State("before")
        html = gr.HTML("<p>")
        gr.Button().click(lambda: None, None, [words, number, held, html])
        gr.Button().click(lambda: None, None, [words])
    page.state = SessionState(page)
    page.parts = {"words": words, "number": number, "held": held, "html": html}
    return page


def told(page, predictions, fn=0):
    if isinstance(predictions, dict):
        predictions = {page.parts.get(name, name): value for name, value in predictions.items()}
    sent = in_a_loop(page.postprocess_data(page.fns[fn], predictions, page.state))
    return [without_quirk(value) for value in sent]


def without_quirk(value):
    """gradio hands an HTML component that is left alone the mark of an update as one of its own properties."""
    return gr.skip() if value == {"props": gr.skip(), **gr.skip()} else value


@pytest.mark.parametrize(
    ("predictions", "fn"),
    [
        ({"html": "<b>"}, 0),
        ({"words": gr.update(value="x", info=None), "html": "y"}, 0),
        ({"held": "after"}, 0),
        ({"held": {"a": 1}, "number": 7}, 0),
        ({"number": gr.update(maximum=20)}, 0),
        ({"words": "a", "number": 1, "held": 2, "html": ""}, 0),
        ({"words": "alone"}, 1),
        (["a", gr.skip(), gr.skip(), "b"], 0),
        (("a", 2, "c", gr.update(visible=False)), 0),
        (gr.skip(), 0),
    ],
)
def test_the_browser_is_sent_what_gradio_sends(predictions, fn):
    plain, sparing = page_of(gr.Blocks), page_of(SparingBlocks)
    assert told(sparing, deepcopy(predictions), fn) == told(plain, deepcopy(predictions), fn)
    for page in (plain, sparing):
        page.seen = page.state[page.parts["held"]._id], page.state[page.parts["number"]._id].maximum
    assert sparing.seen == plain.seen


def test_what_a_handler_does_not_speak_of_is_not_made_anew():
    page = page_of(SparingBlocks)
    before = {name: page.state[part._id] for name, part in page.parts.items()}
    told(page, {"words": gr.update(info="other")})
    after = {name: page.state[part._id] for name, part in page.parts.items()}
    assert [name for name in before if before[name] is not after[name]] == ["words"]


@pytest.mark.parametrize("wrong", [{"stranger": 1}, {"words": "a", "stranger": 1}])
def test_a_component_that_is_no_output_is_told_as_gradio_tells_it(wrong):
    plain, sparing = page_of(gr.Blocks), page_of(SparingBlocks)
    stranger = gr.Textbox(render=False)
    for page in (plain, sparing):
        page.parts["stranger"] = stranger
        with pytest.raises(ValueError, match="not specified as output"):
            told(page, wrong)


def test_nothing_is_described_for_a_session_and_all_for_the_page():
    page = page_of(SparingBlocks)
    told(page, {"words": gr.update(value="secret", info="other"), "html": "<i>"})
    assert not any(page.state.components)
    described = {each["id"]: each for each in page.get_config_file()["components"]}
    plain = page_of(gr.Blocks).get_config_file()["components"]
    assert [each["type"] for each in described.values()] == [each["type"] for each in plain]
    assert described[page.parts["words"]._id]["api_info"] == {"type": "string"}
