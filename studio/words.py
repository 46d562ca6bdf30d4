"""A sentence in the two languages that the studio speaks."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Text:
    """The same words in English and in Chinese; both may hold the same `{placeholders}`."""

    en: str
    zh: str

    def say(self, language: Language = "en", /, **values: object) -> str:
        """The words in one language, with the placeholders filled in; a Text or Said among the values speaks it too."""
        words = self.zh if language == "zh" else self.en
        spoken = {k: v.say(language) if isinstance(v, Text | Said) else v for k, v in values.items()}
        return words.format(**spoken) if values else words


@dataclass(frozen=True)
class Said:
    """A Text together with what fills its placeholders: what travels when a sentence is still without a reader."""

    text: Text
    values: dict[str, object]

    def say(self, language: Language = "en", /) -> str:
        """The finished sentence in one language."""
        return self.text.say(language, **self.values)
