"""Whether captions are in one language and came through their files as they were written."""

import re
from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, share
from studio.datasets.checks.mojibake import is_garbled, repaired
from studio.datasets.entry import Entry
from studio.words import Text

LEAST_MIXED = 0.05
LEAST_TAGS = 3
_HAN = re.compile("[\u3400-\u9fff]")
_MARK = re.compile("[\ufeff\u200b]")
MIXED = Text(
    "{count:caption is|captions are} in {language}, the others are not ({which}). One language teaches faster.",
    "{count} 条说明是{language}，其余不是（{which}）。统一用一种语言学得更快。",
)
ENGLISH, CHINESE = Text("English", "英文"), Text("Chinese", "中文")
GARBLED = Text(
    "{count:caption was|captions were} read in the wrong encoding ({which}): '{caption}'.",
    "{count} 条说明因编码读错成了乱码（{which}）：“{caption}”。",
)
MARKED = Text(
    "{count:caption holds|captions hold} invisible marks (BOM) ({which}); they count as letters.",
    "{count} 条说明含有不可见字符（BOM）（{which}）；它们会被当成文字。",
)
WIDE = Text(
    "{count:caption parts its tags|captions part their tags} by full-width commas ({which}); trainers that shuffle tags look for ','.",
    "{count} 条标签式说明使用全角逗号（{which}）；会打乱标签的训练程序只认半角逗号。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Wrong encodings, invisible marks, full-width commas between English tags, two languages."""
    captioned = [entry for entry in inspection.usable if entry.caption.strip()]
    unusual = [entry for entry in captioned if not entry.caption.isascii()]
    garbled = [entry for entry in unusual if is_garbled(entry.caption)]
    told = garbled[0].caption.strip()[:60] if garbled else ""
    yield from about("warning", GARBLED, garbled, caption=told)
    yield from about("warning", MARKED, (e for e in unusual if _MARK.search(e.caption)))
    yield from about("warning", WIDE, (e for e in unusual if _has_wide_commas(e.caption)))
    yield from _mixed(captioned, {entry.id for entry in garbled})


def _mixed(captioned: Sequence[Entry], garbled: set[int]) -> Iterator[Finding]:
    whole = [entry for entry in captioned if entry.id not in garbled]
    chinese = [entry for entry in whole if _HAN.search(entry.caption)]
    if min(share(len(chinese), len(whole)), 1 - share(len(chinese), len(whole))) < LEAST_MIXED:
        return
    if 2 * len(chinese) <= len(whole):
        yield from about("warning", MIXED, chinese, language=CHINESE)
    else:
        there = {entry.id for entry in chinese}
        yield from about("warning", MIXED, (e for e in whole if e.id not in there), language=ENGLISH)


def _has_wide_commas(caption: str) -> bool:
    return "，" in caption and not _HAN.search(caption) and len(caption.split("，")) >= LEAST_TAGS


def tidied(caption: str) -> str:
    """The caption in its right encoding where that is certain, without invisible marks, with plain commas between
    English tags."""
    whole = _MARK.sub("", repaired(caption))
    if _has_wide_commas(whole):
        whole = ", ".join(tag.strip() for tag in whole.split("，") if tag.strip())
    return whole


def _tidy(catalogue: Catalogue, ids: Sequence[int]) -> int:
    return catalogue.rewrite(ids, lambda entry: {"caption": tidied(entry.caption)}, "tidy")


CHECK = Check(
    24,
    Text("Language and letters", "语言与编码"),
    Text(
        "Captions in two languages, or in letters that nobody wrote, split what is learnt in halves.",
        "说明混用两种语言或出现乱码，会把学到的内容拆散。",
    ),
    look,
    Fix(Text("Tidy: repair letters, marks, commas", "整理：修复乱码、不可见字符和逗号"), _tidy),
    {"least_mixed": LEAST_MIXED, "least_tags": LEAST_TAGS},
)
