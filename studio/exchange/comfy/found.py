"""What a walk through a workflow has found so far, and the reading that it comes to."""

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

from studio.exchange import Reading
from studio.exchange.comfy import seed_lora
from studio.exchange.comfy.errors import WorkflowTooLarge
from studio.exchange.comfy.graph import Node, short
from studio.requests import MOST_LORAS, MOST_SEED, GenerateRequest, LoraUse
from studio.words import Said, Text

MAPPED = Text("{label}: {value} (from {node})", "{label}：{value}（来自 {node}）")
SEED_FOLDED = Text(
    "Seed {seed} is larger than {most}, the largest here; its remainder {folded} stands for it, so the picture will differ.",
    "种子 {seed} 超过本程序的上限 {most}，改用其余数 {folded}，画面会不同。",
)
JOINED = Text(
    "{label}: {count} texts are joined with commas; ComfyUI mixes them as separate conditionings.",
    "{label}：{count} 段文字已用逗号连接；ComfyUI 是把它们分别编码后再混合。",
)
MORE_LORAS = Text(
    "At most {most} LoRAs are mixed here, so these are left out: {names}.",
    "最多混用 {most} 个 LoRA，因此未采用：{names}。",
)
WEIGHT_CUT = Text(
    "LoRA {name}: strength {weight} is outside -{most} to {most}, so {cut} is used.",
    "LoRA {name}：强度 {weight} 超出 -{most} 到 {most}，改为 {cut}。",
)
TRUE_CFG = Text(
    "The sampler's own cfg {cfg} is left out; guidance {guidance} comes from the Flux guidance node.",
    "采样节点的 cfg {cfg} 未采用；引导强度 {guidance} 取自 Flux 引导节点。",
)
AND_MORE = Text("And {count} more.", "另有 {count} 条。")
MOST_LETTERS = 200_000
_MOST_WEIGHT, _MOST_SHOWN, _MOST_TOLD = 4.0, 60, 40
_Told = TypeVar("_Told")


@dataclass
class Found:
    """Values and sentences, gathered node by node. LoRAs come nearest to the sampler first."""

    values: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    mapped: list[Said] = field(default_factory=list)
    approximated: list[Said] = field(default_factory=list)
    left_out: list[str | Said] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)
    loras: list[LoraUse] = field(default_factory=list)
    alphas: dict[str, float] = field(default_factory=dict)
    flux_guidance: float | None = None
    has_sampler: bool = False

    def map(self, field: str, value: Any, node: Node) -> None:
        """Take a value over, and say where it came from. None is no value."""
        if value is None:
            return
        self.values[field] = value
        self.tell(field, value, node)

    def tell(self, field: str, value: Any, node: Node) -> None:
        """Say where a value came from."""
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        shown = shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…"
        label = GenerateRequest.settings()[field].label
        self.mapped.append(Said(MAPPED, {"label": label, "value": short(shown), "node": node.name}))

    def speak(self, side: str, words: str, node: Node) -> None:
        """Add words to a side; the same words twice are said once. Raises WorkflowTooLarge for a heap of them."""
        texts = self.words.setdefault(side, [])
        if words not in texts:
            texts.append(words)
        if len(texts) > 1 and sum(map(len, texts)) > MOST_LETTERS:
            size, most = (Text(f"{n} letters", f"{n} 个字") for n in (sum(map(len, texts)), MOST_LETTERS))
            raise WorkflowTooLarge(None, size=size, most=most)
        self.tell("prompt" if side == "positive" else "negative_prompt", words, node)

    def seed(self, seed: int | None, node: Node) -> None:
        """A seed of up to 64 bits; ours has 32."""
        if seed is None:
            return
        folded = seed % (MOST_SEED + 1)
        if folded != seed:
            told: dict[str, object] = {"seed": seed, "most": MOST_SEED, "folded": folded}
            self.approximated.append(Said(SEED_FOLDED, told))
        self.facts["seed"] = seed
        self.map("seed", folded, node)

    def flux(self, guidance: float | None, node: Node) -> None:
        """The guidance that a Flux model is told as a number, which is no classifier-free guidance."""
        if guidance is not None:
            self.flux_guidance = guidance
            self.tell("guidance", guidance, node)

    def lora_alpha(self, name: str, alpha: float, is_checkpoint: bool, node: Node) -> None:
        """A LoRA whose node gives it an alpha, which is no weight before its file's rank is known."""
        self.alphas[name] = alpha
        if is_checkpoint:
            self.facts.setdefault(seed_lora.CHECKPOINTS, []).append(name)
        self.approximated.append(seed_lora.assumed(name, alpha))
        self.loras.append(LoraUse(name, max(-_MOST_WEIGHT, min(_MOST_WEIGHT, seed_lora.weight_of(alpha)))))
        self.tell("loras", f"{name}, lora_alpha {alpha:g}", node)

    def lora(self, name: str, weight: float, node: Node) -> None:
        """A LoRA in the chain with its weight."""
        cut = max(-_MOST_WEIGHT, min(_MOST_WEIGHT, weight))
        if cut != weight:
            told: dict[str, object] = {
                "name": short(name),
                "weight": f"{weight:g}",
                "most": f"{_MOST_WEIGHT:g}",
            }
            self.approximated.append(Said(WEIGHT_CUT, {**told, "cut": f"{cut:g}"}))
        self.loras.append(LoraUse(name, cut))
        self.tell("loras", f"{name} × {cut:g}", node)

    def reading(self) -> Reading:
        """All of it, as a format gives it back."""
        values = dict(self.values)
        for side, name in (("positive", "prompt"), ("negative", "negative_prompt")):
            if side in self.words:
                values[name] = self._joined(name, self.words[side])
        if self.flux_guidance is not None:
            self._use_flux_guidance(values)
        if self.loras:
            in_order = self.loras[::-1]
            values["loras"] = [
                {"name": use.name, "weight": use.weight, "on": True} for use in in_order[:MOST_LORAS]
            ]
            self._tell_more(in_order[MOST_LORAS:])
        facts = {**self.facts, **({seed_lora.ALPHAS: self.alphas} if self.alphas else {})}
        return Reading(values, _shown(self.left_out), facts, _shown(self.mapped), _shown(self.approximated))

    def _joined(self, name: str, texts: list[str]) -> str:
        if len(texts) > 1:
            label = GenerateRequest.settings()[name].label
            self.approximated.append(Said(JOINED, {"label": label, "count": len(texts)}))
        return ", ".join(texts)

    def _use_flux_guidance(self, values: dict[str, Any]) -> None:
        cfg = values.get("guidance")
        values["guidance"] = self.flux_guidance
        if cfg is not None and not math.isclose(cfg, 1.0):
            told: dict[str, object] = {"cfg": f"{cfg:g}", "guidance": f"{self.flux_guidance:g}"}
            self.approximated.append(Said(TRUE_CFG, told))

    def _tell_more(self, more: list[LoraUse]) -> None:
        if more:
            names = ", ".join(short(use.name) for use in more[:8])
            self.left_out.append(Said(MORE_LORAS, {"most": MOST_LORAS, "names": names}))


def _shown(told: list[_Told]) -> tuple[_Told | Said, ...]:
    """Each thing once, in order, and no more than a reader can take in."""
    kept = list({item if isinstance(item, str) else repr(item): item for item in told}.values())
    more = len(kept) - _MOST_TOLD
    return (*kept[:_MOST_TOLD], Said(AND_MORE, {"count": more})) if more > 0 else tuple(kept)
