"""Nodes that turn words into conditioning."""

from studio.exchange.comfy.kind import node
from studio.exchange.comfy.walk import Visit
from studio.words import Said, Text

TWO_TEXTS = Text(
    "Node {node} tells its encoders different texts; {kept} is used for all, {others} is left out.",
    "节点 {node} 给几个文本编码器的文字不同；统一使用 {kept}，未采用 {others}。",
)
NO_WORDS = Text(
    "The text of node {node} comes from a node that can't be read here.",
    "节点 {node} 的文字来自本程序无法读取的节点。",
)
SIZES = Text(
    "Node {node} tells the model another size or crop than the picture's; that is left out.",
    "节点 {node} 告诉模型的尺寸或裁剪与图片不同，未采用。",
)
_SDXL_SIZES = "width height crop_w crop_h target_width target_height"


def take_words(visit: Visit, *names: str) -> None:
    """The first of these texts that isn't empty, for all encoders; another one is told."""
    texts = {name: visit.text(name) for name in names}
    known = {name: text for name, text in texts.items() if text is not None}
    if not known:
        visit.leave(Said(NO_WORDS, {"node": visit.node.name}))
        return
    kept = next((name for name in known if known[name].strip()), next(iter(known)))
    others = [name for name, text in known.items() if text.strip() and text != known[kept]]
    if others:
        visit.approximate(TWO_TEXTS, kept=kept, others=", ".join(others))
    visit.speak(known[kept])


def _encode(visit: Visit) -> None:
    take_words(visit, "text")
    visit.follow("clip", "clip")


def _encode_sdxl(visit: Visit) -> None:
    take_words(visit, "text_g", "text_l")
    crop = [visit.whole(name) for name in ("crop_w", "crop_h")]
    width, height = visit.whole("width"), visit.whole("height")
    if any(crop) or (width, height) != (visit.whole("target_width"), visit.whole("target_height")):
        visit.leave(Said(SIZES, {"node": visit.node.name}))
    visit.follow("clip", "clip")


def _encode_flux(visit: Visit) -> None:
    take_words(visit, "t5xxl", "clip_l")
    visit.found.flux(visit.number("guidance"), visit.node)
    visit.follow("clip", "clip")


def _encode_sd3(visit: Visit) -> None:
    take_words(visit, "t5xxl", "clip_g", "clip_l")
    visit.follow("clip", "clip")


NODES = (
    node("CLIPTextEncode", _encode, "clip:CLIP", "text", "CONDITIONING"),
    node("CLIPTextEncodeSDXL", _encode_sdxl, "clip:CLIP", f"{_SDXL_SIZES} text_g text_l", "CONDITIONING"),
    node("CLIPTextEncodeSDXLRefiner", _encode, "clip:CLIP", "ascore width height text", "CONDITIONING"),
    node("CLIPTextEncodeFlux", _encode_flux, "clip:CLIP", "clip_l t5xxl guidance", "CONDITIONING"),
    node("CLIPTextEncodeSD3", _encode_sd3, "clip:CLIP", "clip_l clip_g t5xxl empty_padding", "CONDITIONING"),
)
