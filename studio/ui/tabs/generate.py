"""The Generate tab: words in, pictures out."""

from typing import Any

import gradio as gr

from studio.requests import GenerateRequest
from studio.ui.api import Api
from studio.ui.chain_cards import Chain
from studio.ui.choices import Choices
from studio.ui.controls import Choice
from studio.ui.easel import Easel
from studio.ui.filling import Filling, samples
from studio.ui.forms import GenerateForm
from studio.ui.hand import Hand
from studio.ui.looking import SHOW_RESULT, Looking
from studio.ui.models_panel import ModelsPanel
from studio.ui.opening import OPENED, REMEMBER, SETTLE, STORAGE_KEY, STORAGE_SECRET, Opening, keep_script
from studio.ui.painting import Painting
from studio.ui.past import Past
from studio.ui.sheet import Sheet, Tab
from studio.ui.starting import SHOW_START, Starting
from studio.ui.surface import Surface
from studio.ui.workflow import Workflow

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_PAINT: dict[str, Any] = {**_QUIET, "concurrency_id": "gpu", "concurrency_limit": 32, "trigger_mode": "once"}
"""Several handlers may be under way: the Studio lets one at a time use the device and tells the others that they
wait, in their own language, which gradio's queue could not."""


def draw(sheet: Sheet) -> Surface:
    """The prompt and the settings on the left, the picture and the chain on the right, the history below."""
    speech = sheet.speech
    choices = Choices(sheet.studio, speech)
    form, hand, past, api = GenerateForm(sheet, choices), Hand(sheet, choices), Past(sheet), Api(sheet)
    workflow = Workflow(sheet, form)
    made: dict[str, Any] = {}
    with gr.Row(elem_id="ink-desk"):
        with gr.Column(elem_id="ink-left"):
            with gr.Column(elem_id="ink-words"):
                made |= _draw_words(sheet, form, choices)
            with gr.Column(elem_id="ink-settings"):
                made |= _draw_settings(sheet, form, choices)
                workflow.draw()
        with gr.Column(elem_id="ink-right"):
            with gr.Column(elem_id="ink-result"):
                made |= _draw_result(sheet)
                hand.draw()
                made["chain"] = gr.HTML(Chain().html(speech, "en"), elem_id="ink-chain")
            past.draw()
    api.draw()
    made |= {"scene": gr.State((Easel(), Chain())), "shown": gr.State([]), "last_seed": gr.State(None)}
    made["kept"] = gr.BrowserState({}, storage_key=STORAGE_KEY, secret=STORAGE_SECRET)
    return Surface(form=form, choices=choices, hand=hand, past=past, api=api, workflow=workflow, **made)


def _draw_words(sheet: Sheet, form: GenerateForm, choices: Choices) -> dict[str, Any]:
    speech = sheet.speech
    form.draw_prompt()
    examples = speech.put(
        gr.Dataset, {"label": "examples.label"}, components=["textbox"], type="index", layout="gallery",
        samples=samples(choices, GenerateRequest().model, "en"), elem_id="ink-examples", elem_classes="ink-chips",
    )  # fmt: skip
    form.draw_negative()
    with gr.Row(elem_id="ink-buttons"):
        generate = speech.put(
            gr.Button, {"value": "generate.button"}, variant="primary", elem_id="ink-generate", scale=3
        )
        stop = speech.put(
            gr.Button, {"value": "stop.button"}, interactive=False, elem_id="ink-stop", scale=1, min_width=90
        )
    return {"examples": examples, "generate": generate, "stop": stop}


def _draw_result(sheet: Sheet) -> dict[str, Any]:
    easel = gr.HTML(Easel().html(sheet.speech, "en"), elem_id="ink-easel")
    gallery = sheet.speech.put(
        gr.Gallery, {"label": "gallery.label"}, show_label=False, preview=True, columns=4, object_fit="contain",
        interactive=False, visible=False, format="png", height=580, buttons=["download", "fullscreen"], elem_id="ink-gallery",
    )  # fmt: skip
    return {"easel": easel, "gallery": gallery}


