"""Which pictures the grid shows: words, filters and order, as the controls hold them."""

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from studio.datasets.query import Order, Query
from studio.ui.changes import Changes
from studio.ui.controls import Choice
from studio.ui.dataset_desk import Data, Desk
from studio.ui.dataset_facts import Facts, More
from studio.ui.dataset_plots import MEASURES
from studio.words import Language

KEEPS = ("all", "uncaptioned", "train", "validation", "none", "deleted")
ORDERS: tuple[Order, ...] = get_args(Order)
_LISTS = ("check", "tag", "license", "source")
_SPLITS = ("train", "validation", "none")


@dataclass
class Sieve:
    """The filter row. `stretch` holds the histogram bar that was clicked."""

    desk: Desk

    def draw(self) -> None:
        """Search words and the filters people use, then the others, folded."""
        put = self.desk.sheet.speech.put
        self.stretch, self.is_unfolded = gr.State(None), gr.State(False)
        with gr.Row(elem_id="ink-sieve", elem_classes="ink-sieve"):
            self.words = put(
                gr.Textbox, {"placeholder": "dataset.sieve.words", "label": "dataset.sieve.words"}, show_label=False,
                container=False, max_lines=1, elem_id="ink-sieve-words", min_width=160, scale=3,
            )  # fmt: skip
            self.keep = self._list("keep", "all", self._keeps)
            self.order = self._list("order", "added", self._orders)
        with put(
            gr.Accordion, {"label": "dataset.sieve.more"}, open=False, elem_id="ink-sieve-more"
        ) as self.fold:
            with gr.Row(elem_classes="ink-sieve"):
                self.lists = {name: self._list(name, "") for name in _LISTS}
            self.is_descending = put(
                gr.Checkbox, {"label": "dataset.sieve.descending"}, container=False, elem_id="ink-sieve-descending"
            )  # fmt: skip
        self.clear = gr.Button(visible=False, size="sm", elem_id="ink-sieve-clear")

    def _list(self, name: str, value: str, offer: Any = None) -> Any:
        made = self.desk.sheet.speech.put(
            Choice, {"label": f"dataset.sieve.{name}"}, choices=offer("en") if offer else [("", "")], value=value,
            filterable=False, elem_id=f"ink-sieve-{name}", min_width=130, scale=2,
        )  # fmt: skip
        if offer:
            self.desk.sheet.speech.tell(lambda language: {made: {"choices": offer(language)}})
        return made

    def _keeps(self, language: Language) -> list[tuple[str, str]]:
        return [(self.desk.say(language, f"keep.{name}"), name) for name in KEEPS]

    def _orders(self, language: Language) -> list[tuple[str, str]]:
        return [(self.desk.say(language, f"order.{name}"), name) for name in ORDERS]

    @property
    def parts(self) -> list[Any]:
        """All controls; handlers that look at the set are given these."""
        return [
            self.words,
            self.keep,
            self.order,
            *self.lists.values(),
            self.is_descending,
            self.stretch,
            self.is_unfolded,
        ]

    def query(self, data: Data) -> Query:
        """What the controls ask for; what they can't hold counts as nothing."""
        keep = str(data[self.keep] or "")
        order = data[self.order]
        told = {name: str(data[made] or "") for name, made in self.lists.items()}
        return Query(
            words=str(data[self.words] or ""),
            split=keep if keep in _SPLITS else "",
            is_uncaptioned=keep == "uncaptioned",
            is_deleted=keep == "deleted",
            stretch=data[self.stretch],
            order=next((one for one in ORDERS if one == order), "added"),
            is_descending=bool(data[self.is_descending]),
            **told,
        )

    def bar(self, told: object) -> tuple[str, float, float] | None:
        """A histogram bar that was clicked; a stranger's word, so None for what is no bar."""
        if not isinstance(told, dict) or told.get("measure") not in MEASURES:
            return None
        try:
            return str(told["measure"]), float(told["low"]), float(told["high"])
        except (KeyError, TypeError, ValueError):
            return None

    def is_empty(self, data: Data) -> bool:
        """Whether every picture is shown."""
        lists = any(data[made] for made in self.lists.values())
        return not (data[self.words] or lists or data[self.stretch] or (data[self.keep] or "all") != "all")

    def cleared(self) -> Changes:
        """What lets every picture through."""
        told: Changes = {made: {"value": ""} for made in (self.words, *self.lists.values())}
        return {**told, self.keep: {"value": "all"}, self.stretch: {"value": None}}

    def changes(self, facts: Facts, more: More | None, data: Data, language: Language) -> Changes:
        """The lists for what the set holds; without `more`, only what was chosen in those that are folded away."""
        more = more or More({}, {}, {})
        offers = {
            "check": [(self._title(name, language), name, count) for name, count in facts.troubled.items()],
            "tag": [(tag, tag, count) for tag, count in more.tags.items()],
            "license": [(name or "–", name or "none", count) for name, count in more.licences.items()],
            "source": [(name or "–", name or "none", count) for name, count in more.sources.items()],
        }
        every = (self.desk.say(language, "sieve.any"), "")
        told: Changes = {}
        for name, made in self.lists.items():
            pairs = [every, *((f"{label} ({count:,})", value) for label, value, count in offers[name])]
            held = str(data[made] or "")
            if held and held not in [value for _, value in pairs]:
                pairs.append((f"{self._title(held, language) if name == 'check' else held}", held))
            told[made] = {"choices": pairs}
        label = self.desk.say(language, "sieve.clear")
        if data[self.stretch]:
            measure, low, high = data[self.stretch]
            label = self.desk.say(language, "sieve.clear_stretch", measure=self.desk.say(language, f"measure.{measure}"),
                                  low=f"{low:,.4g}", high=f"{high:,.4g}")  # fmt: skip
        told[self.clear] = {"visible": not self.is_empty(data), "value": label}
        return told

    def _title(self, check: str, language: Language) -> str:
        known = self.desk.checks.get(check)
        return known.title.say(language) if known else check
