"""A run's events in a terminal: a bar that is written over and over where somebody watches, else a line now and then."""

import sys
from collections.abc import Mapping
from typing import Any

from studio.words import Language, Text

_STAGES = {
    "load": Text("Loading the model", "加载模型"),
    "encode": Text("Encoding the pictures", "编码图片"),
    "train": Text("Learning", "训练"),
    "sample": Text("Painting samples", "试画"),
    "export": Text("Writing the LoRA", "写出 LoRA"),
}
_STEP = Text(
    "step {step} of {steps}, loss {smoothed:.4f}, {pictures_per_s:.3g} pictures/s{left}",
    "第 {step}/{steps} 步，损失 {smoothed:.4f}，每秒 {pictures_per_s:.3g} 张{left}",
)
_LEFT = Text(", {time} left", "，还需 {time}")
_VALIDATION = Text("Step {step}: validation loss {loss:.4f}.", "第 {step} 步：验证损失 {loss:.4f}。")
_SAMPLE = Text("Step {step}: painted {file}", "第 {step} 步：试画 {file}")
_WAITING = Text(
    "Waiting for {count} other run(s) to end. Ctrl-C leaves the queue.",
    "前面还有 {count} 个训练，正在排队。按 Ctrl-C 退出队列。",
)
_BAR_CELLS = 24
_LINES_A_RUN = 20


class RunLine:
    """Shows a run on stderr: sentences always, the bar only where somebody watches."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._is_watched = sys.stderr.isatty()
        self._stage = ""
        self._last_line = -1

    def show(self, event: Mapping[str, Any], steps: int) -> None:
        """Take one event of a run of so many steps."""
        match event.get("kind"):
            case "stage":
                self._show_stage(event)
            case "step":
                self._show_step(event, steps)
            case "validation":
                self.say(_VALIDATION, **event)
            case "sample":
                self.say(_SAMPLE, **event)
            case "message":
                self._print(str(event.get(self._language, "")))

    def wait(self, position: int) -> None:
        """Tell that others come first."""
        self._run(_WAITING.say(self._language, count=position))

    def say(self, text: Text, **values: Any) -> None:
        """A sentence that stays."""
        self._print(text.say(self._language, **values))

    def clear(self) -> None:
        """Wipe the running line."""
        self._run("")

    def _show_stage(self, event: Mapping[str, Any]) -> None:
        stage, done, total = event.get("name", ""), event.get("done") or 0, event.get("total") or 0
        if stage not in _STAGES:
            return
        words = _STAGES[stage].say(self._language)
        if self._is_watched:
            self._run(f"{words} {_bar(done, total)} {done}/{total}" if total else words)
        elif stage != self._stage:
            self._print(words)
        self._stage = stage

    def _show_step(self, event: Mapping[str, Any], steps: int) -> None:
        step, seconds = event["step"], event.get("eta_s")
        left = "" if seconds is None else _LEFT.say(self._language, time=_time(seconds))
        facts = {
            "smoothed": event.get("smoothed", event["loss"]),
            "pictures_per_s": event.get("pictures_per_s") or 0.0,
        }
        words = _STEP.say(self._language, step=step, steps=steps, left=left, **facts)
        if self._is_watched:
            self._run(f"{_bar(step, steps)} {words}")
        elif (line := step * _LINES_A_RUN // max(steps, 1)) != self._last_line:
            self._last_line = line
            self._print(words)

    def _print(self, sentence: str) -> None:
        self.clear()
        print(sentence, file=sys.stderr, flush=True)

    def _run(self, words: str) -> None:
        if self._is_watched:
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _bar(done: int, total: int) -> str:
    filled = min(_BAR_CELLS, done * _BAR_CELLS // max(total, 1))
    return f"[{'█' * filled}{'░' * (_BAR_CELLS - filled)}]"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
