"""The engine's own words: what stages hold, and what was changed about a request before it could run."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.engine.device import Device
from studio.engine.events import Event, Job, LoraFile, Notice, Stage
from studio.engine.plan import Plan
from studio.errors import MaskAlone
from studio.families.family import Family
from studio.requests import GenerateRequest
from studio.schedulers.flow import check_sampler
from studio.weighting import looks_weighted
from studio.words import Said, Text

if TYPE_CHECKING:
    import torch

STAGE_NAMES: dict[Stage, Text] = {
    "load": Text("load", "加载"),
    "adapt": Text("adapt", "LoRA"),
    "encode": Text("encode", "编码"),
    "sample": Text("sample", "采样"),
    "decode": Text("decode", "解码"),
}
NOT_NEEDED = Said(Text("not needed, the picture is kept", "无需运行，图片已保存在缓存中"), {})
NO_LORA = Text("no LoRA", "未使用 LoRA")
LORAS = Text("{names}", "{names}")
MODEL = Text(
    "{name}, {millions} M parameters, {dtype} on {device}; {needs}",
    "{name}，{counted}参数，{dtype}，{device}；{needs}",
)
PLANNED = Text("{name} {needs}.", "{name} {needs}。")
AGAIN = Text(
    "Memory ran out at {stage}; once more, smaller: {plan}.",
    "{stage}阶段显存不足，改用更省的方案再试一次：{plan}。",
)
ROUNDED = Text(
    "{title} paints in steps of {multiple} pixels: {asked} became {became}.",
    "{title} 的尺寸须为 {multiple} 的倍数：{asked} 已改为 {became}。",
)
EMPTY_PROMPT = Text(
    "The prompt is empty: the model paints whatever it likes.", "提示词为空：模型将自由发挥。"
)
NO_NEGATIVE = Text(
    "{title} has its guidance built in: the negative prompt has no effect.",
    "{title} 的引导已内置于模型中：反向提示词不起作用。",
)
UNUSED_NEGATIVE = Text(
    "The negative prompt has no effect while guidance is 1.", "引导强度为 1 时，反向提示词不起作用。"
)
NOT_ON_A_CPU = Text(
    "A CPU is far too slow in fp16: {became} was used instead.", "CPU 以 fp16 计算极慢，已改用 {became}。"
)
NOT_WEIGHED = Text(
    "{title} reads brackets as they stand: weights such as (words:1.2) have no effect.",
    "{title} 会按原样读取括号，(词语:1.2) 这类权重写法不起作用。",
)


def any_request() -> GenerateRequest:
    """A request for when only the model matters."""
    return GenerateRequest()


def fitted(job: Job, family: Family) -> tuple[Job, list[Event]]:
    """The job as the family can do it, sizes rounded down, and notices of what the reader should know before.

    At full strength nothing but a mask needs the picture to begin with. Raises NotForFlow or MaskAlone."""
    request, notices = job.request, list[Event]()
    if job.mask is not None and job.start is None:
        raise MaskAlone("mask")
    if job.mask is None and request.strength >= 1:
        job = replace(job, start=None)
    if family.is_flow:
        check_sampler(request.sampler)
    multiple = family.size_multiple
    for side in ("width", "height"):
        asked = getattr(request, side)
        became = max(asked // multiple, 1) * multiple
        if became != asked:
            request = request.with_(**{side: became})
            facts = {"title": family.title, "multiple": multiple, "asked": asked, "became": became}
            notices.append(Notice(Said(ROUNDED, facts), side))
    if not request.prompt.strip():
        notices.append(Notice(Said(EMPTY_PROMPT, {}), "prompt"))
    if request.negative_prompt.strip() and family.guidance == "distilled":
        notices.append(Notice(Said(NO_NEGATIVE, {"title": family.title}), "negative_prompt"))
    elif request.negative_prompt.strip() and request.guidance <= 1:
        notices.append(Notice(Said(UNUSED_NEGATIVE, {}), "negative_prompt"))
    if not family.weighs_words:
        for field in ("prompt", "negative_prompt"):
            if looks_weighted(getattr(request, field)):
                notices.append(Notice(Said(NOT_WEIGHED, {"title": family.title}), field))
    return replace(job, request=request), notices


def precision(asked: str, device: Device, dtype: "torch.dtype") -> list[Event]:
    """A notice where a model computes in another number format than was asked for."""
    if asked != "fp16" or device.kind != "cpu":
        return []
    became = {"torch.float32": "fp32", "torch.bfloat16": "bf16"}[str(dtype)]
    return [Notice(Said(NOT_ON_A_CPU, {"became": became}), "precision")]


def planned(name: str, plan: Plan) -> Notice:
    """What a model is about to take of the memory, before it is loaded."""
    return Notice(Said(PLANNED, {"name": name, "needs": plan.said}), "memory")


def again(stage: Stage, plan: Plan) -> Notice:
    """Memory ran out, and what is done about it."""
    return Notice(Said(AGAIN, {"stage": STAGE_NAMES[stage], "plan": plan.name}), "memory")


def model(name: str, count: int, device: Device, dtype: "torch.dtype", plan: Plan) -> Said:
    """What the load stage holds: networks of `count` numbers, and what a picture takes by the plan."""
    facts = {
        "name": name,
        "millions": f"{count / 1e6:.1f}",
        "counted": _counted(count),
        "dtype": str(dtype).removeprefix("torch."),
    }
    return Said(MODEL, {**facts, "device": device.name, "needs": plan.said})


def loras(used: Sequence[LoraFile]) -> Said:
    """What the adapt stage holds."""
    if not used:
        return Said(NO_LORA, {})
    return Said(LORAS, {"names": ", ".join(f"{lora.name} x {lora.weight:g}" for lora in used)})


def log_name(log: logging.Logger) -> str:
    """Where unforeseen failures are written down: a file with its folder, without the rest of the machine, or the
    terminal."""
    logger: logging.Logger | None = log
    while logger is not None:
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                return "/".join(Path(handler.baseFilename).parts[-2:])
        logger = logger.parent
    return "terminal"


def _counted(count: int) -> str:
    """A large number as Chinese counts it: by ten thousands, or by hundreds of millions."""
    return f"{count / 1e8:.1f} 亿" if count >= 1e8 else f"{count / 1e4:.0f} 万"