def _draw_settings(sheet: Sheet, form: GenerateForm, choices: Choices) -> dict[str, Any]:
    speech = sheet.speech
    with gr.Group(elem_classes="ink-group"):
        with gr.Row():
            form.draw_model()
            presets = speech.put(
                Choice, {"label": "presets.label", "info": "presets.help"}, choices=choices.presets("en"), value=None,
                filterable=False, elem_id="ink-presets", min_width=160,
            )  # fmt: skip
        form.draw_about()
    models = ModelsPanel(sheet, form)
    models.draw()
    with gr.Group(elem_classes="ink-group"):
        form.draw_size()
    with gr.Group(elem_classes="ink-group"):
        form.draw_steps()
    with gr.Group(elem_classes="ink-group"):
        form.draw_seed()
    with gr.Group(elem_classes="ink-group"):
        form.draw_styles()
    form.draw_start()
    form.draw_loras()
    with speech.put(gr.Accordion, {"label": "sampling.title"}, open=False, elem_id="ink-sampling"):
        form.draw_sampling()
    with speech.put(gr.Accordion, {"label": "drop.title"}, open=False, elem_id="ink-recall"):
        speech.put(gr.Markdown, {"value": "drop.label"}, elem_classes="ink-help")
        drop = speech.put(gr.File, {"label": "drop.title"}, show_label=False, elem_id="ink-drop", height=132)
        note = gr.Markdown(visible=False, elem_id="ink-drop-note")
    return {"presets": presets, "models": models, "drop": drop, "drop_note": note}


def wire(sheet: Sheet, on: Surface) -> None:
    """Join the events: painting, filling the form, choosing pictures, opening the page."""
    _wire_painting(sheet, on)
    _wire_filling(sheet, on)
    _wire_start(sheet, on)
    _wire_pictures(sheet, on)
    _wire_opening(sheet, on)
    on.workflow.wire()


def _wire_painting(sheet: Sheet, on: Surface) -> None:
    painting = Painting(sheet, on)
    hand = on.hand
    outputs = [
        *_form_parts(on), *_past_parts(on), *_hand_parts(on), on.easel, on.chain, on.gallery, on.shown, on.stop,
        on.scene, on.last_seed, on.past.own,
    ]  # fmt: skip
    painted = on.generate.click(painting.paint, painting.needs, outputs, **_PAINT)
    _keep(on, painted)
    hand.compare.click(painting.compare, painting.needs | {hand.holds}, outputs, **_PAINT)
    on.stop.click(painting.stop, None, on.stop, queue=False, **_QUIET)
    api = on.api
    api.call.click(
        api.generate, api.takes(on.form.controls), [api.pictures, api.seed], api_name="generate",
        concurrency_id="gpu", concurrency_limit=32,
    )  # fmt: skip


def _wire_filling(sheet: Sheet, on: Surface) -> None:
    filling = Filling(sheet, on)
    form, hand = on.form, on.hand
    outputs = [*_form_parts(on), on.examples, on.drop, on.drop_note, sheet.passed]
    for trigger, handler in (
        (hand.use.click, filling.recall), (on.drop.upload, filling.read), (on.presets.input, filling.preset),
        (form.controls["model"].input, filling.model), (form.reuse.click, filling.seed), (sheet.passed.change, filling.passed),
    ):  # fmt: skip
        _keep(on, trigger(handler, filling.needs, outputs, **_QUIET))
    loras = [
        part
        for row in form.loras.rows
        for part in (row.box, row.name, row.weight, row.facts, row.note, row.words)
    ]
    for row in form.loras.rows:
        row.name.input(filling.loras, filling.needs, [*loras, form.loras.empty], **_QUIET)
    form.loras.refresh.click(filling.loras, filling.needs, [*loras, form.loras.empty], **_QUIET)
    example = [on.examples, form.controls["model"], sheet.language]
    _keep(on, on.examples.click(filling.example, example, form.controls["prompt"], **_QUIET))
    form.wire()
    on.models.wire()
    _keep(on, form.after_aspect)


