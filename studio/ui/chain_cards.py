"""The chain as four cards: what each stage holds, how long it took, how much it keeps, run or reused."""

from dataclasses import dataclass, field
from typing import Literal

from studio.engine.events import Event, LoraMatch, Stage, StageEnded, StageStarted, Step
from studio.origin import title_of
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.words import Language, Said

State = Literal["idle", "running", "run", "reused"]

CARDS: dict[str, tuple[Stage, ...]] = {
    "loader": ("load", "adapt"), "encoder": ("encode",), "sampler": ("sample",), "decoder": ("decode",),
}  # fmt: skip


@dataclass
class Link:
    """One stage as far as it has come: over all pictures of the run, its seconds are summed."""

    state: State = "idle"
    seconds: float = 0.0
    bytes: int = 0
    holds: Said | None = None


@dataclass
class Chain:
    """The stages of one run, and how its LoRAs met the model."""

    links: dict[str, Link] = field(default_factory=dict)
    matches: dict[str, LoraMatch] = field(default_factory=dict)
    step: tuple[int, int] | None = None

    def take(self, event: Event) -> bool:
        """Note an event; True when a card looks different after it."""
        match event:
            case StageStarted(stage=stage):
                self._link(stage).state = "running"
            case StageEnded():
                link = self._link(event.stage)
                link.state = "reused" if event.reused and link.state != "run" else "run"
                link.seconds += 0.0 if event.reused else event.seconds
                link.bytes, link.holds = event.bytes, event.holds
            case LoraMatch():
                self.matches[event.name] = event
            case Step():
                self.step = (event.step, event.steps)
            case _:
                return False
        return True

    def rest(self) -> None:
        """Nothing runs any more."""
        for link in self.links.values():
            link.state = "idle" if link.state == "running" else link.state

    def html(self, speech: Speech, language: Language) -> str:
        """All four cards."""
        cards = [self._card(number, name, speech, language) for number, name in enumerate(CARDS, 1)]
        label = html(speech.say(language, "chain.title"))
        return f'<ol class="ink-chain" aria-label="{label}">{"".join(cards)}</ol>'

    def _link(self, stage: str) -> Link:
        return self.links.setdefault(stage, Link())

    def _card(self, number: int, name: str, speech: Speech, language: Language) -> str:
        links = [self.links[stage] for stage in CARDS[name] if stage in self.links]
        state = _state(links)
        lines = [html(link.holds.say(language)) for link in links if link.holds]
        if name == "loader" and self.matches:
            lines = [*lines[:1], *(_match(match, speech, language) for match in self.matches.values())]
        if name == "sampler" and state == "running" and self.step:
            step, steps = self.step
            lines = [html(speech.say(language, "chain.step", step=step, steps=steps))]
        holds = (
            "".join(f"<li>{line}</li>" for line in lines)
            or f"<li>{html(speech.say(language, f'chain.{name}.help'))}</li>"
        )
        mark = html(speech.say(language, f"chain.{state}"))
        seconds, kept = sum(link.seconds for link in links), sum(link.bytes for link in links)
        facts = [
            figure
            for figure in (_seconds(seconds) if state == "run" else "", _bytes(kept) if links else "")
            if figure
        ]
        return (
            f'<li class="ink-card is-{state}"><div class="ink-card-head"><span class="ink-card-name">'
            f"<b>{number}</b>{html(speech.say(language, f'chain.{name}'))}</span>"
            f'<span class="ink-mark">{mark}</span></div>'
            f'<ul class="ink-card-holds">{holds}</ul><p class="ink-card-facts">{html(" · ".join(facts))}</p></li>'
        )


def _state(links: list[Link]) -> State:
    states = [link.state for link in links]
    for state in ("running", "run", "reused"):
        if state in states:
            return state
    return "idle"


def _match(match: LoraMatch, speech: Speech, language: Language) -> str:
    whole = "is-whole" if match.matched == match.total else "is-part"
    comma = speech.say(language, "loras.comma")
    more = [title_of(match.family)] if match.family else []
    more += [speech.say(language, "loras.texts", count=match.text_layers)] if match.text_layers else []
    told = speech.say(
        language, "chain.match", name=match.name, matched=match.matched, total=match.total, rank=match.rank,
        strength=f"{match.strength:.2f}", more="".join(comma + part for part in more),
    )  # fmt: skip
    return f'<span class="ink-match {whole}">{html(told)}</span>'


def _seconds(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds >= 100
        else f"{seconds:.1f} s"
        if seconds >= 0.1
        else f"{seconds * 1000:.0f} ms"
    )


def _bytes(count: int) -> str:
    if count < 2**10:
        return ""
    for unit, size in (("GB", 2**30), ("MB", 2**20)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 2**10:.0f} KB"
