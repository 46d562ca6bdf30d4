"""Models that somebody put into models/weights: a diffusers folder of a known family, or a checkpoint file that holds all
of one, is a model without having a card."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from studio.errors import ModelUnknown
from studio.families import families
from studio.headers import PICKLED, BadHeader, read_header
from studio.requests import GenerateRequest
from studio.shelf.models import INDEX, ModelCard, parts_of
from studio.words import Said, Text

ABOUT = Text("A folder in models/weights without a card.", "models/weights 中的模型文件夹，没有模型卡片。")
NO_INDEX = Text("its model_index.json can't be read", "无法读取其中的 model_index.json")
NO_FAMILY = Text(
    "its pipeline {pipeline} belongs to no family that is known here",
    "其流水线类型 {pipeline} 不属于任何已知的模型类型",
)
TAKEN = Text("another model has that name; rename the folder", "已有同名模型，请给文件夹改名")
NO_CHECKPOINT = Text(
    "it holds no whole model of SD1.5 or SDXL, which are the ones read from one file; get the model as a diffusers folder",
    "其中不是完整的 SD1.5 或 SDXL 模型，而单个文件只支持这两类；请下载 diffusers 格式的文件夹",
)
ONE_FILE = Text(
    "A checkpoint file in models/weights without a card.", "models/weights 中的单文件模型，没有模型卡片。"
)
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")


@dataclass
class Dropped:
    """What was found: models, and what looks like one and can't be used."""

    cards: list[ModelCard] = field(default_factory=list)
    unknown: list[ModelUnknown] = field(default_factory=list)


def dropped(weights_dir: Path, carded: Sequence[ModelCard], broken: Collection[str] = ()) -> Dropped:
    """The models in `weights_dir` that none of the cards speaks of; `broken` are the names of cards that can't be read,
    which keep their folder. Folders without a model_index.json are no models: other things live there too."""
    found = Dropped()
    owned = {card.folder for card in carded}
    for path in _places(weights_dir):
        if path in owned or path.name in broken:
            continue
        one = _folder(path, carded) if path.is_dir() else _file(path, carded)
        if isinstance(one, ModelCard):
            found.cards.append(one)
        elif one is not None:
            found.unknown.append(one)
    return found


def _places(weights_dir: Path) -> Iterator[Path]:
    if weights_dir.is_dir():
        yield from sorted(path for path in weights_dir.iterdir() if not path.name.startswith("."))


def _folder(folder: Path, carded: Sequence[ModelCard]) -> ModelCard | ModelUnknown | None:
    if not (folder / INDEX).is_file():
        return None
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        parts_of(index)
    except (OSError, ValueError, RecursionError):
        return _unknown(folder, NO_INDEX)
    pipeline = str(index.get("_class_name", ""))
    family = next((name for name, family in families().items() if pipeline in family.pipelines), None)
    if family is None:
        return ModelUnknown(
            "model", file=folder.name, reason=Said(NO_FAMILY, {"pipeline": pipeline[:80] or "?"})
        )
    if folder.name in {card.name for card in carded}:
        return _unknown(folder, TAKEN)
    return _card(folder, family, carded)


def _card(folder: Path, family: str, carded: Sequence[ModelCard]) -> ModelCard:
    """A card like that of the family's own model, if there is one: its sizes and what suits it."""
    name = folder.stem if folder.suffix == ".safetensors" else folder.name
    like = next((card for card in carded if card.family == family and card.source_url), None)
    bare = ModelCard(
        name=name, family=family, title=Text(name, name), about=ABOUT, folder=folder,
        sizes=((GenerateRequest().width, GenerateRequest().height),), defaults={"model": name}, prompt_examples=(),
        licence="?", source_url="",
    )  # fmt: skip
    if like is None:
        return bare
    return replace(
        bare,
        sizes=like.sizes,
        defaults={**like.defaults, "model": name},
        prompt_examples=like.prompt_examples,
    )


def _file(file: Path, carded: Sequence[ModelCard]) -> ModelCard | ModelUnknown | None:
    if file.suffix.lower() in _PICKLES:
        return _unknown(file, PICKLED)
    if file.suffix.lower() != ".safetensors":
        return None
    stat = file.stat()
    family = _family_of(file, stat.st_size, stat.st_mtime_ns)
    if not isinstance(family, str):
        return _unknown(file, family)
    if file.stem in {card.name for card in carded}:
        return _unknown(file, TAKEN)
    return replace(_card(file, family, carded), about=ONE_FILE)


@lru_cache(maxsize=256)
def _family_of(file: Path, size: int, changed_ns: int) -> str | Text:
    """The family of a checkpoint that holds a whole model, or why it is none; kept while the file stays as it is."""
    try:
        names = read_header(file).tensors.keys()
    except BadHeader as bad:
        return bad.reason
    whole = [family for family in families().values() if family.is_in(names)]
    return max(whole, key=lambda family: len(family.parts)).name if whole else NO_CHECKPOINT


def _unknown(path: Path, reason: Text) -> ModelUnknown:
    return ModelUnknown("model", file=path.name, reason=reason)
