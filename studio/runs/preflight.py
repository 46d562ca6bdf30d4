"""Before a run starts: whether it fits this machine, what is worth knowing, and, when it can't fit, which knob to turn
and one set of changes that makes it fit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from studio.runs.estimate import Bench, Estimate, Phase, weigh
from studio.train_plan import Plan
from studio.train_request import TrainRequest
from studio.words import Said, Text

PHASES: dict[Phase, Text] = {
    "encode": Text("Encoding the pictures", "编码图片"),
    "learn": Text("Learning", "训练"),
    "sample": Text("Painting samples", "试画"),
}
GB = 2**30
LEAST_SIDE_PX = 256
"""A smaller size than this is never proposed: too little would be left to learn from."""
FEW_PICTURES = 5
STEEP_RATE = 0.01
LONG_S = 600

NO_ROOM = Text(
    "{phase} needs about {needed} GB, but {name} has {there} GB for it. {knob} decides: {way}.",
    "{phase}约需 {needed} GB，但{name}只有 {there} GB 可用。关键在于“{knob}”：{way}。",
)
NO_ROOM_AT_ALL = Text(
    "{phase} needs about {needed} GB, but {name} has {there} GB for it, and no setting saves enough. Choose a smaller model, or a machine with more memory.",
    "{phase}约需 {needed} GB，但{name}只有 {there} GB 可用，调整设置也不够。请改用更小的模型，或换一台内存更大的机器。",
)
NO_DISK = Text(
    "Checkpoints and encoded pictures need about {needed} GB of disk, but {there} GB are free. {knob} decides: {way}.",
    "检查点和编码后的图片约需 {needed} GB 磁盘空间，但只剩 {there} GB。关键在于“{knob}”：{way}。",
)
NO_DISK_AT_ALL = Text(
    "Checkpoints and encoded pictures need about {needed} GB of disk, but {there} GB are free. Free some space.",
    "检查点和编码后的图片约需 {needed} GB 磁盘空间，但只剩 {there} GB。请腾出空间。",
)
WAY = Text(
    "{value} instead of {before} takes about {needed} GB", "由 {before} 改为 {value}，约需 {needed} GB"
)
ON, OFF = Text("on", "开"), Text("off", "关")
FEW = Text(
    "Only {count} pictures: expect copies of them rather than a style. 10 to 30 make a good set.",
    "只有 {count} 张图片：模型多半会照搬它们，而不是学会风格。10 到 30 张比较合适。",
)
ENLARGED = Text(
    "{count} of {all} pictures are smaller than the size they are trained at; enlarging them teaches blur.",
    "{all} 张图片中有 {count} 张小于训练尺寸；放大后模型会学到模糊。",
)
UNSEEN = Text(
    "An epoch uses {seen} of {all} pictures; set steps per epoch to 0 to use them all.",
    "每轮只用到 {all} 张图片中的 {seen} 张；把每轮步数设为 0 即可全部用上。",
)
TOO_SHORT = Text("{steps} steps end before every picture was seen once.", "{steps} 步不够把所有图片看一遍。")
WORDLESS = Text(
    "No picture has a caption: give a trigger word, so that something calls the LoRA up.",
    "图片都没有说明：请填写触发词，否则没有词能唤出这个 LoRA。",
)
NAMELESS = Text(
    "Prior preservation needs prompts that stay as they are; without any it is off.",
    "先验保持需要填写“保持不变的提示词”；没有则不起作用。",
)
STEEP = Text(
    "{rate} is far above the usual 5e-5 to 5e-4; the loss will probably run away.",
    "{rate} 远高于常用的 5e-5 到 5e-4，损失很可能发散。",
)
UNSAVED = Text(
    "No checkpoints on the way: a crash would lose up to {minutes} minutes.",
    "途中不保存检查点：一旦崩溃最多会损失 {minutes} 分钟。",
)

Planner = Callable[[TrainRequest], Plan]
Changes = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Why a run can't start, the field (`knob`) that decides, and the changes that make it fit, if any do."""

    said: Said
    knob: str
    fix: Changes = field(default_factory=dict)


@dataclass(frozen=True)
class Preflight:
    """The estimate, what keeps the run from starting, and what is worth knowing, each with its field."""

    estimate: Estimate
    refusal: Refusal | None
    notices: tuple[tuple[str, Said], ...]


def preflight(request: TrainRequest, planner: Planner, bench: Bench, free_disk_bytes: int) -> Preflight:
    """Weigh a request; `planner` lays out its steps and those of the changed ones that are tried in its place."""
    plan = planner(request)
    estimate = weigh(request, plan, bench)
    trial = _Trial(request, planner, bench)
    refusal = trial.memory(estimate) or trial.disk(estimate, free_disk_bytes)
    return Preflight(estimate, refusal, tuple(_notices(request, plan, estimate, bench)))


