"""LoRA loaders: a chain of them is a stack, in order."""

from studio.exchange.comfy.graph import short
from studio.exchange.comfy.kind import node
from studio.exchange.comfy.names import lora_stem
from studio.exchange.comfy.walk import Visit
from studio.words import Text

CLIP_STRENGTH = Text(
    "LoRA {name}: strength {clip} for the text encoder is left out; {model} counts for the whole LoRA.",
    "LoRA {name}：文本编码器的强度 {clip} 未采用，整个 LoRA 统一使用 {model}。",
)


def _lora(visit: Visit) -> None:
    path, strength, clip = (
        visit.text("lora_name"),
        visit.number("strength_model"),
        visit.number("strength_clip"),
    )
    if visit.purpose == "model" and path not in (None, "None"):
        name = lora_stem(path or "")
        weight = 1.0 if strength is None else strength
        visit.found.lora(name, weight, visit.node)
        if clip is not None and clip != weight:
            visit.approximate(CLIP_STRENGTH, name=short(name), clip=f"{clip:g}", model=f"{weight:g}")
    visit.follow("clip" if visit.purpose == "clip" else "model", is_needed=visit.purpose == "model")


NODES = (
    node(
        "LoraLoader", _lora, "model:MODEL clip:CLIP", "lora_name strength_model strength_clip", "MODEL CLIP"
    ),
    node("LoraLoaderModelOnly", _lora, "model:MODEL", "lora_name strength_model", "MODEL"),
)
