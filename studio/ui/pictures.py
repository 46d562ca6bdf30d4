"""Pictures on their way to the browser: the studio's own files and no others, byte for byte as they were saved.

gradio serves what lies in its cache. Saved pictures are copied there one by one; the output folder itself is never
opened to the browser (`allowed_paths` would serve its index and every file that somebody puts there)."""

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from studio.history import Entry
from studio.ui.speech import Speech
from studio.words import Language

Shown = tuple[str, str]
"""The file that the browser gets, and its caption."""


def served(file: Path) -> str:
    """The place of a picture's copy from which the browser gets it."""
    return str(save_file_to_cache(file, str(Path(get_upload_folder()).resolve())))


def forget(file: Path) -> None:
    """Take a picture's copy away again."""
    if file.is_file():
        Path(served(file)).unlink(missing_ok=True)


def shown(entries: list[Entry], speech: Speech, language: Language) -> list[Shown]:
    """Full pictures with captions that also serve screen readers."""
    return [(served(entry.file), caption(entry, speech, language)) for entry in entries]


def thumbnails(entries: list[Entry]) -> list[Shown]:
    """Small pictures, captioned by the beginning of their prompts."""
    return [(served(entry.thumbnail), _short(entry.request.prompt) or f"{entry.seed}") for entry in entries]


def caption(entry: Entry, speech: Speech, language: Language) -> str:
    """A picture in a line: seed, LoRAs, prompt."""
    loras = ", ".join(f"{use.name} {use.weight:g}" for use in entry.request.loras if use.on)
    words = [speech.say(language, "caption.seed", seed=entry.seed), loras, _short(entry.request.prompt)]
    return " · ".join(word for word in words if word)


def _short(words: str, most: int = 60) -> str:
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"
