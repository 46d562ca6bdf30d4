"""ComfyUI's own nodes: CheckpointLoaderSimple for SD1.5 and SDXL, the loaders of single parts for Flux."""

from studio.exchange.comfy.graph import Link
from studio.exchange.comfy.nodes.latents import STEP_PX
from studio.exchange.comfy.plan import Plan, Target
from studio.exchange.comfy.samplers import SCHEDULES, TO_COMFY, ddim_steps
from studio.requests import GenerateRequest
from studio.words import Text

PROMPT, NEGATIVE = (GenerateRequest.settings()[name].label for name in ("prompt", "negative_prompt"))
FILES_AS_NAMED = Text(
    "The workflow expects {files} in ComfyUI's models folder; choose your own file in the loader if it is called otherwise.",
    "工作流会在 ComfyUI 的 models 文件夹里找 {files}；如果你的文件不叫这个名字，请在加载节点里另选。",
)
NO_SUCH = Text(
    "{label} {ours} has no equal there; {theirs} stands for it.",
    "{label} {ours} 在那里没有对应项，用 {theirs} 代替。",
)
ONE_STEP_LESS = Text(
    "With ddim_uniform ComfyUI takes {theirs} steps where {steps} are asked for.",
    "使用 ddim_uniform 时，ComfyUI 设 {steps} 步实际会走 {theirs} 步。",
)
BATCH = Text(
    "A batch of {count}: ComfyUI draws all its noise from one seed, so only the first picture is the same.",
    "一批 {count} 张：ComfyUI 用同一个种子抽取整批噪声，因此只有第一张相同。",
)
SIZE = Text(
    "{width} × {height} is not a multiple of {step}; ComfyUI cuts it down.",
    "{width} × {height} 不是 {step} 的倍数，ComfyUI 会向下取整。",
)
MARKS = Text(
    "ComfyUI's page reads {marks} in a prompt as its own marks (choices, comments); check the text there.",
    "ComfyUI 的页面会把提示词里的 {marks} 当作自己的标记（随机选项、注释），请在那里检查文字。",
)
_OWN_SCHEDULES = {
    "kolors": "ddim_uniform",
    "sdxl": "ddim_uniform",
    "sd15": "ddim_uniform",
    "flux": "simple",
    "sd3": "simple",
}
"""What "auto", the model's own spacing, is called in ComfyUI, by family."""
_CLIP_FILES = ("clip_l.safetensors", "t5xxl_fp16.safetensors")
_FLUX_VAE = "ae.safetensors"


def _build(plan: Plan) -> None:
    if plan.family == "flux":
        _build_flux(plan)
        return
    file = f"{plan.request.model}.safetensors"
    loader = plan.add("CheckpointLoaderSimple", ckpt_name=file)
    plan.near("", FILES_AS_NAMED, files=", ".join([file, *(f"{use.name}.safetensors" for use in plan.loras)]))
    model, clip = plan.out(loader), plan.out(loader, 1)
    for use in plan.loras:
        id = plan.add("LoraLoader", model=model, clip=clip, lora_name=f"{use.name}.safetensors",
                      strength_model=use.weight, strength_clip=use.weight)  # fmt: skip
        model, clip = plan.out(id), plan.out(id, 1)
    positive = plan.add("CLIPTextEncode", PROMPT, clip=clip, text=plan.request.prompt)
    negative = plan.add("CLIPTextEncode", NEGATIVE, clip=clip, text=plan.request.negative_prompt)
    empty = "EmptySD3LatentImage" if plan.family == "sd3" else "EmptyLatentImage"
    finish(plan, model, plan.out(positive), plan.out(negative), plan.out(loader, 2), empty)


