"""The nodes of kijai's ComfyUI-KwaiKolorsWrapper, and LoadKolorsLoRA, which the first Kolors LoRA notebook added to them."""

import re

from studio.exchange.comfy.kind import CONTROL, node
from studio.exchange.comfy.names import lora_stem
from studio.exchange.comfy.nodes.latents import take_count, take_side
from studio.exchange.comfy.nodes.loaders import take_model
from studio.exchange.comfy.nodes.sampling import DENOISE_KIJAI, SECOND_PASS, take
from studio.exchange.comfy.samplers import CLASSES
from studio.exchange.comfy.walk import Visit, passes
from studio.requests import GenerateRequest
from studio.words import Said, Text

_CHOICE = re.compile(r"\{[^{}]*\|[^{}]*\}")
SPLIT = Text(
    "{label}: the text holds {count} prompts split by |. KolorsTextEncode makes a picture of each; the text is kept as it is.",
    "{label}：文字中有 {count} 段由 | 分隔的提示词。KolorsTextEncode 会为每段各画一张；这里原样保留。",
)
CHOICES = Text(
    "{label}: KolorsTextEncode picks one of {{a|b}} at random, without a seed; the text is kept as it is.",
    "{label}：KolorsTextEncode 会从 {{a|b}} 中随机选一个，且不受种子控制；这里原样保留。",
)
DEVICE_NOISE = Text(
    "Node {node} draws its noise on the graphics card; here it is drawn on the processor, so that a seed gives the same "
    "picture on every machine, but another one than there.",
    "节点 {node} 在显卡上抽取噪声；本程序在 CPU 上抽取，使同一种子在任何机器上画面相同，但与原工作流不同。",
)
_USUAL_ALPHA = 2.0
_KOLORS = "kolors_model:KOLORSMODEL"


def _model(visit: Visit) -> None:
    take_model(visit, "model")


def _encoded(visit: Visit) -> None:
    """One node for both sides: "both" is asked by KolorsSampler, a single side by others."""
    fields = {"positive": "prompt", "negative": "negative_prompt"}
    sides = fields if visit.purpose == "both" else {visit.purpose: fields.get(visit.purpose, "")}
    for side, field in sides.items():
        words = visit.text(field)
        if words is None or not field:
            continue
        visit.found.speak(side, words, visit.node)
        _tell_marks(visit, field, words)
    if visit.purpose in ("both", "positive"):
        take_count(visit, visit.whole("num_images_per_prompt"))


def _tell_marks(visit: Visit, field: str, words: str) -> None:
    label = GenerateRequest.settings()[field].label
    outside = _CHOICE.sub("", words)
    if outside != words:
        visit.approximate(CHOICES, label=label)
    if "|" in outside:
        visit.approximate(SPLIT, label=label, count=outside.count("|") + 1)


def _sampler(visit: Visit) -> None:
    visit.follow("latent", "latent")
    if visit.found.has_sampler:
        visit.leave(Said(SECOND_PASS, {"node": visit.node.name}))
        return
    visit.found.has_sampler = True
    visit.found.seed(visit.whole("seed"), visit.node)
    visit.approximate(DEVICE_NOISE)
    take_side(visit, "width", visit.whole("width"))
    take_side(visit, "height", visit.whole("height"))
    visit.map("steps", visit.whole("steps"))
    visit.map("guidance", visit.number("cfg"))
    name = visit.text("scheduler")
    sampler, schedule = CLASSES.get(name or "", (None, None))
    take(visit, "sampler", name, sampler)
    if schedule is not None:
        take(visit, "schedule", name, schedule)
    denoise = visit.number("denoise_strength")
    if denoise is not None and 0 < denoise < 1:
        visit.found.facts["denoise"] = denoise
        visit.approximate(DENOISE_KIJAI, denoise=f"{denoise:g}")
    visit.follow("kolors_model", "model", is_needed=True)
    visit.follow("kolors_embeds", "both", is_needed=True)


def _lora(visit: Visit) -> None:
    """Its "alpha" is no strength: the node multiplies B·A by alpha / rank. What the rank is only the file tells, so the
    weight is settled where the shelf is known (`exchange.on_shelf`)."""
    path, alpha = visit.text("lora_path"), visit.number("lora_alpha")
    if path:
        name = lora_stem(path)
        is_checkpoint = path.lower().endswith(".ckpt")
        visit.found.lora_alpha(name, _USUAL_ALPHA if alpha is None else alpha, is_checkpoint, visit.node)
    visit.follow("kolors_model", is_needed=True)


NODES = (
    node("DownloadAndLoadKolorsModel", _model, "", "model precision", "KOLORSMODEL"),
    node("LoadChatGLM3", passes(), "", "chatglm3_checkpoint", "CHATGLM3MODEL"),
    node("DownloadAndLoadChatGLM3", passes(), "", "precision", "CHATGLM3MODEL"),
    node("KolorsTextEncode", _encoded, "chatglm3_model:CHATGLM3MODEL", "prompt negative_prompt num_images_per_prompt",
         "KOLORS_EMBEDS"),
    node("KolorsSampler", _sampler, f"{_KOLORS} kolors_embeds:KOLORS_EMBEDS latent:LATENT",
         f"width height seed {CONTROL} steps cfg scheduler denoise_strength", "LATENT", is_sampler=True),
    node("LoadKolorsLoRA", _lora, _KOLORS, "lora_path lora_alpha", "KOLORSMODEL"),
)  # fmt: skip
