"""kijai's nodes for Kolors (ComfyUI-KwaiKolorsWrapper), with LoadKolorsLoRA where there are LoRAs: the nodes of the first
Kolors LoRA notebook."""

from studio.exchange.comfy.graph import Link
from studio.exchange.comfy.names import stem
from studio.exchange.comfy.plan import Plan, Target
from studio.exchange.comfy.samplers import CLASSES
from studio.exchange.comfy.seed_lora import ASSUMED_RANK
from studio.exchange.comfy.targets.core import NO_SUCH, tell_size
from studio.requests import GenerateRequest
from studio.words import Text

ONLY_KOLORS = Text(
    "These nodes load Kwai-Kolors/Kolors only; the model {model} is not in the workflow.",
    "这组节点只能加载 Kwai-Kolors/Kolors；工作流里没有模型 {model}。",
)
LORA_PATHS = Text(
    "LoadKolorsLoRA takes a file's full path and DiffSynth's layout only: put in where your file is, in place of {paths}.",
    "LoadKolorsLoRA 只接受完整路径和 DiffSynth 格式的文件：请把 {paths} 改成你的文件所在位置。",
)
ALPHA_ASSUMED = Text(
    "LoRA {name}: its rank is not known here, so lora_alpha {alpha} is the weight times an assumed rank of {rank}.",
    "LoRA {name}：不知道它的 rank，因此 lora_alpha {alpha} 按假定的 rank {rank} 乘以权重得出。",
)
ALPHA_REFUSED = Text(
    "LoRA {name}: lora_alpha would be {alpha}, but LoadKolorsLoRA refuses anything outside 0 to {most}.",
    "LoRA {name}：lora_alpha 应为 {alpha}，但 LoadKolorsLoRA 只接受 0 到 {most}。",
)
SPLITS = Text(
    "KolorsTextEncode makes a picture of each part between | and picks among {{a|b}} at random; check the text there.",
    "KolorsTextEncode 会为 | 隔开的每段各画一张，并从 {{a|b}} 中随机选一个；请在那里检查文字。",
)
OUT_OF_RANGE = Text(
    "KolorsSampler takes {label} from {low} to {high} only; {value} will be refused.",
    "KolorsSampler 的{label}只接受 {low} 到 {high}，{value} 会被拒绝。",
)
DEVICE_NOISE = Text(
    "These nodes draw noise on the graphics card, so the same seed gives another picture there.",
    "这组节点在显卡上抽取噪声，因此同一种子在那里的画面不同。",
)
_REPOSITORY, _VAE = "Kwai-Kolors/Kolors", "sdxl.vae.safetensors"
_MOST_ALPHA, _MOST_CFG, _MOST_SIDE = 4.0, 20.0, 2048


def _build(plan: Plan) -> None:
    request = plan.request
    model = plan.out(plan.add("DownloadAndLoadKolorsModel", model=_REPOSITORY, precision="fp16"))
    glm = plan.out(plan.add("DownloadAndLoadChatGLM3", precision="fp16"))
    vae = plan.out(plan.add("VAELoader", vae_name=_VAE))
    if request.model.lower() != stem(_REPOSITORY).lower():
        plan.near("model", ONLY_KOLORS, model=request.model)
    model = _loras(plan, model)
    words = plan.add("KolorsTextEncode", chatglm3_model=glm, prompt=request.prompt,
                     negative_prompt=request.negative_prompt, num_images_per_prompt=request.count)  # fmt: skip
    sampler = plan.add("KolorsSampler", kolors_model=model, kolors_embeds=plan.out(words), width=request.width,
                       height=request.height, seed=plan.seed, steps=request.steps, cfg=request.guidance,
                       scheduler=_scheduler(plan), denoise_strength=1.0)  # fmt: skip
    picture = plan.add("VAEDecode", samples=plan.out(sampler), vae=vae)
    plan.add("SaveImage", images=plan.out(picture), filename_prefix="Inkstone")
    plan.near("", DEVICE_NOISE)
    _tell_limits(plan)


def _loras(plan: Plan, model: Link) -> Link:
    paths = []
    for use in plan.loras:
        rank = plan.ranks.get(use.name)
        alpha = round(use.weight * (rank or ASSUMED_RANK), 6)
        if rank is None:
            plan.near("", ALPHA_ASSUMED, name=use.name, alpha=f"{alpha:g}", rank=ASSUMED_RANK)
        if not 0 <= alpha <= _MOST_ALPHA:
            plan.near("", ALPHA_REFUSED, name=use.name, alpha=f"{alpha:g}", most=f"{_MOST_ALPHA:g}")
        path = f"models/loras/{use.name}.safetensors"
        paths.append(path)
        model = plan.out(plan.add("LoadKolorsLoRA", kolors_model=model, lora_path=path, lora_alpha=alpha))
    if paths:
        plan.near("", LORA_PATHS, paths=", ".join(paths))
    return model


def _scheduler(plan: Plan) -> str:
    """The class that comes nearest to sampler and schedule."""
    request = plan.request
    ours = "euler" if request.sampler == "ddim" else request.sampler
    name = next(
        (name for name, (sampler, _) in CLASSES.items() if sampler.name == ours), "EulerDiscreteScheduler"
    )
    sampler, schedule = CLASSES[name]
    for field, match in (("sampler", sampler), ("schedule", schedule)):
        if getattr(request, field) != match.name:
            label = GenerateRequest.settings()[field].label
            plan.near(field, NO_SUCH, label=label, ours=getattr(request, field), theirs=name)
    return name


def _tell_limits(plan: Plan) -> None:
    request, lines = plan.request, GenerateRequest.settings()
    tell_size(plan, 8)
    limits = {"guidance": (0.0, _MOST_CFG), "width": (64, _MOST_SIDE), "height": (64, _MOST_SIDE)}
    for field, (low, high) in limits.items():
        value = getattr(request, field)
        if not low <= value <= high:
            plan.near(
                "",
                OUT_OF_RANGE,
                label=lines[field].label,
                low=f"{low:g}",
                high=f"{high:g}",
                value=f"{value:g}",
            )
    if "|" in request.prompt + request.negative_prompt:
        plan.near("", SPLITS)


TARGET = Target(
    "kijai",
    Text("ComfyUI-KwaiKolorsWrapper (kijai)", "ComfyUI-KwaiKolorsWrapper（kijai）"),
    ("kolors",),
    1,
    _build,
)
