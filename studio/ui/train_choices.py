"""What the lists of the Train tab offer: models that can learn, presets, and the picture folders that are known."""

from pathlib import Path

from studio.families import families
from studio.runs import Runs
from studio.studio import Studio
from studio.ui.speech import Speech
from studio.words import Language

Pairs = list[tuple[str, str]]
MOST_SETS = 30


class TrainChoices:
    """The lists, read from the disk each time they are asked for."""

    def __init__(self, studio: Studio, speech: Speech, runs: Runs) -> None:
        self._studio, self._speech, self._runs = studio, speech, runs

    @property
    def sets_dir(self) -> Path:
        """Where picture folders are put that were made on the page."""
        return self._studio.settings.output_dir / "datasets"

    def models(self, language: Language) -> Pairs:
        """The models of families that are known, downloaded or not."""
        known = families()
        pairs = []
        for card in self._studio.shelf.models():
            if card.family in known:
                title = card.title.say(language)
                told = title if card.is_present else self._speech.say(language, "model.absent", title=title)
                pairs.append((told, card.name))
        return pairs

    def presets(self, language: Language) -> Pairs:
        """The usable presets; one whose model isn't here says so."""
        models = {card.name: card for card in self._studio.shelf.models()}
        pairs = []
        for preset in self._studio.presets.train().values():
            if preset.broken is None:
                card, title = models.get(preset.values.get("model", "storybook")), preset.title.say(language)
                is_here = card is not None and card.is_present
                told = title if is_here else self._speech.say(language, "train.presets.absent", title=title)
                pairs.append((told, preset.name))
        return pairs

    def troubles(self, language: Language) -> str:
        """What keeps broken presets out of the list; empty when none is."""
        broken = [preset.broken for preset in self._studio.presets.train().values() if preset.broken]
        return " ".join(said.say(language) for said in broken)

    def sets(self) -> Pairs:
        """Folders made on the page, the newest first, then those of earlier runs: by their name, as their path."""
        if not self._studio.settings.may_import_paths:
            return []
        made = [path for path in self.sets_dir.glob("[!.]*") if (path / "train").is_dir()]
        paths = sorted(made, key=lambda path: path.stat().st_mtime, reverse=True)
        paths += [Path(view.request.dataset_path) for view in self._runs.list() if not view.broken]
        there = [str(path) for path in paths if path.is_dir()]
        return [(path, path) for path in dict.fromkeys(there)][:MOST_SETS]
