"""KSampler and KSamplerAdvanced, and what every sampler node has in common."""

from studio.exchange.comfy.kind import CONTROL, node
from studio.exchange.comfy.samplers import SAMPLERS, SCHEDULES, Match, ddim_steps, nearest
from studio.exchange.comfy.walk import Visit
from studio.requests import GenerateRequest
from studio.words import Said, Text

SECOND_PASS = Text(
    "Node {node} works on the picture of another sampler (a second pass); that pass was left out.",
    "节点 {node} 是在另一个采样节点的结果上再采样（第二遍），这一遍未采用。",
)
NEAREST = Text(
    "{label} {theirs} is not here; {ours} stands for it: {why}.",
    "{label} {theirs} 本程序没有，用 {ours} 代替：{why}。",
)
NO_LIKENESS = Text(
    "{label} {theirs} is not known here; yours was kept.",
    "本程序不认识{label} {theirs}，保留了你当前的设置。",
)
ONE_STEP_MORE = Text(
    "ComfyUI takes {theirs} steps for {steps} with ddim_uniform; here it is {steps}.",
    "使用 ddim_uniform 时，ComfyUI 设 {steps} 步实际会走 {theirs} 步；这里就是 {steps} 步。",
)
DENOISE = Text(
    "Node {node} has denoise {denoise}: ComfyUI spreads {total} steps over all noise and takes the last {steps}; here the "
    "whole way is taken from noise.",
    "节点 {node} 的 denoise 为 {denoise}：ComfyUI 按 {total} 步分布噪声，只走最后 {steps} 步；这里从纯噪声完整走一遍。",
)
DENOISE_KIJAI = Text(
    "Node {node} has a denoise strength of {denoise}: it takes about that share of the steps, starting from a picture; "
    "here all are taken, from noise.",
    "节点 {node} 的 denoise_strength 为 {denoise}：它从一张图片开始，只走大约这一比例的步数；这里从纯噪声走完全部。",
)
PART = Text(
    "Node {node} takes only steps {start} to {end} of {steps}; here all are taken in one go.",
    "节点 {node} 只走 {steps} 步中的第 {start} 到 {end} 步；这里一次走完全部。",
)
NO_NOISE = Text(
    "Node {node} adds no noise of its own; here every picture begins from noise.",
    "节点 {node} 不自行加噪；本程序的图片总是从噪声开始。",
)
_CORE_LINKS = "model:MODEL positive:CONDITIONING negative:CONDITIONING latent_image:LATENT"


def is_second(visit: Visit) -> bool:
    """Follow the latents upstream; True when another sampler was found there, whose picture this one only works over."""
    visit.follow("latent_image", "latent")
    if visit.found.has_sampler:
        visit.leave(Said(SECOND_PASS, {"node": visit.node.name}))
        return True
    visit.found.has_sampler = True
    return False


def take(visit: Visit, field: str, theirs: str | None, match: Match | None) -> None:
    """A sampler or a schedule: the same, the nearest with the reason, or none."""
    if theirs is None:
        return
    label = GenerateRequest.settings()[field].label
    if match is None:
        visit.leave(Said(NO_LIKENESS, {"label": label, "theirs": theirs[:40]}))
        return
    visit.map(field, match.name)
    if match.why is not None:
        visit.approximate(NEAREST, label=label, theirs=theirs[:40], ours=match.name, why=match.why)


def take_sampler(visit: Visit) -> None:
    """The value `sampler_name`."""
    name = visit.text("sampler_name")
    take(visit, "sampler", name, nearest(name, SAMPLERS) if name else None)


def take_schedule(visit: Visit) -> None:
    """The values `scheduler`, `steps` and `denoise`."""
    name, steps, denoise = visit.text("scheduler"), visit.whole("steps"), visit.number("denoise")
    match = nearest(name, SCHEDULES) if name else None
    take(visit, "schedule", name, match)
    visit.map("steps", steps)
    if match and match.name == "ddim_uniform" and steps and ddim_steps(steps) != steps:
        visit.approximate(ONE_STEP_MORE, theirs=ddim_steps(steps), steps=steps)
    if denoise is not None and 0 < denoise < 1 and steps:
        visit.found.facts["denoise"] = denoise
        visit.approximate(
            DENOISE, denoise=f"{denoise:g}", total=int(min(steps / denoise, 10**15)), steps=steps
        )


def take_sides(visit: Visit) -> None:
    """The model and what it is told."""
    visit.follow("model", "model", is_needed=True)
    visit.follow("positive", "positive", is_needed=True)
    visit.follow("negative", "negative")


def _sampler(visit: Visit) -> None:
    if is_second(visit):
        return
    visit.found.seed(visit.whole("seed"), visit.node)
    take_sampler(visit)
    take_schedule(visit)
    visit.map("guidance", visit.number("cfg"))
    take_sides(visit)


def _advanced(visit: Visit) -> None:
    if is_second(visit):
        return
    visit.found.seed(visit.whole("noise_seed"), visit.node)
    take_sampler(visit)
    take_schedule(visit)
    visit.map("guidance", visit.number("cfg"))
    steps, start, end = visit.whole("steps"), visit.whole("start_at_step"), visit.whole("end_at_step")
    if steps and ((start or 0) > 0 or (end is not None and end < steps)):
        visit.approximate(PART, start=start or 0, end=min(end or steps, steps), steps=steps)
    if visit.value("add_noise") == "disable":
        visit.approximate(NO_NOISE)
    take_sides(visit)


NODES = (
    node("KSampler", _sampler, _CORE_LINKS, f"seed {CONTROL} steps cfg sampler_name scheduler denoise", "LATENT",
         is_sampler=True),
    node("KSamplerAdvanced", _advanced, _CORE_LINKS,
         f"add_noise noise_seed {CONTROL} steps cfg sampler_name scheduler start_at_step end_at_step "
         "return_with_leftover_noise", "LATENT", is_sampler=True),
)  # fmt: skip
