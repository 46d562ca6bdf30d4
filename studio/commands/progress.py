"""What happens while pictures are made, as one line on stderr that is written over and over."""

import sys
from typing import Any

from studio.engine.events import LoraMatch, Notice, StageStarted, Step
from studio.origin import title_of
from studio.words import Language, Said, Text

_STAGES = {
    "load": Text("Loading the model", "加载模型"),
    "adapt": Text("Attaching LoRAs", "挂载 LoRA"),
    "encode": Text("Reading the prompt", "理解提示词"),
    "sample": Text("Painting", "作画"),
    "decode": Text("Developing the picture", "显影"),
}
_STEP = Text("Painting: step {step} of {steps}{left}", "作画：第 {step}/{steps} 步{left}")
_LEFT = Text(", {seconds:.0f} s left", "，还需 {seconds:.0f} 秒")
_TILE = Text(", part {tile} of {tiles}", "，第 {tile}/{tiles} 块")
_LORA = Text(
    "LoRA {name}: {matched} of {total} layers, rank {rank}, strength {strength:.2f}{family}{texts}.",
    "LoRA {name}：匹配 {matched}/{total} 层，秩 {rank}，强度 {strength:.2f}{family}{texts}。",
)
_FAMILY = Text(", {title}", "，{title}")
_TEXTS = Text(", text encoder {count} layers", "，文本编码器 {count} 层")


def _match(match: LoraMatch) -> Said:
    nothing = Text("", "")
    family = Said(_FAMILY, {"title": title_of(match.family)}) if match.family else nothing
    texts = Said(_TEXTS, {"count": match.text_layers}) if match.text_layers else nothing
    return Said(_LORA, {**vars(match), "family": family, "texts": texts})


class ProgressLine:
    """Shows events on stderr: sentences always, the running line only where somebody watches."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._is_watched = sys.stderr.isatty()

    def show(self, event: Any) -> None:
        """Take one event; those that say nothing are passed over."""
        match event:
            case StageStarted(stage=stage):
                self._run(_STAGES[stage].say(self._language))
            case Step(step=step, steps=steps, seconds_left=seconds, tile=tile, tiles=tiles):
                left = "" if seconds is None else _LEFT.say(self._language, seconds=seconds)
                left = _TILE.say(self._language, tile=tile, tiles=tiles) + left if tiles > 1 else left
                self._run(_STEP.say(self._language, step=step, steps=steps, left=left))
            case Notice(said=said):
                self.say(said.say(self._language))
            case LoraMatch():
                self.say(_match(event).say(self._language))

    def running(self, words: str) -> None:
        """Words that the next ones replace."""
        self._run(words)

    def say(self, sentence: str) -> None:
        """A sentence that stays."""
        self.clear()
        print(sentence, file=sys.stderr)

    def clear(self) -> None:
        """Wipe the running line."""
        self._run("")

    def _run(self, words: str) -> None:
        if self._is_watched:
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
