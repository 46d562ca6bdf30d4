"""A workflow in the making: nodes joined by links, and what the nodes could not say. Both forms are written from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.exchange.comfy.graph import Link
from studio.exchange.comfy.kind import Kind, kinds
from studio.requests import GenerateRequest, LoraUse
from studio.words import Said, Text

SEED_FREE = Text(
    "No seed is fixed: the workflow holds 0 and lets ComfyUI draw a new one each time.",
    "没有固定种子：工作流里写的是 0，并由 ComfyUI 每次随机抽取。",
)
OFF_LORAS = Text(
    "LoRAs that are switched off are not in the workflow: {names}.", "已关闭的 LoRA 不写入工作流：{names}。"
)
STYLES = Text("Styles are not in the workflow as such: {names}.", "工作流里没有“风格”这一项：{names}。")
PRECISION = Text(
    "Precision {precision} is not in the workflow; ComfyUI sets it for its whole server.",
    "精度 {precision} 不写入工作流；ComfyUI 的精度由服务器统一设置。",
)
START = Text(
    "The start picture and its mask are not in the workflow: it begins with noise.",
    "起始图和遮罩不写入工作流：工作流从纯噪声开始。",
)
ENLARGED = Text(
    "Enlarging {factor} times is not in the workflow: it ends with the first pass.",
    "放大 {factor} 倍的步骤不写入工作流：工作流到第一遍为止。",
)


@dataclass(frozen=True)
class Placed:
    """A node of the workflow: its kind, its links and values by name, and the title that the page shows."""

    id: str
    kind: Kind
    inputs: Mapping[str, Any]
    title: Text | None = None


@dataclass
class Plan:
    """The request that is written, the family of its model, what a LoRA's alpha stands for (the rank, or the alpha in
    its file, by name), and the nodes so far. `changed` names the fields that don't come back equal."""

    request: GenerateRequest
    family: str = ""
    ranks: Mapping[str, float] = field(default_factory=dict)
    nodes: list[Placed] = field(default_factory=list)
    approximated: list[Said] = field(default_factory=list)
    left_out: list[Said] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def add(self, class_type: str, title: Text | None = None, **inputs: Any) -> str:
        """A node more; returns its id. Links are `plan.out(id)`, values are plain."""
        id = str(len(self.nodes) + 1)
        self.nodes.append(Placed(id, kinds()[class_type], inputs, title))
        return id

    @staticmethod
    def out(id: str, slot: int = 0) -> Link:
        """An output of a node that was added."""
        return Link(id, slot)

    def near(self, fields: str, text: Text, **values: object) -> None:
        """Say what only comes near, and which fields won't come back equal (none when `fields` is empty)."""
        self.changed.update(fields.split())
        self.approximated.append(Said(text, values))

    def leave(self, fields: str, text: Text, **values: object) -> None:
        """Say what the nodes can't hold."""
        self.changed.update(fields.split())
        self.left_out.append(Said(text, values))

    @property
    def seed(self) -> int:
        """The seed to write; 0 where none is fixed, which is told once."""
        if self.request.seed is None and "seed" not in self.changed:
            self.near("seed", SEED_FREE)
        return self.request.seed or 0

    @property
    def loras(self) -> list[LoraUse]:
        """The LoRAs that are on."""
        return [use for use in self.request.loras if use.on]

    def leave_what_no_node_holds(self) -> None:
        """What is the same for every set of nodes."""
        request = self.request
        off = [use.name for use in request.loras if not use.on]
        if off:
            self.leave("loras", OFF_LORAS, names=", ".join(off))
        if request.styles:
            self.leave("styles", STYLES, names=", ".join(request.styles))
        if request.start:
            self.leave("start mask strength", START)
        if request.upscale > 1:
            self.leave("upscale upscale_strength", ENLARGED, factor=f"{request.upscale:g}")
        if request.precision != "auto":
            self.leave("precision", PRECISION, precision=request.precision)


@dataclass(frozen=True)
class Target:
    """A set of nodes: what it is called, the families it can run (none named: all but those of another target), and
    what puts its nodes into a plan."""

    name: str
    title: Text
    families: tuple[str, ...]
    order: int
    build: Callable[[Plan], None]
