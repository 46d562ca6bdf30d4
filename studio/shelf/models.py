"""Model cards: what a model is called, what it can do, and whether its diffusers folder is complete."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import (
    ModelError,
    ModelNotHere,
    PickleRefused,
    PresetBroken,
    StudioError,
    WeightsBroken,
    WeightsMissing,
)
from studio.headers import PICKLED, BadHeader, read_header
from studio.numbers import Sizes
from studio.requests import GenerateRequest
from studio.words import Text

DAMAGED = Text("it can't be read", "无法读取")
INDEX = "model_index.json"
"""The file that names a diffusers folder's pipeline and its components."""
_SETTINGS_FILES = {
    "Scheduler": "scheduler_config.json",
    "Tokenizer": "tokenizer_config.json",
    "TokenizerFast": "tokenizer_config.json",
    "Processor": "preprocessor_config.json",
    "Extractor": "preprocessor_config.json",
}
"""How the class name of a component without weights ends, and the one file that it needs."""
UNUSED_PARTS = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that some folders name and that no stage of the chain opens: they may be missing."""


@dataclass(frozen=True)
class ModelCard:
    """A model as models/cards/<name>.toml describes it. `sizes` are the (width, height) in pixels that it was
    trained at; `defaults` is the partial request that suits it; `source_url` is its page, empty for what comes with the
    studio or was put there by hand. `huggingface` and `modelscope` are its names at these hubs, empty where it isn't.
    `files_gb` is how much there is to fetch, in GB; `numbers` how many numbers its networks hold. `scheduler` is what
    holds for this model besides its own scheduler configuration. `layouts` are the files, as patterns, that its folder
    may hold instead of diffusers' layout."""

    name: str
    family: str
    title: Text
    about: Text
    folder: Path
    sizes: tuple[tuple[int, int], ...]
    defaults: dict[str, Any]
    prompt_examples: tuple[Text, ...]
    licence: str
    source_url: str
    huggingface: str = ""
    modelscope: str = ""
    files_gb: float | None = None
    numbers: Sizes | None = None
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    layouts: tuple[tuple[str, ...], ...] = ()

    @property
    def missing(self) -> list[str]:
        """Files that the folder should hold and doesn't, relative to it."""
        return list(_missing(self.folder, self.layouts))

    @property
    def is_present(self) -> bool:
        """Whether every file that the folder should hold is there."""
        return not self.missing

    @property
    def is_whole(self) -> bool:
        """Whether it could be used, as far as its files' headers tell."""
        try:
            self.check()
        except ModelError:
            return False
        return True

    @property
    def denoiser_shapes(self) -> dict[str, tuple[int, ...]]:
        """Module path to the weight's shape of the denoiser's layers, from the headers of its files; empty while they
        aren't here."""
        files = (f for part in ("unet", "transformer") for f in (self.folder / part).glob("*.safetensors"))
        found: dict[str, tuple[int, ...]] = {}
        for file in files:
            try:
                tensors = read_header(file).tensors
            except BadHeader:  # `check` says what is wrong with it
                continue
            found |= {n.removesuffix(".weight"): t.shape for n, t in tensors.items() if len(t.shape) >= 2}
        return found

    def check(self) -> None:
        """Raise what keeps this model from being used: a folder not downloaded, a file missing, damaged or cut short,
        or a pickle."""
        if self.source_url and not self.folder.exists():
            raise ModelNotHere("model", name=self.name, url=self.source_url, folder=_near(self.folder))
        for file in self.missing:
            part = self.folder / Path(file).parent
            if file.endswith(".safetensors") and (pickle := next(part.glob("*.bin"), None)):
                raise PickleRefused("model", file=f"{part.name}/{pickle.name}")
            raise WeightsMissing("model", name=self.name, file=file)
        for settings in _settings(self.folder):
            if not _holds_settings(settings):
                inside = str(settings.relative_to(self.folder))
                raise WeightsBroken("model", name=self.name, file=inside, reason=DAMAGED)
        for weights in _weights(self.folder):
            try:
                read_header(weights)
            except BadHeader as bad:
                inside = str(
                    weights.relative_to(self.folder.parent if self.folder.is_file() else self.folder)
                )
                if bad.reason is PICKLED:
                    raise PickleRefused("model", file=inside) from None
                raise WeightsBroken("model", name=self.name, file=inside, reason=bad.reason) from None