def _wire_start(sheet: Sheet, on: Surface) -> None:
    starting, start, held = Starting(sheet, on), on.form.start, on.form.controls
    for triggers, handler in (
        ([start.picture.upload], starting.upload), ([start.picture.clear, start.clear.click], starting.clear),
        ([start.whole.click], starting.whole), ([start.shape.click], starting.shape),
    ):  # fmt: skip
        _keep(on, gr.on(triggers, handler, starting.needs, starting.outputs, **_QUIET))
    start.paint.click(starting.paint, starting.needs, starting.outputs, **_QUIET)
    sizes = (on.form.aspect, held["width"], held["height"], held["upscale"])
    gr.on([made.input for made in sizes], starting.follow, starting.needs, starting.outputs, **_QUIET)
    begun = on.hand.start.click(starting.hand, starting.needs, starting.outputs, **_QUIET)
    _keep(on, begun)
    begun.then(None, None, None, js=SHOW_START, **_QUIET)


def _wire_pictures(sheet: Sheet, on: Surface) -> None:
    looking, hand, past = Looking(sheet, on), on.hand, on.past
    hung = [*_hand_parts(on), on.gallery, on.shown]
    on.gallery.select(looking.choose, [on.shown, sheet.language], _hand_parts(on), **_QUIET)
    past.wire()
    recalled = past.gallery.select(
        looking.recall, [past.ids, sheet.language], [*hung, on.easel, on.chain, on.scene], **_QUIET
    )
    recalled.then(None, None, None, js=SHOW_RESULT, **_QUIET)
    hand.delete.click(lambda: gr.update(visible=True), None, hand.question, queue=False, **_QUIET)
    hand.keep.click(lambda: gr.update(visible=False), None, hand.question, queue=False, **_QUIET)
    asked = [hand.holds, on.shown, past.search, past.own, sheet.language]
    hand.sure.click(looking.delete, asked, [*hung, *_past_parts(on)], **_QUIET)


def _wire_opening(sheet: Sheet, on: Surface) -> None:
    opening = Opening(sheet, on)
    held = on.form.controls
    # the first paint has the words already; every output costs the browser a walk over the whole page
    new = [
        *_form_parts(on),
        *_past_parts(on),
        *sheet.speech.told("en"),
        on.examples,
        on.presets,
        on.easel,
        on.chain,
        sheet.language,
    ]
    opened = sheet.page.load(opening.open, [on.kept, sheet.language], _each(new), js=SETTLE, **_QUIET)
    opened.then(None, None, None, js=OPENED, **_QUIET)
    sheet.language.input(None, [sheet.language], [sheet.language], js=REMEMBER, **_QUIET)
    all_words = _each([*new, *sheet.speech.carriers, on.hand.facts, on.gallery])
    sheet.language.input(opening.speak, opening.needs, all_words, **_QUIET)
    # a Textbox tells of input only when a key is pressed: not when words are pasted or composed by an input method
    changes = [made.change if isinstance(made, gr.Textbox) else made.input for made in held.values()]
    gr.on(changes, trigger_mode="always_last", **_keeping(on))


def _each(parts: list[Any]) -> list[Any]:
    """The parts in their order, each once."""
    return [*dict.fromkeys(parts)]


def _keep(on: Surface, after: Any) -> None:
    """Let the browser keep what a handler has put into the form."""
    after.then(**_keeping(on))


def _keeping(on: Surface) -> dict[str, Any]:
    held = on.form.controls
    script = keep_script([*held])
    return {"fn": None, "inputs": [on.kept, *held.values()], "outputs": [on.kept], "js": script, **_QUIET}


def _form_parts(on: Surface) -> list[Any]:
    form = on.form
    rows = [part for row in form.loras.rows for part in (row.box, row.words, row.facts, row.note)]
    return [
        *form.controls.values(),
        form.aspect,
        form.about,
        form.loras.note,
        form.loras.fold,
        form.loras.empty,
        *rows,
        *form.start.parts,
    ]


def _hand_parts(on: Surface) -> list[Any]:
    hand = on.hand
    return [hand.holds, hand.box, hand.facts, hand.compare, hand.question, hand.comparison, hand.slider]


def _past_parts(on: Surface) -> list[Any]:
    past = on.past
    return [past.ids, past.trail, past.gallery, past.note, past.newer, past.older]


TAB = Tab("tab.generate", 1, draw, wire)
