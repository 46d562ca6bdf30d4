"""BLIP: short, plain English captions; small enough for a CPU.

Li et al., "BLIP: Bootstrapping Language-Image Pre-training" (arXiv 2201.12086)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.captioning.captioner import Captioner, Describe, Described
from studio.captioning.weights import model_type
from studio.dataset_requests import CaptionRequest
from studio.engine.device import Device
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def _recognises(folder: Path) -> bool:
    return model_type(folder) == "blip"


def _load(folder: Path, device: Device) -> Describe:
    import torch
    from transformers import BlipForConditionalGeneration
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    from studio.captioning.opening import open_model, open_part, open_tokenizer

    pixels = open_part(BlipImageProcessorPil, folder)
    tokenizer = open_tokenizer(folder)
    model = open_model(BlipForConditionalGeneration, folder, device)

    @torch.inference_mode()
    def describe(pictures: Sequence["Picture"], request: CaptionRequest) -> list[Described]:
        seen = pixels(images=list(pictures), return_tensors="pt")["pixel_values"].to(device.kind, model.dtype)
        begun = {}
        if beginning := CAPTIONER.instruction(request):
            words = tokenizer([beginning] * len(pictures), return_tensors="pt")
            begun = {name: words[name].to(device.kind) for name in ("input_ids", "attention_mask")}
        # the text decoder counts the beginning as new, so the limit is on what comes after it
        said = model.generate(
            pixel_values=seen, **begun, max_new_tokens=request.most_tokens, do_sample=False, num_beams=3
        )
        return [Described(words.strip()) for words in tokenizer.batch_decode(said, skip_special_tokens=True)]

    return describe


CAPTIONER = Captioner(
    title=Text("BLIP", "BLIP"),
    about=Text(
        "Short, plain captions in English; runs on a CPU. The instruction is the beginning that it goes on from.",
        "简短朴素的英文说明，CPU 即可运行。“指令”是说明的开头，模型会接着往下写。",
    ),
    order=2,
    instructions={"en": ""},
    hub_ids=("Salesforce/blip-image-captioning-large", "Salesforce/blip-image-captioning-base"),
    recognises=_recognises,
    load=_load,
    batch=16,
)
