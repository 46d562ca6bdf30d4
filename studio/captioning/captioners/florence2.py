"""Florence-2: captions of a sentence or a paragraph in English; the base size runs on a CPU.

Xiao et al., "Florence-2: Advancing a Unified Representation for a Variety of Vision Tasks" (arXiv 2311.06242). The
weights must be those converted for transformers' own classes: the first ones bring code of their own, which is never
run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.captioning.captioner import Captioner, Describe, Described
from studio.captioning.weights import config_of
from studio.dataset_requests import CaptionRequest
from studio.datasets.errors import InstructionUnknown
from studio.engine.device import Device
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

TASKS = ("<MORE_DETAILED_CAPTION>", "<DETAILED_CAPTION>", "<CAPTION>")
"""What it can be told: a paragraph, a long sentence, a short one."""


def _recognises(folder: Path) -> bool:
    told = config_of(folder)
    return told.get("model_type") == "florence2" and "auto_map" not in told


def _check(request: CaptionRequest) -> None:
    if CAPTIONER.instruction(request) not in TASKS:
        raise InstructionUnknown("prompt", captioner=CAPTIONER.title, known=", ".join(TASKS))


def _load(folder: Path, device: Device) -> Describe:
    import torch
    from transformers import Florence2ForConditionalGeneration, Florence2Processor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from studio.captioning.opening import open_model, open_part, open_tokenizer

    tokenizer = open_tokenizer(folder)
    processor = Florence2Processor(open_part(CLIPImageProcessorPil, folder), tokenizer)
    model = open_model(Florence2ForConditionalGeneration, folder, device)

    @torch.inference_mode()
    def describe(pictures: Sequence["Picture"], request: CaptionRequest) -> list[Described]:
        told = [CAPTIONER.instruction(request)] * len(pictures)
        seen = processor(images=list(pictures), text=told, return_tensors="pt")
        said = model.generate(
            input_ids=seen["input_ids"].to(device.kind),
            attention_mask=seen["attention_mask"].to(device.kind),
            pixel_values=seen["pixel_values"].to(device.kind, model.dtype),
            max_new_tokens=request.most_tokens,
            do_sample=False,
            num_beams=3,
        )
        return [Described(words.strip()) for words in tokenizer.batch_decode(said, skip_special_tokens=True)]

    return describe


CAPTIONER = Captioner(
    title=Text("Florence-2", "Florence-2"),
    about=Text(
        f"Exact captions in English, from a sentence to a paragraph; base runs on a CPU. Instructions: {', '.join(TASKS)}.",
        f"准确的英文说明，从一句话到一段话；base 可在 CPU 上运行。可用的指令：{'、'.join(TASKS)}。",
    ),
    order=1,
    instructions={"en": TASKS[0]},
    hub_ids=("florence-community/Florence-2-base", "florence-community/Florence-2-large"),
    recognises=_recognises,
    load=_load,
    check=_check,
)
