"""What goes with a set that leaves the house: README.md, a dataset card as the Hugging Face Hub reads it, and
ATTRIBUTION.md, which names whoever wants to be named. Names, titles and addresses come from strangers: escaped, all."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from studio.dataset_requests import Need
from studio.datasets.entry import Entry
from studio.datasets.formats.format import Ready
from studio.datasets.licences import Terms, address_of, hub_id, most_restrictive, terms_of
from studio.words import Text

README, CREDITS = "README.md", "ATTRIBUTION.md"
_MOST_ROWS = 100
_MOST_LICENCES = 1000
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~@:$^=])")
_ENTITIES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}

CREDIT_NOTE = Text(
    "Pictures were turned upright, converted to sRGB, and where the set asks for it cut or scaled; nothing else was changed.",
    "图片经过扶正并转换为 sRGB，个别按数据集要求裁剪或缩放；此外未作改动。",
)
INTRO = Text(
    "{count} captioned pictures for training text-to-image models, put together with Inkstone Studio.",
    "{count} 张带说明的图片，用于训练文生图模型，由 Inkstone Studio 整理。",
)
EFFECTIVE = Text(
    "As a whole it is under the most restrictive of them: {license} ({terms}).",
    "整个数据集以其中最严格的许可为准：{license}（{terms}）。",
)


def escaped(words: str) -> str:
    """A stranger's words on one line of Markdown, as plain words."""
    plain = _SIGNS.sub(r"\\\1", " ".join(_CONTROL.sub(" ", words).split()))
    return plain.translate(_ENTITIES)


def linked(words: str, address: str) -> str:
    """Words that lead to an address of the web; to any other address they lead not."""
    plain = escaped(words) or "—"
    if not re.match(r"https?://[^\s/]", address) or _CONTROL.search(address) or " " in address:
        return plain
    safe = re.sub(r"[<>()\[\]\\\"'`|]", lambda found: f"%{ord(found.group()):02X}", address)
    return f"[{plain}](<{safe}>)"


def wants_credit(entry: Entry) -> bool:
    """Whether a picture's maker wants to be named, or, where no licence is stated, is known at least."""
    told = entry.provenance
    terms = terms_of(told.license)
    if terms is Terms.UNKNOWN:
        return bool(told.author or told.attribution or told.source_url)
    return terms is not Terms.PUBLIC_DOMAIN


