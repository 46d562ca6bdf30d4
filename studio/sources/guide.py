"""The source guide: places where pictures can be had, their terms in plain words, and what of ours serves them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.words import Text

Training = Literal["yes", "conditions", "no"]

ANSWERS: dict[Training, Text] = {
    "yes": Text("May be used for training", "可用于训练"),
    "conditions": Text("May be used for training under conditions", "有条件地可用于训练"),
    "no": Text("Must not be used for training", "不可用于训练"),
}
"""What each answer to "may I train on it?" means in words."""

_FILE = Path(__file__).with_name("guide.toml")


@dataclass(frozen=True)
class GuideEntry:
    """A place. `source` is the source of ours that serves it ("" when none does), `where` what to write into its form;
    `instead` is the source to take when the terms forbid training."""

    name: str
    what: Text
    terms: Text
    training: Training
    link: str
    source: str = ""
    where: str = ""
    instead: str = ""


def guide(words: str = "") -> list[GuideEntry]:
    """The places that all these words, of either language, speak of, as far as we know them; all without words."""
    entries = [_entry(told) for told in tomllib.loads(_FILE.read_text("utf-8"))["place"]]
    wanted = words.casefold().split()
    return [entry for entry in entries if all(word in _spoken(entry) for word in wanted)]


def _entry(told: dict[str, Any]) -> GuideEntry:
    rest = {key: value for key, value in told.items() if not key.endswith(("_en", "_zh"))}
    return GuideEntry(
        what=Text(told["what_en"], told["what_zh"]), terms=Text(told["terms_en"], told["terms_zh"]), **rest
    )


def _spoken(entry: GuideEntry) -> str:
    answer = ANSWERS[entry.training]
    parts = (entry.name, entry.what.en, entry.what.zh, entry.terms.en, entry.terms.zh, answer.en, answer.zh)
    return "\n".join((*parts, entry.source, entry.where)).casefold()
