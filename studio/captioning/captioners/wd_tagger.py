"""WD tagger: what is in a drawing, as tags in English; an ONNX network, for which onnxruntime must be installed.

The folder holds model.onnx and selected_tags.csv (tag_id, name, category, count). Category 0 are general tags, 4 are
characters, 9 ratings, which are not taken."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.captioning.captioner import Captioner, Describe, Described
from studio.dataset_requests import CaptionRequest
from studio.datasets.errors import CaptionerBroken, InstructionUnknown, PackageNeeded
from studio.engine.device import Device, threads
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

NETWORK, TAGS = "model.onnx", "selected_tags.csv"
GENERAL, CHARACTER = "0", "4"
USUAL = "general=0.35 character=0.85"
"""Least probabilities, as the makers of the tagger use them."""
_LEAST = re.compile(r"(general|character)\s*=\s*(0(?:\.\d+)?|1(?:\.0+)?)")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Tag:
    """A tag that the network knows."""

    words: str
    category: str


def _recognises(folder: Path) -> bool:
    return (folder / NETWORK).is_file() and (folder / TAGS).is_file()


def _check(request: CaptionRequest) -> None:
    if find_spec("onnxruntime") is None:
        raise PackageNeeded("captioner", what=CAPTIONER.title, package="onnxruntime")
    least(CAPTIONER.instruction(request))


def least(instruction: str) -> dict[str, float]:
    """Category to the probability from which its tags are taken, from "general=0.35 character=0.85"."""
    found = _LEAST.findall(instruction)
    if not found or _LEAST.sub("", instruction).strip(" ,;，；"):
        raise InstructionUnknown("prompt", captioner=CAPTIONER.title, known=USUAL)
    told = dict(_LEAST.findall(USUAL)) | dict(found)
    return {GENERAL: float(told["general"]), CHARACTER: float(told["character"])}


def _load(folder: Path, device: Device) -> Describe:
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    known = read_tags(folder / TAGS)
    try:
        network = onnxruntime.InferenceSession(
            str(folder / NETWORK), options, providers=_providers(onnxruntime, device)
        )
        inlet = network.get_inputs()[0]
        side = int(inlet.shape[1])
    except Exception as error:  # onnxruntime raises classes of its own for each kind of damage
        raise CaptionerBroken("weights", name=folder.name, reason=str(error)[:200]) from error

    def describe(pictures: Sequence["Picture"], request: CaptionRequest) -> list[Described]:
        wanted = least(CAPTIONER.instruction(request))
        seen = [network.run(None, {inlet.name: as_seen(picture, side)})[0][0] for picture in pictures]
        return [_described(known, row, wanted, request.most_tokens) for row in seen]

    return describe


def read_tags(file: Path) -> list[Tag]:
    """The tags in the order of the network's outputs; raises CaptionerBroken."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return [Tag(plain(row["name"]), row["category"]) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaptionerBroken("weights", name=file.parent.name, reason=f"{file.name}: {error}") from None


def plain(name: str) -> str:
    """A tag's name as people write it: "long_hair" is "long hair"; faces made of signs, like ">_<", stay."""
    return name.replace("_", " ") if len(_LETTER.findall(name)) > 2 else name


def as_seen(picture: "Picture", side: int) -> Any:
    """What the network reads: (1, side, side, 3), blue first, 0 to 255, on a white square."""
    import numpy as np
    from PIL import Image

    longest = max(picture.size)
    square = Image.new("RGB", (longest, longest), "white")
    square.paste(picture, ((longest - picture.width) // 2, (longest - picture.height) // 2))
    scaled = square.resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(scaled, dtype=np.float32)[None, :, :, ::-1])


def _described(known: Sequence[Tag], row: Any, wanted: dict[str, float], most: int) -> Described:
    """The likely tags, characters first, then the likeliest."""
    taken = [
        (tag, float(share))
        for tag, share in zip(known, row, strict=True)
        if share >= wanted.get(tag.category, 2.0)
    ]
    taken.sort(key=lambda pair: (pair[0].category != CHARACTER, -pair[1]))
    tags = tuple(tag.words for tag, _ in taken[:most])
    return Described(", ".join(tags), tags)


def _providers(onnxruntime: Any, device: Device) -> list[str]:
    here = set(onnxruntime.get_available_providers())
    wanted = ["CUDAExecutionProvider"] if device.kind == "cuda" else []
    return [*(name for name in wanted if name in here), "CPUExecutionProvider"]


CAPTIONER = Captioner(
    title=Text("WD tagger", "WD 标签器"),
    about=Text(
        "Tags for drawings, in English; needs onnxruntime. The instruction sets how sure it must be: "
        + USUAL
        + ".",
        "为绘画打英文标签，需要 onnxruntime。“指令”为置信度下限：" + USUAL + "。",
    ),
    order=3,
    instructions={"en": USUAL},
    hub_ids=("SmilingWolf/wd-vit-tagger-v3", "SmilingWolf/wd-swinv2-tagger-v3"),
    recognises=_recognises,
    load=_load,
    check=_check,
)