class Account:
    """Counts what goes into an export as it goes, and writes its credits line by line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._credits: IO[str] | None = None
        self.count = 0
        self.ai_generated = 0
        self.sides: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.captions: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.addresses: dict[str, str] = {}

    def add(self, ready: Ready) -> None:
        """Take a picture into account."""
        entry, told = ready.entry, ready.entry.provenance
        self.count += 1
        self.ai_generated += told.ai_generated
        self.sides[ready.split] += 1
        is_known = told.license in self.licences or len(self.licences) < _MOST_LICENCES
        self.licences[told.license if is_known else "LicenseRef-Various"] += 1
        if is_known and told.license_url:
            self.addresses.setdefault(told.license, told.license_url)
        self.captions[(entry.caption_source or "unknown")[:80] if entry.caption.strip() else "none"] += 1
        self.sources[told.source or "unknown"] += 1
        self.languages["zh"] += bool(_CHINESE.search(entry.caption))
        self.languages["en"] += bool(_LATIN.search(entry.caption))
        if wants_credit(entry):
            self._credit(ready)

    def close(self) -> None:
        """Complete the credits."""
        if self._credits is not None:
            self._credits.close()

    def address(self, licence: str) -> str:
        """Where a licence is to be read, as far as anybody said."""
        return self.addresses.get(licence) or address_of(licence)

    @property
    def has_credits(self) -> bool:
        """Whether somebody wants to be named."""
        return self._credits is not None

    def _credit(self, ready: Ready) -> None:
        if self._credits is None:
            self._credits = (self._folder / CREDITS).open("w", encoding="utf-8", newline="\n")
            self._credits.write(f"# Attribution · 署名\n\n{CREDIT_NOTE.en}\n\n{CREDIT_NOTE.zh}\n\n")
        told = ready.entry.provenance
        title = linked(ready.entry.name or told.source_id or ready.name, told.source_url)
        licence = linked(told.license, told.license_url or address_of(told.license))
        by = f", {escaped(told.author)}" if told.author else ""
        wording = f" · {escaped(told.attribution)}" if told.attribution else ""
        self._credits.write(f"- {escaped(ready.name)}: {title}{by}, {licence}{wording}\n")


@contextmanager
def account(folder: Path) -> Iterator[Account]:
    """An account of an export into `folder`."""
    opened = Account(folder)
    try:
        yield opened
    finally:
        opened.close()


def readme(counted: Account, need: Need, name: str, left_out: int = 0) -> str:
    """The dataset card of an export."""
    parts = [_front(counted, name), f"# {escaped(name)}", INTRO.en.format(count=counted.count)]
    parts += [INTRO.zh.format(count=counted.count)]
    parts += [_table(("Split · 划分", "Pictures · 图片"), counted.sides.most_common())]
    parts += ["## Need · 用途", _need(need)]
    parts += ["## Licences · 许可", _licences(counted)]
    if counted.has_credits:
        parts += [f"Credits · 署名: [{CREDITS}]({CREDITS})"]
    parts += [
        "## Captions · 说明的来源",
        _table(("Made by · 来自", "Pictures · 图片"), counted.captions.most_common()),
    ]
    parts += [
        "## Sources · 图片来源",
        _table(("From · 来源", "Pictures · 图片"), counted.sources.most_common()),
    ]
    parts += [f"AI-generated · AI 生成: {counted.ai_generated}"]
    if left_out:
        parts += [f"Left out because they can't be read · 因无法读取而略去: {left_out}"]
    return "\n\n".join(parts) + "\n"


def _front(counted: Account, name: str) -> str:
    """The YAML that the Hub reads; strings as JSON writes them, which is YAML too."""
    licences = sorted({hub_id(licence) for licence in counted.licences})
    lines = _listed("license", licences)
    others = [licence for licence in counted.licences if hub_id(licence) == "other"]
    if others:
        known = re.sub(r"[^a-z0-9.]+", "-", others[0].lower()).strip("-")
        link = counted.address(others[0]) if len(others) == 1 else ""
        lines += [f"license_name: {_quoted(known if len(others) == 1 else 'several')}"]
        lines += [f"license_link: {_quoted(link if link.startswith('http') else README)}"]
    lines += [f"pretty_name: {_quoted(name)}"]
    lines += _listed("language", [key for key, count in sorted(counted.languages.items()) if count])
    lines += _listed("size_categories", [_size(counted.count)])
    lines += _listed("task_categories", ["text-to-image"])
    return "\n".join(["---", *lines, "---"])


def _listed(key: str, values: list[str]) -> list[str]:
    return [f"{key}:", *(f"- {_quoted(value)}" for value in values)] if values else []


def _quoted(words: str) -> str:
    return json.dumps(" ".join(_CONTROL.sub(" ", words).split()), ensure_ascii=False)


def _size(count: int) -> str:
    return next((name for most, name in _SIZES if count < most), "10M<n<100M")


def _need(need: Need) -> str:
    told = Need.settings()
    rows = [
        (f"{told[key].label.en} · {told[key].label.zh}", value)
        for key, value in need.to_dict().items()
        if value not in ("", 0)
    ]
    return _table(("", ""), rows)


def _licences(counted: Account) -> str:
    rows = [
        f"| {linked(licence, counted.address(licence))} | {count} | {_terms(licence)} |"
        for licence, count in counted.licences.most_common(_MOST_ROWS)
    ]
    worst = most_restrictive(counted.licences)
    words = terms_of(worst).words
    effective = [EFFECTIVE.say(language, license=escaped(worst), terms=words) for language in ("en", "zh")]
    return (
        "\n".join(["| Licence · 许可 | Pictures · 图片 | |", "|---|---:|---|", *rows])
        + "\n\n"
        + "\n\n".join(effective)
    )


def _terms(licence: str) -> str:
    words = terms_of(licence).words
    return f"{words.en} · {words.zh}"


def _table(head: tuple[str, str], rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"| {escaped(key)} | {escaped(str(value))} |" for key, value in list(rows)[:_MOST_ROWS]]
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---:|", *lines])
