"""What each list offers, in the reader's language: (label, value) pairs, with the reason beside what can't be used."""

from collections.abc import Collection
from math import gcd

from studio.engine.device import PRECISIONS
from studio.engine.plan import MODES
from studio.errors import StudioError
from studio.families import families
from studio.origin import title_of
from studio.presets import Style, styles_for
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES
from studio.shelf import LoraCard, ModelCard
from studio.studio import Studio
from studio.ui.speech import Speech
from studio.words import Language

Pairs = list[tuple[str, str]]


class Choices:
    """The lists of the Generate tab, read from shelf, presets and schedulers each time they are asked for."""

    def __init__(self, studio: Studio, speech: Speech) -> None:
        self._studio = studio
        self._speech = speech

    def of(self, field: str, language: Language) -> Pairs:
        """The pairs of a request's field."""
        match field:
            case "model":
                return [(self._model(card, language), card.name) for card in self._studio.shelf.models()]
            case "sampler":
                return [(sampler.label.say(language), name) for name, sampler in SAMPLERS.items()]
            case "schedule":
                return [(schedule.label.say(language), name) for name, schedule in SCHEDULES.items()]
            case "styles":
                return [(style.title.say(language), name) for name, style in self._styles().items()]
            case "memory":
                return [(told.say(language), name) for name, told in MODES.items()]
            case _:
                return [(told.say(language), name) for name, told in PRECISIONS.items()]

    def labels(self, field: str, language: Language) -> dict[str, str]:
        """What each value of a field is called."""
        return {value: label for label, value in self.of(field, language)}

    def presets(self, language: Language) -> Pairs:
        """The usable presets."""
        presets = self._studio.presets.generate().values()
        return [(preset.title.say(language), preset.name) for preset in presets if preset.broken is None]

    def styles(self, language: Language, model: str, chosen: Collection[str] = ()) -> Pairs:
        """The styles whose words a model knows, and those that are chosen already."""
        fits = styles_for(model, self._styles())
        return [
            (label, name) for label, name in self.of("styles", language) if name in fits or name in chosen
        ]

    def troubles(self, language: Language) -> dict[str, str]:
        """What can't be offered because its file is broken: a sentence for each list that is short of something."""
        presets = [preset.broken for preset in self._studio.presets.generate().values() if preset.broken]
        told = {"presets": " ".join(broken.say(language) for broken in presets)}
        told["model"] = " ".join(card.say(language) for card in self._studio.shelf.broken_cards())
        try:
            self._studio.presets.styles()
        except StudioError as error:
            told["styles"] = error.say(language)
        return {name: sentence for name, sentence in told.items() if sentence}

    def loras(self, language: Language, model: str) -> Pairs:
        """Every LoRA; one that doesn't fit the model stays in the list and says why."""
        none = (self._speech.say(language, "loras.none"), "")
        return [none, *((self._lora(card, language, model), card.name) for card in self.cards())]

    def cards(self) -> list[LoraCard]:
        """Every LoRA file there is."""
        return self._studio.shelf.loras()

    def misfit(self, card: LoraCard, language: Language, model: str) -> str:
        """Why a LoRA can't be used with a model, in a few words; empty when it can, as far as its header tells."""
        if card.broken is not None:
            reason = (
                card.broken.values.get("reason")
                or card.broken.values.get("kind")
                or card.broken.values["what"]
            )
            return self._speech.say(language, "loras.broken", reason=reason)
        family = self.family(model)
        fits = {card.family} if card.family else card.fits
        if family and fits and family not in fits:
            made_for = card.made_for or " / ".join(sorted(title_of(each) for each in fits))
            return self._speech.say(language, "loras.misfit", made_for=made_for)
        if card.layers and self._fitting(card, model) == 0:
            return self._speech.say(language, "loras.fits_nothing")
        return ""

    def facts(self, card: LoraCard, language: Language, model: str) -> str:
        """What a usable LoRA holds, in one line: layers that this model has, rank, strength, family."""
        if card.broken is not None:
            return ""
        fitting = self._fitting(card, model)
        total = card.layers + card.left_out
        told = [
            self._speech.say(
                language, "loras.layers", matched=total if fitting is None else fitting, total=total
            ),
            self._speech.say(language, "loras.rank", rank=card.rank),
            self._speech.say(language, "loras.strength", strength=f"{card.strength:.2f}")
            if card.strength is not None
            else self._speech.say(language, "loras.strength.unknown"),
            title_of(card.family) if card.family else " / ".join(sorted(map(title_of, card.fits))),
            self._speech.say(language, "loras.texts", count=card.text_layers) if card.text_layers else "",
        ]
        return self._speech.say(language, "loras.comma").join(part for part in told if part)

    def _fitting(self, card: LoraCard, model: str) -> int | None:
        """How many of a LoRA's layers a model has, where that can be told."""
        own = self.card(model)
        return self._studio.shelf.layers_that_fit(card, own) if own else None

    def family(self, model: str) -> str:
        """The family of a model, or nothing when there is no such model."""
        card = self.card(model)
        return card.family if card else ""

    def card(self, model: str) -> ModelCard | None:
        """The card of a model, present or not."""
        return next((card for card in self._studio.shelf.models() if card.name == model), None)

    def sizes(self, model: str) -> Pairs:
        """The sizes a model was trained at, as aspect and "width x height"."""
        card = self.card(model)
        sizes = card.sizes if card else ()
        return [(aspect(width, height), f"{width}x{height}") for width, height in sizes]

    def about(self, model: str, language: Language) -> str:
        """One line on a model: its licence and, when it can't be used yet, what is missing."""
        card = self.card(model)
        if card is None:
            return ""
        try:
            card.check()
        except StudioError as error:
            return error.say(language)
        family = families().get(card.family)
        title = family.title.say(language) if family else card.family
        return self._speech.say(language, "model.about", about=card.about, family=title, licence=card.licence)

    def _model(self, card: ModelCard, language: Language) -> str:
        title = card.title.say(language)
        return title if card.is_present else self._speech.say(language, "model.absent", title=title)

    def _lora(self, card: LoraCard, language: Language, model: str) -> str:
        reason = self.misfit(card, language, model)
        return f"{card.title} — {reason}" if reason else card.title

    def _styles(self) -> dict[str, Style]:
        try:
            return self._studio.presets.styles()
        except StudioError:
            return {}


def aspect(width: int, height: int) -> str:
    """A size as its proportion with a little drawing of it: "▭ 5:3"."""
    shared = gcd(width, height)
    across, down = width // shared, height // shared
    if max(across, down) > 21:
        across, down = round(9 * width / max(width, height)), round(9 * height / max(width, height))
    shape = "□" if width == height else "▭" if width > height else "▯"
    return f"{shape} {across}:{down}"
