"""The LoRA rows of the form: file, weight, on or off, and trigger words that a click puts into the prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.requests import MOST_LORAS, GenerateRequest, LoraUse, read_blocks
from studio.ui.changes import Changes
from studio.ui.choices import Choices
from studio.ui.controls import Choice, Knob
from studio.ui.safe import html, plain
from studio.ui.speech import Speech
from studio.words import Language

USUAL_WEIGHTS = (-2.0, 2.0)
"""What the slider spans; a recalled weight outside it widens the span."""


@dataclass(frozen=True)
class LoraRow:
    """The components of one row."""

    box: gr.Group
    name: Choice
    weight: Knob
    on: gr.Checkbox
    facts: gr.Markdown
    blocks: gr.Textbox
    words: gr.HTML
    note: gr.Markdown


class LoraRows:
    """All rows; the next one appears when the last one is taken."""

    def __init__(self, speech: Speech, choices: Choices) -> None:
        self._speech = speech
        self._choices = choices
        self.rows: list[LoraRow] = []

    def draw(self) -> None:
        """Draw the rows, and under them the words for an empty shelf and what the chain said of them."""
        with gr.Accordion(
            label=self._speech.key("request.loras.label"), open=False, elem_id="ink-loras"
        ) as fold:
            self.fold = fold
            self.help = self._speech.put(
                gr.Markdown, {"value": "request.loras.help"}, elem_classes="ink-help"
            )
            self.note = gr.Markdown(visible=False, elem_classes="ink-fault", elem_id="ink-loras-note")
            for index in range(MOST_LORAS):
                self.rows.append(self._row(index))
            self.empty = self._speech.put(gr.Markdown, {"value": "loras.empty"}, elem_classes="ink-help")
            self.refresh = self._speech.put(
                gr.Button, {"value": "loras.refresh"}, size="sm", elem_id="ink-loras-refresh"
            )
        self._speech.tell(
            lambda language: {fold: {"label": self._speech.say(language, "request.loras.label")}}
        )

    def _row(self, index: int) -> LoraRow:
        offered = self._choices.loras("en", GenerateRequest().model)
        low, high = USUAL_WEIGHTS
        with gr.Group(visible=index == 0, elem_classes="ink-lora") as box:
            with gr.Row(equal_height=True, elem_classes="ink-lora-head"):
                name = self._speech.put(
                    Choice, {"label": "loras.file"}, choices=offered, value="", scale=5, min_width=160,
                    elem_id=f"ink-lora-{index + 1}",
                )  # fmt: skip
                on = self._speech.put(
                    gr.Checkbox,
                    {"label": "loras.on"},
                    value=True,
                    scale=1,
                    min_width=70,
                    elem_classes="ink-switch",
                )
            weight = self._speech.put(
                Knob, {"label": "loras.weight"}, minimum=low, maximum=high, step=0.05, value=1.0, buttons=[],
                elem_id=f"ink-lora-{index + 1}-weight",
            )  # fmt: skip
            facts = gr.Markdown(visible=False, elem_classes="ink-help")
            note = gr.Markdown(visible=False, elem_classes="ink-fault")
            with gr.Accordion(label=self._speech.key("loras.blocks"), open=False) as more:
                blocks = self._speech.put(
                    gr.Textbox, {"label": "loras.blocks", "info": "loras.blocks.help"}, value="", max_lines=1,
                    placeholder="down=0.5,mid=1,up=0", elem_id=f"ink-lora-{index + 1}-blocks",
                )  # fmt: skip
            self._speech.tell(lambda language: {more: {"label": self._speech.say(language, "loras.blocks")}})
            words = gr.HTML(visible=False)
        return LoraRow(box, name, weight, on, facts, blocks, words, note)

    def controls(self) -> dict[str, gr.components.Component]:
        """What the browser remembers of the rows, by name."""
        found: dict[str, gr.components.Component] = {}
        for index, row in enumerate(self.rows, 1):
            found |= {
                f"lora_{index}": row.name,
                f"lora_{index}_weight": row.weight,
                f"lora_{index}_on": row.on,
                f"lora_{index}_blocks": row.blocks,
            }
        return found

    def uses(self, values: Mapping[str, Any]) -> tuple[LoraUse, ...]:
        """The LoRAs that the rows hold; empty rows are left out."""
        keys = ("", "_weight", "_on", "_blocks")
        held = [tuple(values[f"lora_{n}{key}"] for key in keys) for n in self._numbers()]
        return tuple(
            LoraUse(str(name), float(weight or 0), bool(on), read_blocks(str(blocks or "")))
            for name, weight, on, blocks in held
            if name
        )

    def values(self, uses: Sequence[LoraUse]) -> dict[str, Any]:
        """What the rows hold for these LoRAs."""
        filled = [*uses, *[LoraUse("")] * (MOST_LORAS - len(uses))]
        held: dict[str, Any] = {}
        for n, use in zip(self._numbers(), filled, strict=True):
            held |= {
                f"lora_{n}": use.name,
                f"lora_{n}_weight": use.weight,
                f"lora_{n}_on": use.on,
                f"lora_{n}_blocks": use.blocks_text,
            }
        return held

    def changes(self, values: Mapping[str, Any], language: Language) -> Changes:
        """What follows from the rows' values and the model: the lists, the reasons, the trigger words, which rows show."""
        cards = {card.name: card for card in self._choices.cards()}
        offered = self._choices.loras(language, values["model"])
        taken = [values[f"lora_{n}"] for n in self._numbers()]
        told: Changes = {self.empty: {"visible": not cards}}
        for index, (row, name) in enumerate(zip(self.rows, taken, strict=True)):
            card = cards.get(name)
            absent = bool(name) and card is None
            reason = self._choices.misfit(card, language, values["model"]) if card else ""
            reason = self._speech.say(language, "loras.absent", name=name) if absent else reason
            facts = self._choices.facts(card, language, values["model"]) if card else ""
            words = card.trigger_words if card else ()
            weight = float(values[f"lora_{index + 1}_weight"] or 0)
            low, high = USUAL_WEIGHTS
            told |= {
                row.box: {"visible": index == 0 or bool(name) or bool(taken[index - 1])},
                row.name: {"choices": [*offered, (name, name)] if absent else offered},
                row.weight: {"minimum": min(low, weight), "maximum": max(high, weight)},
                row.facts: {"value": plain(facts), "visible": bool(facts)},
                row.note: {"value": plain(reason), "visible": bool(reason)},
                row.words: {"value": self._chips(words, language), "visible": bool(words)},
            }
        return told

    def _chips(self, words: Sequence[str], language: Language) -> str:
        """Trigger words as buttons; assets/words.js puts the one that is clicked into the prompt."""
        buttons = (f'<button type="button" data-word="{html(word)}">{html(word)}</button>' for word in words)
        label = self._speech.say(language, "loras.words")
        return f'<p>{label}</p><div class="ink-trigger-words">{"".join(buttons)}</div>' if words else ""

    @staticmethod
    def _numbers() -> range:
        return range(1, MOST_LORAS + 1)
