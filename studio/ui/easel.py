"""The easel: where the picture in the making is seen, with how far it is, and in words what happens."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal

from studio.engine.events import Event, Finished, FirstPass, Notice, StageStarted, Step
from studio.studio import Saved, Waiting
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.words import Language, Said

Mood = Literal["empty", "waiting", "working", "done", "stopped", "failed", "past"]


@dataclass
class Easel:
    """What is on the easel: the mood, the latest preview, and the figures that its sentence is made of. `is_second` while
    a picture is enlarged and painted over."""

    mood: Mood = "empty"
    count: int = 1
    picture: int = 0
    step: int = 0
    steps: int = 0
    tile: int = 1
    tiles: int = 1
    is_second: bool = False
    seconds_left: float | None = None
    stage: str = "load"
    position: int = 0
    kept: int = 0
    seconds: float = 0.0
    made: str = ""
    peak_bytes: int = 0
    fault: Said | None = None
    notices: list[Said] = field(default_factory=list)
    preview: bytes | None = None
    aspect: tuple[int, int] = (1, 1)

    def take(self, event: Event | Saved | Waiting) -> bool:
        """Note an event; True when the easel looks different after it."""
        match event:
            case Waiting():
                self.mood, self.position = "waiting", event.position
            case StageStarted():
                self.mood, self.stage, self.picture = "working", event.stage, max(self.picture, event.picture)
            case Step():
                self.mood, self.stage, self.picture = "working", "sample", event.picture
                self.step, self.steps, self.seconds_left = event.step, event.steps, event.seconds_left
                self.tile, self.tiles = event.tile, event.tiles
                self.preview = event.preview_jpeg or self.preview
            case FirstPass():
                self.is_second = True
                return False
            case Saved():
                self.kept, self.is_second = self.kept + 1, False
            case Notice():
                self.notices.append(event.said)
                return False
            case Finished():
                self.seconds, self.peak_bytes = event.seconds, event.peak_bytes
            case _:
                return False
        return True

    def end(self, mood: Mood, fault: Said | None = None) -> None:
        """Nothing is in the making any more. What a second pass had begun with is kept when that is stopped."""
        if mood == "stopped" and self.is_second:
            self.kept += 1
        self.mood, self.fault, self.preview = mood, fault, None

    @property
    def share(self) -> float:
        """How much of the work is done, between 0 and 1."""
        within = self.step / self.steps if self.steps and self.stage in ("sample", "decode") else 0.0
        return min(1.0, (self.picture + within) / max(1, self.count))

    def html(self, speech: Speech, language: Language) -> str:
        """The easel as it stands."""
        words = html(self._words(speech, language))
        if self.mood == "empty":
            return (
                f'<div class="ink-easel is-empty"><div class="ink-blank" aria-hidden="true"></div>'
                f'<p class="ink-blank-title">{html(speech.say(language, "easel.empty.title"))}</p><p>{words}</p></div>'
            )
        if self.mood in ("done", "stopped", "failed", "past"):
            role = "alert" if self.mood == "failed" else "status"
            said = "".join(f"<p>{html(_short(notice.say(language)))}</p>" for notice in self.notices)
            return f'<div class="ink-easel is-{self.mood}" role="{role}"><p>{words}</p>{said}</div>'
        return (
            f'<div class="ink-easel is-{self.mood}">{self._picture(speech, language)}{self._bar()}'
            f"<p>{words}</p></div>"
        )

    def _picture(self, speech: Speech, language: Language) -> str:
        width, height = self.aspect
        frame = f'style="--ratio: {int(width)} / {int(height)}"'
        if self.preview is None:
            return f'<div class="ink-preview is-wet" {frame}></div>'
        source = b64encode(self.preview).decode("ascii")
        alt = html(speech.say(language, "easel.preview"))
        return (
            f'<div class="ink-preview" {frame}><img alt="{alt}" src="data:image/jpeg;base64,{source}"></div>'
        )

    def _bar(self) -> str:
        percent = round(100 * self.share)
        return (
            f'<div class="ink-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}">'
            f'<span style="width: {percent}%"></span></div>'
        )

    def _words(self, speech: Speech, language: Language) -> str:
        match self.mood:
            case "failed":
                return self.fault.say(language) if self.fault else ""
            case "waiting":
                return speech.say(language, "easel.waiting", position=self.position)
            case "stopped":
                return speech.say(language, "easel.stopped", kept=self.kept, count=self.count)
            case "past":
                return speech.say(language, "easel.past", made=self.made, seconds=f"{self.seconds:.1f}")
            case "done":
                peak = f"{self.peak_bytes / 2**20:,.0f}"
                return speech.say(language, "easel.done", seconds=f"{self.seconds:.1f}", peak=peak)
            case "working":
                return self._working(speech, language)
            case _:
                return speech.say(language, "easel.empty")

    def _working(self, speech: Speech, language: Language) -> str:
        words = speech.say(language, f"easel.{self.stage}", step=self.step, steps=self.steps)
        if self.is_second:
            words += " · " + speech.say(language, "easel.second")
        if self.is_second and self.tiles > 1:
            words += " · " + speech.say(language, "easel.tile", tile=self.tile, tiles=self.tiles)
        if self.count > 1:
            words += " · " + speech.say(language, "easel.picture", picture=self.picture + 1, count=self.count)
        if self.seconds_left is not None:
            words += " · " + speech.say(language, "easel.left", seconds=max(1, round(self.seconds_left)))
        return words


def _short(words: str, most: int = 160) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