def read_model_card(file: Path, models_dir: Path) -> ModelCard:
    """The card in a TOML file; its folder is inside `models_dir`. Raises PresetBroken."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        defaults = {"model": file.stem} | told.get("defaults", {})
        GenerateRequest.from_dict(defaults, where=file.name)
        return ModelCard(
            name=file.stem,
            family=told["family"],
            title=Text(**told["title"]),
            about=Text(**told["about"]),
            folder=models_dir / told["folder"],
            sizes=tuple((int(width), int(height)) for width, height in told["sizes"]),
            defaults=defaults,
            prompt_examples=tuple(Text(**example) for example in told.get("prompt_examples", ())),
            licence=told["licence"],
            source_url=told["source_url"],
            huggingface=str(told.get("huggingface", "")),
            modelscope=str(told.get("modelscope", "")),
            files_gb=float(told["files_gb"]) if "files_gb" in told else None,
            numbers=Sizes(**told["numbers"]) if "numbers" in told else None,
            scheduler=dict(told.get("scheduler", {})),
            layouts=tuple(tuple(map(str, files)) for files in told.get("layouts", ())),
        )
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
        StudioError,
    ) as error:
        raise PresetBroken.because(f"models/cards/{file.name}", error) from None


def parts_of(index: object) -> dict[str, str]:
    """The components that a model_index.json (as read) names, with their classes; those that nobody opens are left out.
    Raises ValueError when it is no such file."""
    if not isinstance(index, dict):
        raise ValueError("a model_index.json holds one object")
    return {
        part: str(kind[-1])
        for part, kind in index.items()
        if not part.startswith("_")
        and part not in UNUSED_PARTS
        and isinstance(kind, list)
        and kind
        and kind[-1]
    }


def settings_file_of(kind: str) -> str | None:
    """The one file that a component of this class needs when it has no weights; None for one with weights."""
    return next((file for end, file in _SETTINGS_FILES.items() if kind.endswith(end)), None)


def _settings(folder: Path) -> list[Path]:
    """The files with the settings of a model's components, of those that are opened."""
    names = ("config.json", *dict.fromkeys(_SETTINGS_FILES.values()))
    found = (file for name in names for file in sorted(folder.glob(f"*/{name}")))
    return [file for file in found if file.parent.name not in UNUSED_PARTS]


def _holds_settings(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return False


def _weights(folder: Path) -> list[Path]:
    """The safetensors files of a model, in whatever layout."""
    if folder.is_file():
        return [folder]
    return sorted(file for depth in ("", "*/", "*/*/") for file in folder.glob(f"{depth}*.safetensors"))


def _missing(folder: Path, layouts: Sequence[Sequence[str]]) -> Iterator[str]:
    index = folder / INDEX
    if folder.is_file():
        return
    if not index.is_file():
        gaps = [[file for file in layout if not _is_there(folder / file)] for layout in layouts]
        begun = [gap for gap, layout in zip(gaps, layouts, strict=True) if len(gap) < len(layout)]
        if begun:
            yield from min(begun, key=len)
            return
    try:
        parts = parts_of(json.loads(index.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        yield index.name
        return
    for part, kind in parts.items():
        settings_file = settings_file_of(kind)
        if not (folder / part / (settings_file or "config.json")).is_file():
            yield f"{part}/{settings_file or 'config.json'}"
        if settings_file is None:
            yield from (f"{part}/{file}" for file in _missing_weights(folder / part))


def _is_there(pattern: Path) -> bool:
    """Whether a file is there whose name fits the last part of a path."""
    return any(file.is_file() for file in pattern.parent.glob(pattern.name))


def _missing_weights(part: Path) -> list[str]:
    """Nothing when one complete set of weights is there: a single file, or all shards of an index. Otherwise the
    files that the first index misses."""
    if any("-of-" not in file.name for file in part.glob("*.safetensors")):
        return []
    gaps = [_missing_shards(index) for index in sorted(part.glob("*.safetensors.index*.json"))]
    return [] if [] in gaps else gaps[0] if gaps else ["*.safetensors"]


def _missing_shards(index: Path) -> list[str]:
    try:
        shards = sorted(
            {str(file) for file in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [index.name]
    return [shard for shard in shards if not (index.parent / shard).is_file()]


def _near(folder: Path) -> str:
    """The last parts of a path: enough to find it, without the rest of the machine."""
    return "/".join(folder.parts[-3:])
