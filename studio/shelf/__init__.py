"""What is on the shelf: the models that have a card, and the LoRA files, all read without torch.

A name that a visitor gives is only ever looked up in these lists, never made into a path.
"""

import os
from pathlib import Path

from studio.errors import LoraMissing, ModelMissing, ModelUnknown, PresetBroken
from studio.settings import Settings
from studio.shelf.dropped import Dropped, dropped
from studio.shelf.loras import LoraCard, layers_that_fit, lora_files, read_lora_card
from studio.shelf.models import ModelCard, read_model_card

__all__ = ["LoraCard", "ModelCard", "Shelf"]


class Shelf:
    """The models and LoRAs of one installation; looks at the disk each time it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: dict[tuple[Path, int, int, float], LoraCard] = {}
        self._read: dict[Path, tuple[tuple[int, int], ModelCard]] = {}
        self._fits: dict[tuple[LoraCard, Path], int] = {}

    def models(self) -> list[ModelCard]:
        """Every model with a readable card, downloaded or not, and those that lie in models/weights without one;
        by name with Storybook first."""
        cards = self._carded()
        cards += self._dropped(cards).cards
        return sorted(cards, key=lambda card: (card.name != "storybook", card.name))

    def unknown_models(self) -> list[ModelUnknown]:
        """What lies in models/weights, looks like a model and can't be used, with the reason."""
        return self._dropped(self._carded()).unknown

    def broken_cards(self) -> list[PresetBroken]:
        """What is wrong with the cards that `models` leaves out."""
        return [card for card in map(self._model, self._card_files()) if isinstance(card, PresetBroken)]

    def model(self, name: str) -> ModelCard:
        """The card of a model whose weights are all here and whole.

        Raises ModelMissing, ModelNotHere, WeightsMissing, WeightsBroken or PickleRefused otherwise."""
        cards = {card.name: card for card in self.models()}
        if name not in cards:
            raise ModelMissing("model", name=_short(name), known=", ".join(cards) or "-")
        cards[name].check()
        return cards[name]

    def loras(self) -> list[LoraCard]:
        """Every LoRA file under the LoRA folder, by name; files that can't be used say so in `broken`."""
        return [self._lora(name, file) for name, file in lora_files(self._settings.loras_dir).items()]

    def lora(self, name: str, allow_path: bool = False) -> LoraCard:
        """The card of a usable LoRA; with `allow_path` the name may also be the path of a file anywhere.

        Raises LoraMissing, or what keeps the file from being used: LoraBroken, LoraHoldsCode, LoraKindUnknown."""
        file = lora_files(self._settings.loras_dir).get(name)
        if file is None and allow_path and os.path.isfile(name):  # which a name too long to be one passes
            file = Path(name)
        if file is None:
            raise LoraMissing("loras", name=_short(name))
        card = self._lora(name, file)
        if card.broken is not None:
            raise type(card.broken)("loras", **card.broken.values)
        return card

    def _carded(self) -> list[ModelCard]:
        return [card for card in map(self._model, self._card_files()) if isinstance(card, ModelCard)]

    def _dropped(self, cards: list[ModelCard]) -> Dropped:
        broken = {file.stem for file in self._card_files()} - {card.name for card in cards}
        return dropped(self._settings.weights_dir, cards, broken)

    def layers_that_fit(self, lora: LoraCard, model: ModelCard) -> int | None:
        """How many of a usable LoRA's layers a model has; None while the model isn't here."""
        key = (lora, model.folder)
        if key not in self._fits:
            shapes = model.denoiser_shapes
            if not shapes:
                return None
            self._fits[key] = layers_that_fit(lora, shapes)
        return self._fits[key]

    def _card_files(self) -> list[Path]:
        return sorted((self._settings.models_dir / "cards").glob("*.toml"))

    def _model(self, file: Path) -> ModelCard | PresetBroken:
        """The card in a file, or what is wrong with it; read anew when the file has changed."""
        try:
            stat = file.stat()
            age = (stat.st_size, stat.st_mtime_ns)
            if file not in self._read or self._read[file][0] != age:
                self._read[file] = (age, read_model_card(file, self._settings.models_dir))
            return self._read[file][1]
        except OSError as error:
            return PresetBroken.because(f"models/cards/{file.name}", error)
        except PresetBroken as error:
            return error

    def _lora(self, name: str, file: Path) -> LoraCard:
        stat = file.stat()
        sidecar = file.with_suffix(".json")
        age = sidecar.stat().st_mtime if sidecar.is_file() else 0.0
        key = (file, stat.st_size, stat.st_mtime_ns, age)
        if key not in self._seen:
            self._seen[key] = read_lora_card(name, file)
        return self._seen[key]


def _short(name: str) -> str:
    return name if len(name) <= 80 else name[:79] + "…"