def _build_flux(plan: Plan) -> None:
    file = f"{plan.request.model}.safetensors"
    model = plan.out(plan.add("UNETLoader", unet_name=file, weight_dtype="default"))
    clip = plan.out(plan.add("DualCLIPLoader", clip_name1=_CLIP_FILES[0], clip_name2=_CLIP_FILES[1], type="flux",
                             device="default"))  # fmt: skip
    vae = plan.out(plan.add("VAELoader", vae_name=_FLUX_VAE))
    model = chain_loras(plan, model)
    loras = [f"{use.name}.safetensors" for use in plan.loras]
    plan.near("", FILES_AS_NAMED, files=", ".join([file, *_CLIP_FILES, _FLUX_VAE, *loras]))
    positive = plan.out(plan.add("CLIPTextEncode", PROMPT, clip=clip, text=plan.request.prompt))
    positive = plan.out(plan.add("FluxGuidance", conditioning=positive, guidance=plan.request.guidance))
    negative = plan.out(plan.add("CLIPTextEncode", NEGATIVE, clip=clip, text=plan.request.negative_prompt))
    finish(plan, model, positive, negative, vae, "EmptySD3LatentImage", cfg=1.0)


def chain_loras(plan: Plan, model: Link) -> Link:
    """LoRAs one after the other, for the model alone."""
    for use in plan.loras:
        id = plan.add(
            "LoraLoaderModelOnly", model=model, lora_name=f"{use.name}.safetensors", strength_model=use.weight
        )
        model = plan.out(id)
    return model


def finish(
    plan: Plan, model: Link, positive: Link, negative: Link, vae: Link, empty: str, cfg: float | None = None
) -> None:
    """From conditioning to the saved picture: what all targets share that sample with KSampler."""
    request = plan.request
    latent = plan.add(empty, width=request.width, height=request.height, batch_size=request.count)
    sampler = plan.add(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=plan.out(latent), seed=plan.seed,
        steps=request.steps, cfg=request.guidance if cfg is None else cfg, sampler_name=sampler_name(plan),
        scheduler=_scheduler(plan), denoise=1.0,
    )  # fmt: skip
    picture = plan.add("VAEDecode", samples=plan.out(sampler), vae=vae)
    plan.add("SaveImage", images=plan.out(picture), filename_prefix="Inkstone")
    tell_size(plan, STEP_PX)
    if request.count > 1:
        plan.near("", BATCH, count=request.count)
    words = request.prompt + request.negative_prompt
    marks = [mark for mark in ("{", "//", "/*") if mark in words]
    if marks:
        plan.near("", MARKS, marks=" ".join(marks))


def tell_size(plan: Plan, step: int) -> None:
    """Say when ComfyUI would draw another size."""
    sides = {"width": plan.request.width, "height": plan.request.height}
    odd = [name for name, pixels in sides.items() if pixels % step]
    if odd:
        plan.near(" ".join(odd), SIZE, **sides, step=step)


def sampler_name(plan: Plan) -> str:
    """KSampler's name of the sampler."""
    ours = plan.request.sampler
    if ours not in TO_COMFY:
        plan.near("sampler", NO_SUCH, label=_label("sampler"), ours=ours, theirs="euler")
    return TO_COMFY.get(ours, "euler")


def _scheduler(plan: Plan) -> str:
    """KSampler's name of the schedule."""
    ours, steps = plan.request.schedule, plan.request.steps
    same = ours in SCHEDULES and SCHEDULES[ours].name == ours
    theirs = ours if same else "simple" if ours == "trailing" else _OWN_SCHEDULES.get(plan.family, "normal")
    if not same:
        plan.near("schedule", NO_SUCH, label=_label("schedule"), ours=ours, theirs=theirs)
    if theirs == "ddim_uniform" and ddim_steps(steps) != steps:
        plan.near("", ONE_STEP_LESS, theirs=ddim_steps(steps), steps=steps)
    return theirs


def _label(field: str) -> Text:
    return GenerateRequest.settings()[field].label


TARGET = Target("core", Text("ComfyUI's own nodes", "ComfyUI 自带节点"), (), 0, _build)
