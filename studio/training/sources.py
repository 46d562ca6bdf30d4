"""Where a run takes the parts of its model from: the card's folder, or the paths that the request names instead.

The seed's script names a weight file or a folder for each network, and finds tokenizer and scheduler beside them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.engine.places import places_of
from studio.families import families
from studio.families.family import Family, Part
from studio.settings import Settings
from studio.shelf import ModelCard, Shelf
from studio.train_errors import NotTrainable, PathMissing
from studio.train_request import TrainRequest

OVERRIDES = {
    "unet": "pretrained_unet_path",
    "text_encoder": "pretrained_text_encoder_path",
    "vae": "pretrained_fp16_vae_path",
}
"""Part to the field that names another place for it."""
_SAMPLE_BYTES = 2**20


@dataclass(frozen=True)
class Sources:
    """A model's card and family, and the folder, or weight file, of each part."""

    card: ModelCard
    family: Family
    parts: Mapping[str, Path]

    @classmethod
    def of(cls, request: TrainRequest, settings: Settings) -> "Sources":
        """The sources that a request names. Raises ModelError, NotTrainable or PathMissing."""
        shelf = Shelf(settings)
        card = next((card for card in shelf.models() if card.name == request.model), None)
        if card is None:
            card = shelf.model(request.model)  # says what is there
        if card.family not in families():
            known = ", ".join(other.name for other in shelf.models() if other.family in families())
            raise NotTrainable("model", model=card.name, family=card.family, known=known)
        family = families()[card.family]
        named = _named(request)
        if not named:
            shelf.model(request.model)
        places = places_of(family, card.folder)
        parts = {part.name: _place(part, card.folder, places[part.name], named) for part in family.parts}
        return cls(card, family, parts)

    def parameters(self) -> int:
        """How many numbers the networks hold, about, taking them for half precision."""
        return sum(self.bytes_of(part.name) for part in self.family.parts) // 2

    def bytes_of(self, name: str) -> int:
        """Size of a part's weight files."""
        return sum(
            file.stat().st_size for file in self._files(name) if file.suffix in (".safetensors", ".bin")
        )

    def fingerprint(self, *names: str) -> str:
        """A mark of what the parts hold: sizes, names, and the ends of every file. Equal weights, equal mark."""
        mark = hashlib.sha256()
        for name in names:
            for file in self._files(name):
                size = file.stat().st_size
                mark.update(f"{name}/{file.name} {size}\n".encode())
                with file.open("rb") as stream:
                    mark.update(stream.read(_SAMPLE_BYTES))
                    stream.seek(max(0, size - _SAMPLE_BYTES))
                    mark.update(stream.read(_SAMPLE_BYTES))
        return mark.hexdigest()[:32]

    def _files(self, name: str) -> Iterator[Path]:
        source = self.parts[name]
        if source.is_file():
            yield from (file for file in (source.parent / "config.json", source) if file.is_file())
        elif source.is_dir():
            yield from sorted(
                file
                for file in source.iterdir()
                if file.suffix in (".json", ".safetensors", ".model", ".bin")
            )


def _named(request: TrainRequest) -> dict[str, Path]:
    named = {
        part: Path(getattr(request, field)) for part, field in OVERRIDES.items() if getattr(request, field)
    }
    for part, path in named.items():
        if not path.exists():
            label = request.settings()[OVERRIDES[part]].label
            raise PathMissing(OVERRIDES[part], label=label, path=str(path))
    return named


def _place(part: Part, model_dir: Path, own: Path, named: Mapping[str, Path]) -> Path:
    """The named path; else the model's own place, if it has the part; else beside one of the named paths."""
    if part.name in named:
        return named[part.name]
    if own.is_file():
        return own
    folders = [path.parent if path.is_file() else path for path in named.values()]
    beside = [place for folder in folders for place in (folder.parent / part.name, folder)]
    complete = (
        place
        for place in (own, *beside)
        if place.is_dir() and all((place / file).is_file() for file in part.needed(model_dir))
    )
    return next(complete, own)
