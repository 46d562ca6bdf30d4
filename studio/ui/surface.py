"""The components of the Generate tab that handlers write on."""

from dataclasses import dataclass

import gradio as gr

from studio.ui.api import Api
from studio.ui.choices import Choices
from studio.ui.forms import GenerateForm
from studio.ui.hand import Hand
from studio.ui.models_panel import ModelsPanel
from studio.ui.past import Past
from studio.ui.workflow import Workflow


@dataclass(frozen=True)
class Surface:
    """All of them. `scene` keeps easel and chain for when the language changes, `shown` the ids of the pictures in
    the gallery, `last_seed` the seed of the last picture, `kept` what the browser keeps of the form."""

    form: GenerateForm
    choices: Choices
    presets: gr.Dropdown
    models: ModelsPanel
    examples: gr.Dataset
    generate: gr.Button
    stop: gr.Button
    easel: gr.HTML
    gallery: gr.Gallery
    chain: gr.HTML
    hand: Hand
    past: Past
    drop: gr.File
    drop_note: gr.Markdown
    scene: gr.State
    shown: gr.State
    last_seed: gr.State
    kept: gr.BrowserState
    api: Api
    workflow: Workflow
