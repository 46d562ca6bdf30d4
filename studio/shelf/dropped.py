"""Models that somebody put into models/weights: a diffusers folder of a known family is a model without having a card."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.errors import ModelUnknown
from studio.families import families
from studio.headers import PICKLED
from studio.requests import GenerateRequest
from studio.shelf.loras import PICKLES
from studio.shelf.models import INDEX, ModelCard, parts_of
from studio.words import Said, Text

ABOUT = Text("A folder in models/weights without a card.", "models/weights 中的模型文件夹，没有模型卡片。")
NO_INDEX = Text("its model_index.json can't be read", "无法读取其中的 model_index.json")
NO_FAMILY = Text(
    "its pipeline {pipeline} belongs to no family that is known here",
    "其流水线类型 {pipeline} 不属于任何已知的模型类型",
)
TAKEN = Text("another model has that name; rename the folder", "已有同名模型，请给文件夹改名")
ONE_FILE = Text(
    "only diffusers folders are opened; get the model in that layout, or convert it",
    "只能打开 diffusers 格式的文件夹；请下载该格式的模型，或先转换",
)


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
        one = _folder(path, carded) if path.is_dir() else _file(path)
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
    name = folder.name
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


def _file(file: Path) -> ModelUnknown | None:
    if file.suffix.lower() in PICKLES:
        return _unknown(file, PICKLED)
    return _unknown(file, ONE_FILE) if file.suffix.lower() == ".safetensors" else None


def _unknown(path: Path, reason: Text) -> ModelUnknown:
    return ModelUnknown("model", file=path.name, reason=reason)