class _Trial:
    """Looks for changes that make a request fit."""

    def __init__(self, request: TrainRequest, planner: Planner, bench: Bench) -> None:
        self._request, self._planner, self._bench = request, planner, bench

    def memory(self, estimate: Estimate) -> Refusal | None:
        """What to do about too little memory: the first rung that is enough, with those before it."""
        there = self._bench.machine.memory_bytes
        if estimate.memory_bytes <= there:
            return None
        facts = {"phase": PHASES[estimate.phase], "needed": _gb(estimate.memory_bytes), "there": _gb(there)}
        facts["name"] = self._bench.machine.name
        fix: Changes = {}
        for name, change in self._rungs():
            fix |= change
            tried = self._weigh(fix)
            if tried.memory_bytes <= there:
                told = facts | self._way(name, fix[name], tried.memory_bytes)
                return Refusal(Said(NO_ROOM, told), name, fix)
        return Refusal(Said(NO_ROOM_AT_ALL, facts), "model")

    def disk(self, estimate: Estimate, free: int) -> Refusal | None:
        """What to do about too little disk."""
        if estimate.disk_bytes <= free:
            return None
        facts: dict[str, object] = {"needed": _gb(estimate.disk_bytes), "there": _gb(free)}
        for kept in range(self._request.checkpoints_kept - 1, 0, -1):
            tried = self._weigh({"checkpoints_kept": kept})
            if tried.disk_bytes <= free:
                told = facts | self._way("checkpoints_kept", kept, tried.disk_bytes)
                return Refusal(Said(NO_DISK, told), "checkpoints_kept", {"checkpoints_kept": kept})
        return Refusal(Said(NO_DISK_AT_ALL, facts), "checkpoints_kept")

    def _weigh(self, changes: Changes) -> Estimate:
        changed = self._request.with_(**changes)
        return weigh(changed, self._planner(changed), self._bench)

    def _rungs(self) -> Iterator[tuple[str, Changes]]:
        """Changes that save memory, the gentlest first: none of the first four changes what is learnt."""
        request = self._request
        if request.precision in ("auto", "32"):
            yield "precision", {"precision": "bf16-mixed"}
        if not request.use_gradient_checkpointing:
            yield "use_gradient_checkpointing", {"use_gradient_checkpointing": True}
        batch = request.batch_size
        while batch > 1:
            batch = (batch + 1) // 2
            together = round(request.batch_size * request.accumulate_grad_batches / batch)
            yield "batch_size", {"batch_size": batch, "accumulate_grad_batches": together}
        for bits in ("int8", "nf4"):
            if bits in self._bench.machine.quantizers and request.quantize_base in ("none", "int8"):
                yield "quantize_base", {"quantize_base": bits}
        width, height = max(b.size for b in self._planner(request).buckets)
        while min(width, height) * 3 // 4 >= LEAST_SIDE_PX:
            width, height = (side * 3 // 4 // 64 * 64 for side in (width, height))
            yield "width", {"width": width, "height": height}

    def _way(self, name: str, value: object, needed: int) -> dict[str, object]:
        before = getattr(self._request, name)
        if isinstance(before, bool):
            before, value = (ON if flag else OFF for flag in (before, value))
        if name == "width" and not before:
            before = max(b.size for b in self._planner(self._request).buckets)[0]
        way = Said(WAY, {"value": value, "before": before, "needed": _gb(needed)})
        return {"knob": self._request.settings()[name].label, "way": way}


def _notices(
    request: TrainRequest, plan: Plan, estimate: Estimate, bench: Bench
) -> Iterator[tuple[str, Said]]:
    pictures = bench.pictures
    if len(pictures.sizes) < FEW_PICTURES:
        yield "dataset_path", Said(FEW, {"count": len(pictures.sizes)})
    if not pictures.captioned and not request.trigger_word:
        yield "trigger_word", Said(WORDLESS, {})
    if request.prior_share and not request.keeps_priors:
        yield "prior_share", Said(NAMELESS, {})
    small = sum(
        pictures.sizes[member][0] < bucket.size[0] or pictures.sizes[member][1] < bucket.size[1]
        for bucket in plan.buckets
        for member in bucket.members
    )
    if small:
        yield "width", Said(ENLARGED, {"count": small, "all": len(pictures.sizes)})
    if estimate.pictures_an_epoch < plan.pictures:
        yield "steps_per_epoch", Said(UNSEEN, {"seen": estimate.pictures_an_epoch, "all": plan.pictures})
    elif estimate.passes < 1:
        yield "max_steps", Said(TOO_SHORT, {"steps": plan.steps})
    if request.learning_rate >= STEEP_RATE and request.optimizer != "prodigy":
        yield "learning_rate", Said(STEEP, {"rate": f"{request.learning_rate:g}"})
    if not request.checkpoint_every and estimate.seconds > LONG_S:
        yield "checkpoint_every", Said(UNSAVED, {"minutes": round(estimate.seconds / 60)})


def _gb(count: int) -> str:
    return f"{count / GB:.1f}"
