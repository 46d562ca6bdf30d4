"""The LoRAs of a denoiser: attached once, switched on and off by weight, taken off when there are too many."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from studio.engine.events import LoraFile, LoraMatch, Notice
from studio.engine.load import file_signature
from studio.errors import LoraMissing
from studio.lora.attach import activate, attach, detach
from studio.lora.match import Match, match, shapes_of
from studio.lora.read import read
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

LoraKey = tuple[str, int, int]


def lora_key(file: Path, name: str) -> LoraKey:
    """A LoRA file by path, size and time of change. Raises LoraMissing."""
    try:
        return (str(file), *file_signature(file))
    except OSError:
        raise LoraMissing("loras", name=name) from None


class Adapters:
    """What is attached to one denoiser. The network itself is only ever changed through here."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._shapes = shapes_of(network)
        self._attached: OrderedDict[LoraKey, tuple[str, Match]] = OrderedDict()
        self._active: Hashable = ()
        self._count = 0

    def has(self, loras: Sequence[tuple[LoraKey, LoraFile]]) -> bool:
        """Whether all of these are attached already."""
        return all(key in self._attached for key, _ in loras)

    def apply(self, loras: Sequence[tuple[LoraKey, LoraFile]], family: str, model: str) -> list[Match]:
        """Make the denoiser work with exactly these LoRAs; gives their matches in the same order.

        Raises LoraError for one that can't be used."""
        matches = [self._match(key, lora, family, model) for key, lora in loras]
        weights: dict[str, float] = {}
        for key, lora in loras:
            adapter = self._attached[key][0]
            weights[adapter] = weights.get(adapter, 0.0) + lora.weight
        weights = {adapter: weight for adapter, weight in weights.items() if weight != 0}
        if self._active != tuple(weights.items()):
            self._active = None
            activate(self._network, weights)
            self._active = tuple(weights.items())
        self._drop_oldest({key for key, _ in loras})
        return matches

    @property
    def bytes(self) -> int:
        """Memory of everything that is attached."""
        return sum(matched.bytes for _, matched in self._attached.values())

    def _match(self, key: LoraKey, lora: LoraFile, family: str, model: str) -> Match:
        if key not in self._attached:
            matched = match(read(lora.file), self._shapes, family, model, lora.name)
            self._count += 1
            adapter = f"lora_{self._count}"
            self._active = None  # attaching switches the new one on
            attach(self._network, adapter, matched)
            self._attached[key] = (adapter, matched)
        self._attached.move_to_end(key)
        return self._attached[key][1]

    def _drop_oldest(self, used: set[LoraKey]) -> None:
        for key in list(self._attached):
            is_replaced = any(other[0] == key[0] and other != key for other in used)
            if key not in used and (is_replaced or self.bytes > MOST_BYTES):
                adapter, _ = self._attached.pop(key)
                detach(self._network, adapter)


def report(lora: LoraFile, matched: Match) -> list[LoraMatch | Notice]:
    """What the reader is told of a LoRA that was applied."""
    told: list[LoraMatch | Notice] = [
        LoraMatch(
            name=lora.name,
            matched=len(matched.layers),
            total=matched.total,
            rank=matched.rank,
            strength=lora.weight * matched.scale,
            alpha_source=matched.alpha_source,
            family=matched.family,
        )
    ]
    if matched.unmatched:
        facts = {"matched": len(matched.layers), "total": matched.total, "first": matched.unmatched[0]}
        told.append(Notice(Said(PARTIAL, {"name": lora.name, **facts}), "loras"))
    if matched.alpha_source == "assumed":
        told.append(Notice(Said(ALPHA_ASSUMED, {"name": lora.name, "rank": matched.rank}), "loras"))
    return told
