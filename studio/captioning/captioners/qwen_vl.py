"""Qwen-VL: captions in Chinese or English that follow any instruction; wants a GPU.

"Qwen2.5-VL Technical Report" (arXiv 2502.13923) and "Qwen3-VL Technical Report" (arXiv 2511.21631). What goes in is put
together here: transformers' processor can't be made without its reader of videos, which needs torchvision."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.captioning.captioner import Captioner, Describe, Described
from studio.captioning.weights import model_type
from studio.dataset_requests import CaptionRequest
from studio.datasets.errors import CaptionerBroken
from studio.engine.device import Device
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_CLASSES = {
    "qwen2_vl": "Qwen2VLForConditionalGeneration",
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "qwen3_vl_moe": "Qwen3VLMoeForConditionalGeneration",
}
"""model_type to transformers' class of the network."""
PLACE = "<|image_pad|>"
"""The token that stands for a part of a picture."""
MOST_PIXELS = 1280 * 28 * 28
"""Larger pictures are scaled down: about 1280 tokens a picture, where the models' own limit is 16,384."""
MOST_ASPECT = 50
"""Narrower pictures get white margins: transformers refuses those beyond 200."""


def _recognises(folder: Path) -> bool:
    return model_type(folder) in _CLASSES


def _load(folder: Path, device: Device) -> Describe:
    import torch
    import transformers
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    from studio.captioning.opening import open_model, open_part, open_tokenizer

    tokenizer = open_tokenizer(folder)
    tokenizer.padding_side = "left"
    pixels = open_part(Qwen2VLImageProcessorPil, folder)
    pixels.size["longest_edge"] = min(pixels.size["longest_edge"] or MOST_PIXELS, MOST_PIXELS)
    template = _template(folder, tokenizer)
    model = open_model(getattr(transformers, _CLASSES[model_type(folder)]), folder, device)
    if tokenizer.convert_tokens_to_ids(PLACE) != model.config.image_token_id:
        raise CaptionerBroken("weights", name=folder.name, reason=f"{PLACE} ?")
    model.generation_config.update(do_sample=False, temperature=None, top_p=None, top_k=None)

    @torch.inference_mode()
    def describe(pictures: Sequence["Picture"], request: CaptionRequest) -> list[Described]:
        seen = pixels(images=[_fit(picture) for picture in pictures], return_tensors="pt")
        asked = _asked(tokenizer, template, CAPTIONER.instruction(request))
        counts = seen["image_grid_thw"].prod(dim=1) // pixels.merge_size**2
        told = tokenizer(
            [asked.replace(PLACE, PLACE * int(count)) for count in counts], padding=True, return_tensors="pt"
        )
        said = model.generate(
            input_ids=told["input_ids"].to(device.kind),
            attention_mask=told["attention_mask"].to(device.kind),
            mm_token_type_ids=(told["input_ids"] == model.config.image_token_id).int().to(device.kind),
            pixel_values=seen["pixel_values"].to(device.kind, model.dtype),
            image_grid_thw=seen["image_grid_thw"].to(device.kind),
            max_new_tokens=request.most_tokens,
        )
        new = said[:, told["input_ids"].shape[1] :]
        return [Described(words.strip()) for words in tokenizer.batch_decode(new, skip_special_tokens=True)]

    return describe


def _template(folder: Path, tokenizer: Any) -> str:
    """The chat template that knows pictures: of the tokenizer, or in the file where older folders keep it."""
    file = folder / "chat_template.json"
    told = json.loads(file.read_text(encoding="utf-8"))["chat_template"] if file.is_file() else ""
    template = str(told or tokenizer.chat_template or "")
    if _asked(tokenizer, template, "?").count(PLACE) != 1:
        raise CaptionerBroken("weights", name=folder.name, reason="chat_template")
    return template


def _asked(tokenizer: Any, template: str, instruction: str) -> str:
    """The instruction as the template puts it, with a place for the picture; what looks like that place in the
    instruction is taken out."""
    words = [{"type": "image"}, {"type": "text", "text": instruction.replace(PLACE, "")}]
    told = [{"role": "user", "content": words}]
    return str(
        tokenizer.apply_chat_template(
            told, chat_template=template, tokenize=False, add_generation_prompt=True
        )
        if template
        else ""
    )


def _fit(picture: "Picture") -> "Picture":
    """The picture, laid on white where it is too narrow."""
    from PIL import Image

    width, height = picture.size
    wanted = max(width, -(-height // MOST_ASPECT)), max(height, -(-width // MOST_ASPECT))
    if wanted == picture.size:
        return picture
    laid = Image.new("RGB", wanted, "white")
    laid.paste(picture, ((wanted[0] - width) // 2, (wanted[1] - height) // 2))
    return laid


CAPTIONER = Captioner(
    title=Text("Qwen-VL", "Qwen-VL（通义千问）"),
    about=Text(
        "Captions in Chinese or English that follow your instruction; wants a GPU with 6 GB or more.",
        "按你的指令写中文或英文说明；需要 6 GB 以上显存的显卡。",
    ),
    order=0,
    instructions={
        "en": "Describe this picture in one or two plain sentences: what is in it, how it is arranged, the light and "
        "the style. Say only what can be seen. Begin with the subject.",
        "zh": "用一两句朴实的话描述这张图片：画了什么、如何布局、光线和风格。只写看得见的内容，从主体写起。",
    },
    hub_ids=("Qwen/Qwen3-VL-2B-Instruct", "Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen2.5-VL-3B-Instruct"),
    recognises=_recognises,
    load=_load,
    batch=4,
)
