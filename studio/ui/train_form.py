"""The form of the Train tab: its controls by name, and the way from what they hold to a request and back."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.train_request import TrainRequest
from studio.ui.changes import Changes
from studio.ui.controls import Choice, control
from studio.ui.kept import is_like
from studio.ui.safe import helpline
from studio.ui.sheet import Sheet
from studio.ui.speech import Speech
from studio.ui.train_choices import TrainChoices
from studio.words import Language

BASIC = ("name", "trigger_word", "max_steps", "learning_rate", "lora_rank", "lora_alpha", "sample_prompts")
MORE: dict[str, tuple[str, ...]] = {
    "pictures": ("width", "height", "aspect_buckets", "center_crop", "random_flip", "crops", "caption_dropout",
                 "validation_share", "prior_share", "prior_prompts"),
    "pace": ("max_epochs", "steps_per_epoch", "batch_size", "accumulate_grad_batches", "optimizer", "lr_schedule",
             "warmup_steps", "weight_decay", "gradient_clip", "min_snr_gamma", "noise_offset", "ema_decay", "seed"),
    "watch": ("sample_every", "sample_steps", "sample_seed", "checkpoint_every", "checkpoints_kept",
              "validation_every"),
    "adapter": ("adapter", "lora_target_modules"),
    "memory": ("precision", "quantize_base", "use_gradient_checkpointing", "devices", "num_nodes",
               "training_strategy", "dataloader_num_workers"),
    "paths": ("output_path", "pretrained_unet_path", "pretrained_text_encoder_path", "pretrained_fp16_vae_path"),
}  # fmt: skip
"""What is folded away, by group; paths only where they may be named."""


LINES = ("sample_prompts", "prior_prompts")
"""Lists, one entry a line."""


class TrainForm:
    """Draws the controls in the groups that the tab asks for, and knows them by the field they stand for."""

    def __init__(self, sheet: Sheet, choices: TrainChoices) -> None:
        self._speech: Speech = sheet.speech
        self._choices = choices
        self._may_name_paths = sheet.studio.settings.may_import_paths
        self.controls: dict[str, Any] = {}

    # drawing

    def draw_model(self) -> None:
        """The model that learns."""
        self._add("model", choices=self._choices.models("en"), filterable=False, min_width=160)
        made = self.controls["model"]
        self._speech.tell(lambda language: {made: {"choices": self._choices.models(language)}})

    def draw_preset(self) -> Choice:
        """The presets: not a field, but what fills several."""
        made = self._speech.put(
            Choice, {"label": "presets.label", "info": "train.presets.help"}, choices=self._choices.presets("en"),
            value=None, filterable=False, elem_id="ink-train-preset", min_width=160,
        )  # fmt: skip
        self._speech.tell(lambda language: {made: {"choices": self._choices.presets(language)}})
        return made

    def draw_dataset(self) -> None:
        """A folder of this machine, typed or taken from the list of those known."""
        self._add(
            "dataset_path",
            choices=self._choices.sets(),
            allow_custom_value=True,
            filterable=True,
        )

    def draw_basic(self) -> None:
        """What most people set."""
        self._row("name", "trigger_word")
        self._row("max_steps", "learning_rate")
        self._row("lora_rank", "lora_alpha")
        self._add("sample_prompts", value="", lines=2, max_lines=8)

    def draw_more(self) -> None:
        """Everything else, folded."""
        for group, names in MORE.items():
            if group == "paths" and not self._may_name_paths:
                continue
            with self._speech.put(
                gr.Accordion, {"label": f"train.more.{group}"}, open=False, elem_id=f"ink-train-more-{group}"
            ):
                self._pairs(names)

    def _pairs(self, names: tuple[str, ...]) -> None:
        """Two controls a row, in their order; text takes a whole one."""
        waiting: list[str] = []
        for name in names:
            is_text = (
                isinstance(getattr(TrainRequest(), name), str) and not TrainRequest.settings()[name].choices
            )
            if waiting and (is_text or name in LINES or len(waiting) == 2):
                self._row(*waiting)
                waiting = []
            if name in LINES:
                self._add(name, value="", lines=2, max_lines=8)
            elif is_text:
                self._add(name)
            else:
                waiting.append(name)
        if waiting:
            self._row(*waiting)

    def _row(self, *names: str) -> None:
        with gr.Row():
            for name in names:
                self._add(name, min_width=140)

    def _add(self, name: str, **props: Any) -> None:
        self.controls[name] = control(self._speech, name, "training", **props)

    # from values to a request and back

    def values(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """What the controls hold, by name, out of what a handler was given by component."""
        return {name: data[made] for name, made in self.controls.items()}

    def request(self, values: Mapping[str, Any]) -> TrainRequest:
        """The request that the values ask for; raises a StudioError that names the field. A box left empty means its
        default."""
        default = TrainRequest().to_dict()
        told: dict[str, Any] = {}
        for name, value in values.items():
            if name in LINES:
                told[name] = [line.strip() for line in str(value or "").splitlines() if line.strip()]
            elif isinstance(default[name], str):
                told[name] = str(value or "").strip()
            else:
                told[name] = default[name] if value is None else value
        return TrainRequest.from_dict(told)

    def spread(self, request: TrainRequest) -> dict[str, Any]:
        """The values that the controls hold for a request."""
        told = request.to_dict()
        told |= {name: "\n".join(told[name]) for name in LINES}
        return {name: told[name] for name in self.controls}

    def partly(self, values: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """The values with those of a partial request, which has been checked, written over them."""
        filled = self.spread(TrainRequest.from_dict(told))
        return {**values, **{name: filled[name] for name in told if name in self.controls}}

    def kept(self, saved: object) -> dict[str, Any]:
        """What a browser kept, as far as it is of the right sort."""
        values = self.spread(TrainRequest())
        found = saved if isinstance(saved, Mapping) else {}
        for name, default in values.items():
            if name in found and is_like(default, found[name], is_seed=False):
                values[name] = found[name]
        return values

    def changes(self, values: Mapping[str, Any]) -> Changes:
        """What shows these values."""
        return {
            self.controls[name]: {"value": value} for name, value in values.items() if name in self.controls
        }

    # what went wrong, or is worth knowing, at the control it belongs to

    def hint(self, field: str | None, sentence: str, is_fault: bool) -> Changes:
        """A sentence in place of the control's help line."""
        made = self.controls.get(field or "")
        mark = "ink-fault" if is_fault else "ink-notice"
        return {made: {"info": helpline(sentence), "elem_classes": [mark]}} if made else {}

    def calm(self, language: Language) -> Changes:
        """Every help line as it was."""
        return {
            made: {"info": self._speech.say(language, f"training.{name}.help"), "elem_classes": []}
            for name, made in self.controls.items()
        }


def field_of(error: StudioError) -> str | None:
    """The field that an error is shown at, if it has one of the form's."""
    return error.field if error.field in TrainRequest.settings() else None
