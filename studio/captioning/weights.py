"""Which captioners' weights lie on this disk, and whether they are whole; told from names and headers, without torch."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.captioning.captioner import Captioner
from studio.captioning.captioners import captioners
from studio.dataset_requests import CaptionRequest
from studio.datasets.errors import CaptionerMissing, LanguageNotWritten, PathRefused
from studio.errors import PickleRefused, UnknownChoice, WeightsBroken
from studio.headers import PICKLED, BadHeader, read_header
from studio.settings import Settings
from studio.words import Text

LANGUAGES: dict[str, Text] = {"en": Text("English", "英文"), "zh": Text("Chinese", "中文")}


def chosen(request: CaptionRequest) -> Captioner:
    """The captioner that is asked for; raises UnknownChoice, or what it has against the request."""
    found = captioners().get(request.captioner)
    if found is None:
        label = CaptionRequest.settings()["captioner"].label
        known = ", ".join(captioners())
        raise UnknownChoice("captioner", label=label, value=request.captioner, known=known)
    if request.caption_language not in found.instructions:
        writers = [
            other.title for other in captioners().values() if request.caption_language in other.instructions
        ]
        raise LanguageNotWritten(
            "caption_language",
            captioner=found.title,
            language=LANGUAGES[request.caption_language],
            other=writers[0],
        )
    found.check(request)
    return found


def installed(settings: Settings) -> dict[str, list[Path]]:
    """Captioner name to the folders with weights for it in models/weights."""
    return {name: list(_folders(settings, captioner)) for name, captioner in captioners().items()}


def folder_of(request: CaptionRequest, settings: Settings) -> Path:
    """The folder whose weights serve a request: the one it names (a path, or a name in models/weights), or the first
    that fits. Raises CaptionerMissing, PathRefused on a public page, PickleRefused or WeightsBroken."""
    captioner = chosen(request)
    named = request.weights.strip()
    is_path = len(Path(named).parts) > 1
    if is_path and not settings.may_import_paths:
        raise PathRefused("weights")
    inside = settings.weights_dir / named if named else next(_folders(settings, captioner), None)
    folder = Path(named).expanduser() if is_path else inside
    if folder is None or not captioner.recognises(folder):
        wanted = folder or settings.weights_dir / captioner.hub_ids[0].rpartition("/")[2]
        hub_ids = ", ".join(captioner.hub_ids)
        raise CaptionerMissing("weights", captioner=captioner.title, folder=str(wanted), hub_ids=hub_ids)
    _check(folder)
    return folder


def config_of(folder: Path) -> dict[str, Any]:
    """The config.json of a folder; empty where there is none that can be read."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def model_type(folder: Path) -> str:
    """What a folder calls its model, in transformers' words; empty where it says nothing."""
    return str(config_of(folder).get("model_type", ""))


def parameters(folder: Path) -> int:
    """How many numbers the weights of a folder hold."""
    headers = [read_header(file) for file in folder.glob("*.safetensors")]
    return sum(math.prod(tensor.shape) for header in headers for tensor in header.tensors.values())


def _folders(settings: Settings, captioner: Captioner) -> Iterator[Path]:
    if settings.weights_dir.is_dir():
        yield from (
            folder for folder in sorted(settings.weights_dir.iterdir()) if captioner.recognises(folder)
        )


def _check(folder: Path) -> None:
    """Raise what is wrong with a folder's weight files, if it is a folder of transformers."""
    if not model_type(folder):
        return
    files = sorted(folder.glob("*.safetensors"))
    pickle = next(folder.glob("*.bin"), None)
    if not files and pickle is not None:
        raise PickleRefused("weights", file=f"{folder.name}/{pickle.name}")
    if not files:
        reason = Text("it is not there", "文件不存在")
        raise WeightsBroken("weights", name=folder.name, file="model.safetensors", reason=reason)
    for file in files:
        try:
            read_header(file)
        except BadHeader as bad:
            if bad.reason is PICKLED:
                raise PickleRefused("weights", file=f"{folder.name}/{file.name}") from None
            raise WeightsBroken("weights", name=folder.name, file=file.name, reason=bad.reason) from None
