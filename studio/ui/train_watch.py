"""The right half of the Train tab: the runs, and the one that is looked at. All of it is a pure function of the runs
folder, told anew by a timer and at every page load: a reload, a second browser and a restarted server see the same."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.runs import RunView
from studio.train_errors import DatasetChanged
from studio.ui.changes import Changes, merged
from studio.ui.safe import html, plain
from studio.ui.speech import as_language
from studio.ui.train_after import After
from studio.ui.train_made import made_by, pick
from studio.ui.train_story import Story
from studio.ui.train_workshop import Workshop
from studio.words import Language

EVERY_S = 1.5
LOG_LINES = 200
ORDERS = ("stop", "save", "sample", "resume", "rerun", "delete")


@dataclass
class Watching:
    """The components; `seen` keeps a mark of what this browser shows, so that a tick sends only what has changed."""

    workshop: Workshop

    def draw(self) -> None:
        """The list of runs, the card, the orders, the strip, what was made, and the log."""
        speech = self.workshop.sheet.speech
        self.seen = gr.State({})
        self.after = After(self.workshop)
        is_turned_to = not self.workshop.sheet.pages  # on a page with several tabs, once it is turned to
        self.timer = gr.Timer(EVERY_S, active=is_turned_to and self.workshop.sheet.studio.settings.may_train)
        self.chosen = speech.put(
            gr.Radio,
            {"label": "train.runs"},
            choices=[],
            visible=False,
            elem_id="ink-runs",
            elem_classes="ink-runs",
        )
        self.card = gr.HTML(
            self.workshop.sight.html(None, Story(), "en"), elem_id="ink-run", elem_classes="ink-live"
        )
        with gr.Row(elem_classes="ink-actions", elem_id="ink-orders"):
            self.orders = {
                name: speech.put(
                    gr.Button,
                    {"value": f"train.order.{name}"},
                    size="sm",
                    visible=False,
                    elem_id=f"ink-order-{name}",
                )
                for name in ORDERS
            }
        with gr.Row(visible=False, elem_classes="ink-actions", elem_id="ink-ask") as self.question:
            self.asks = gr.Markdown(elem_classes="ink-help")
            self.sure = gr.Button(size="sm", variant="stop", elem_id="ink-ask-sure")
            self.keep = speech.put(gr.Button, {"value": "train.ask.no"}, size="sm", elem_id="ink-ask-no")
        self.asked = gr.State("")
        self.strip = gr.HTML(elem_id="ink-strip")
        self.after.draw()
        with speech.put(
            gr.Accordion, {"label": "train.log"}, open=False, visible=False, elem_id="ink-log"
        ) as self.log_fold:
            self.log = gr.HTML(elem_id="ink-log-text")

    @property
    def needs(self) -> set[Any]:
        """What `look` has to be given."""
        return {self.chosen, self.seen, self.workshop.sheet.language, *self.after.needs}

    @property
    def parts(self) -> list[Any]:
        """What `look` writes on."""
        return [self.seen, self.chosen, self.card, *self.orders.values(), self.strip, *self.after.parts, self.log_fold,
                self.log]  # fmt: skip

    # looking

    def fresh(self, language: str) -> dict[Any, Any]:
        """What `look` is given for a browser that shows nothing yet."""
        asked = dict.fromkeys(self.needs)
        return {**asked, self.seen: {}, self.workshop.sheet.language: language, self.after.weight: 1.0}

    def tick(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Move the queue, then look."""
        if self.workshop.sheet.studio.settings.may_train:
            self.workshop.runs.tick()
        return self.look(data)

    def look(self, data: Mapping[Any, Any], run: str | None = None) -> dict[Any, Any]:
        """What has changed since this browser last looked; `run` is shown from now on."""
        language = as_language(data[self.workshop.sheet.language])
        view = _chosen(self._views(), run or data[self.chosen])
        seen = data[self.seen] or {}
        now = {"run": view.id if view else ""}
        for name, made in (("picked", self.after.picked), ("prompt", self.after.prompt)):
            # what was picked of another run means nothing here, and what the page picked by itself goes on following
            if seen.get("run") != now["run"] or seen.get(name) == data[made]:
                data = {**data, made: None}
        told = self._changes(view, data, language)
        for name, made in (("picked", self.after.picked), ("prompt", self.after.prompt)):
            now[name] = "" if data[made] else told[made]["value"]
        for made, props in told.items():
            now[str(made._id)] = hashlib.sha256(repr(props).encode()).hexdigest()[:16]
        fresh = {
            made: gr.update(**props)
            for made, props in told.items()
            if seen.get(str(made._id)) != now[str(made._id)]
        }
        return {**fresh, self.seen: {**seen, **now}}

    def view(self, data: Mapping[Any, Any]) -> RunView | None:
        """The run that this visitor looks at: the one chosen, else the one at work, else the newest."""
        return _chosen(self._views(), data[self.chosen])

    def story(self, view: RunView | None) -> Story:
        """What the run's events tell."""
        return self.workshop.stories.of(view.folder) if view and not view.broken else Story()

    def _views(self) -> list[RunView]:
        settings = self.workshop.sheet.studio.settings
        return self.workshop.runs.list() if settings.may_browse_history else []

    def _changes(self, view: RunView | None, data: Mapping[Any, Any], language: Language) -> Changes:
        workshop, views, story = self.workshop, self._views(), self.story(view)
        settings = workshop.sheet.studio.settings
        made = made_by(view, settings) if view else []
        picked = pick(made, data[self.after.picked])
        value = picked.value if picked else ""
        has_log = bool(view and view.record.started_at)
        shown = [*_orders(view, settings.may_delete)]
        told: Changes = {
            self.chosen: {
                "choices": workshop.sight.choices(views, language),
                "value": view.id if view else None,
                "visible": bool(views),
            },
            self.card: {"value": self._card(view, story, language)},
            self.strip: {"value": workshop.strips.strip(view, story, made, value, language) if view else ""},
            self.log_fold: {"visible": has_log},
            self.log: {"value": _log(view.folder.log_tail(LOG_LINES)) if view and has_log else ""},
        }
        orders: Changes = {button: {"visible": name in shown} for name, button in self.orders.items()}
        return merged(told, orders, self.after.changes(view, story, data, language))

    def _card(self, view: RunView | None, story: Story, language: Language) -> str:
        if self.workshop.sheet.studio.settings.may_train or view is not None:
            return self.workshop.sight.html(view, story, language)
        say = self.workshop.sheet.speech.say
        title, words, how = (html(say(language, f"train.away{end}")) for end in (".title", "", ".how"))
        code = "python app.py"
        return (
            f'<section class="ink-run is-empty is-away"><p class="ink-blank-title">{title}</p><p>{words}</p><p>{how}</p>'
            f"<p><code>{code}</code></p></section>"
        )

    # orders

    def order(self, name: str) -> Callable[[Mapping[Any, Any]], dict[Any, Any]]:
        """The handler of an order that needs no question."""

        def give(data: Mapping[Any, Any]) -> dict[Any, Any]:
            view = self.view(data)
            if view is None:
                return self.look(data)
            orders: dict[str, Callable[[str], object]] = {
                "stop": self.workshop.runs.stop, "save": self.workshop.runs.save_now, "sample": self.workshop.runs.sample_now,
            }  # fmt: skip
            return self._try(lambda: orders[name](view.id), data)

        return give

    def resume(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Go on from the last checkpoint; asks when the pictures have changed since."""
        view = self.view(data)
        language = as_language(data[self.workshop.sheet.language])
        if view is None:
            return self.look(data)
        try:
            self.workshop.runs.resume(view.id)
        except DatasetChanged as changed:
            return self._ask("resume", changed.say(language), language)
        except StudioError as error:
            gr.Warning(plain(error.say(language)))
        return self.look(data)

    def ask_delete(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Ask before a run goes for good."""
        view, language = self.view(data), as_language(data[self.workshop.sheet.language])
        if view is None:
            return self.look(data)
        return self._ask(
            "delete", self.workshop.sheet.speech.say(language, "train.ask.delete", name=view.name), language
        )

    def answer(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Do what was asked about."""
        view, runs = self.view(data), self.workshop.runs
        settings, doing = self.workshop.sheet.studio.settings, data[self.asked]
        if view is None or not (settings.may_delete or doing == "resume"):
            return self.look(data)
        if doing == "resume":
            told = self._try(lambda: runs.resume(view.id, accept_changes=True), data)
        else:
            told = self._try(lambda: runs.delete(view.id), data)
        return {**told, self.question: gr.update(visible=False)}

    def _ask(self, about: str, sentence: str, language: Language) -> dict[Any, Any]:
        label = self.workshop.sheet.speech.say(language, f"train.ask.{about}_now")
        return {
            self.asked: about,
            self.question: gr.update(visible=True),
            self.asks: gr.update(value=plain(sentence)),
            self.sure: gr.update(value=label),
        }

    def _try(self, do: Callable[[], object], data: Mapping[Any, Any]) -> dict[Any, Any]:
        try:
            do()
        except StudioError as error:
            gr.Warning(plain(error.say(as_language(data[self.workshop.sheet.language]))))
        return self.look(data)


def _chosen(views: list[RunView], run: str | None) -> RunView | None:
    found = next((view for view in views if view.id == run), None)
    active = next((view for view in views if view.is_active), None)
    return found or active or (views[0] if views else None)


def _orders(view: RunView | None, may_delete: bool) -> Iterator[str]:
    """The orders that a run in its state can be given."""
    if view is None:
        return
    if view.state == "running":
        yield from ("stop", "save", "sample")
    elif view.state == "queued":
        yield "stop"
    if view.can_resume:
        yield "resume"
    if not view.broken:
        yield "rerun"
    if may_delete and not view.is_active:
        yield "delete"


def _log(text: str) -> str:
    return f'<pre class="ink-log" tabindex="0">{html(text)}</pre>' if text else ""
