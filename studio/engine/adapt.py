"""The LoRAs of a network: attached once, switched on and off by weight, taken off when there are too many."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from studio.engine.events import LoraFile, LoraMatch, Notice
from studio.engine.load import file_signature
from studio.errors import LoraMissing
from studio.families.family import Family
from studio.lora.attach import Weight, activate, attach, come_back, detach, step_aside
from studio.lora.blocks import weigh
from studio.lora.keys import sort
from studio.lora.match import Match, match, match_text, shapes_of
from studio.lora.open import open_header
from studio.lora.read import DENOISER, read
from studio.words import Said, Text

MOST_BYTES = 512 * 2**20
"""Memory for attached LoRAs; those in use may exceed it."""

PARTIAL = Text(
    "LoRA '{name}' fits only {matched} of its {total} layers here; left out, first: {first}.",
    "LoRA“{name}”的 {total} 个层中只有 {matched} 个匹配；未使用的首个为 {first}。",
)
ALPHA_ASSUMED = Text(
    "LoRA '{name}' does not record its alpha; it is taken to equal its rank {rank}. If it looks too strong, lower its weight.",
    "LoRA“{name}”没有记录 alpha,按与秩 {rank} 相等处理。若效果过强，请降低权重。",
)
NO_TEXT_ENCODER = Text(
    "LoRA '{name}' also has {count} layers for {part}, which {model} doesn't have; they have nothing to attach to.",
    "LoRA“{name}”还包含 {count} 个用于 {part} 的层，而 {model} 没有该部件，这些层不起作用。",
)

LoraKey = tuple[str, int, int]
Loras = Sequence[tuple[LoraKey, LoraFile]]


def lora_key(file: Path, name: str) -> LoraKey:
    """A LoRA file by path, size and time of change. Raises LoraMissing."""
    try:
        return (str(file), *file_signature(file))
    except OSError:
        raise LoraMissing("loras", name=name) from None


def text_parts(family: Family) -> tuple[str, ...]:
    """The parts of a family's models that LoRAs for text encoders attach to: CLIP's."""
    return tuple(part.name for part in family.parts if part.takes_text_loras)


def changes_texts(lora: LoraFile) -> bool:
    """Whether a LoRA in use changes text encoders. Raises LoraError for a file that can't be read."""
    counts = weigh(lora.weight, lora.blocks, is_text=True)("") != 0
    return counts and bool(sort(open_header(lora.file).tensors).texts)


class Adapters:
    """What is attached to one network: a text encoder by its `part`, or the denoiser of a model that has the text encoders
    `texts`. The network itself is only ever changed through here."""

    def __init__(self, network: Any, part: str = DENOISER, texts: Sequence[str] = ()) -> None:
        self._network = network
        self._part, self._texts = part, texts
        self._shapes = shapes_of(network)
        self._attached: OrderedDict[LoraKey, tuple[str, Match]] = OrderedDict()
        self._active: Hashable = ()
        self._aside: dict[str, Any] = {}
        self._count = 0

    def has(self, loras: Loras) -> bool:
        """Whether all of these are attached already."""
        return all(key in self._attached for key, _ in loras)

    def apply(self, loras: Loras, family: str, model: str, stays: bool = False) -> list[Match]:
        """Make the network work with exactly these LoRAs; gives their matches in the same order. A network
        that `stays` where it is does without PEFT's layers when none of them counts: a fast GPU waits for their Python.

        Raises LoraError for one that can't be used."""
        matches = [self._match(key, lora, family, model) for key, lora in loras]
        uses: dict[str, list[LoraFile]] = {}
        for key, lora in loras:
            adapter, matched = self._attached[key]
            if lora.weight != 0 and matched.layers:
                uses.setdefault(adapter, []).append(lora)
        active = tuple((adapter, lora.weight, lora.blocks) for adapter, each in uses.items() for lora in each)
        if self._active != active:
            self._active = None
            self._come_back()
            activate(self._network, {adapter: self._weight(each) for adapter, each in uses.items()})
            self._active = active
        self._drop_oldest({key for key, _ in loras})
        if stays and self._attached and not active and not self._aside:
            self._aside = step_aside(self._network)
        return matches

    @property
    def bytes(self) -> int:
        """Memory of everything that is attached."""
        return sum(matched.bytes for _, matched in self._attached.values())

    def _weight(self, loras: Sequence[LoraFile]) -> Weight:
        """The weights of one file, which may be there more than once."""
        each = [weigh(lora.weight, lora.blocks, self._part != DENOISER) for lora in loras]
        return lambda path: sum(weight(path) for weight in each)

    def _match(self, key: LoraKey, lora: LoraFile, family: str, model: str) -> Match:
        if key not in self._attached:
            matched = self._read(lora, family, model)
            self._count += 1
            adapter = f"lora_{self._count}"
            if matched.layers:
                self._active = None  # attaching switches the new one on
                self._come_back()
                attach(self._network, adapter, matched)
            self._attached[key] = (adapter, matched)
        self._attached.move_to_end(key)
        return self._attached[key][1]

    def _read(self, lora: LoraFile, family: str, model: str) -> Match:
        held = read(lora.file)
        if self._part == DENOISER:
            return match(held, self._shapes, family, model, lora.name, self._texts)
        return match_text(held, self._shapes, self._part)

    def _drop_oldest(self, used: set[LoraKey]) -> None:
        for key in list(self._attached):
            is_replaced = any(other[0] == key[0] and other != key for other in used)
            if key not in used and (is_replaced or self.bytes > MOST_BYTES):
                adapter, matched = self._attached.pop(key)
                if matched.layers:
                    self._come_back()
                    detach(self._network, adapter)

    def _come_back(self) -> None:
        come_back(self._network, self._aside)
        self._aside = {}


def report(
    lora: LoraFile, matched: Match, texts: Sequence[str] = (), model: str = ""
) -> list[LoraMatch | Notice]:
    """What the reader is told of a LoRA that was applied to the denoiser of `model`, which has the text encoders
    `texts`."""
    told: list[LoraMatch | Notice] = [
        LoraMatch(
            name=lora.name,
            matched=matched.matched,
            total=matched.total,
            rank=matched.rank,
            strength=lora.weight * matched.scale,
            alpha_source=matched.alpha_source,
            family=matched.family,
            text_layers=sum(count for part, count in matched.texts.items() if part in texts),
        )
    ]
    for part, count in matched.texts.items():
        if part not in texts:
            facts = {"name": lora.name, "count": count, "part": part, "model": model}
            told.append(Notice(Said(NO_TEXT_ENCODER, facts), "loras"))
    return told + _doubts(lora, matched)


def report_texts(lora: LoraFile, matched: Match) -> list[LoraMatch | Notice]:
    """What the reader should know of a LoRA that was applied to a text encoder."""
    return _doubts(lora, matched)[:1] if matched.unmatched else []


def _doubts(lora: LoraFile, matched: Match) -> list[LoraMatch | Notice]:
    told: list[LoraMatch | Notice] = []
    if matched.unmatched:
        facts = {"matched": matched.matched, "total": matched.total, "first": matched.unmatched[0]}
        told.append(Notice(Said(PARTIAL, {"name": lora.name, **facts}), "loras"))
    if matched.alpha_source == "assumed":
        told.append(Notice(Said(ALPHA_ASSUMED, {"name": lora.name, "rank": matched.rank}), "loras"))
    return told
