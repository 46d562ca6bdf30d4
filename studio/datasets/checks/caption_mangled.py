"""Whether captions come out of a CSV file as the words that went in."""

import re
from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.entry import Entry
from studio.words import Text

EMPTY_WORDS = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""What pandas takes for an empty cell (`pandas.read_csv`, na_values)."""
_OTHER_VALUE = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)|true|false", re.IGNORECASE
)
_CHINESE = re.compile("[\u3400-\u9fff]")
EMPTIED = Text(
    "{count:caption is a word|captions are words} that CSV readers take for an empty cell ({which}): '{caption}'.",
    "{count} 条说明会被 CSV 读取程序当成空值（{which}）：“{caption}”。",
)
NUMBERS = Text(
    "{count:caption is a number|captions are numbers} ({which}): '{caption}'; CSV readers make values of that instead of words.",
    "{count} 条说明是数字（{which}）：“{caption}”；CSV 读取程序会把它们变成数值。",
)


def is_mangled(caption: str) -> bool:
    """Whether a CSV reader would make something else of these words."""
    words = caption.strip()
    return words in EMPTY_WORDS or bool(_OTHER_VALUE.fullmatch(words))


def look(inspection: Inspection) -> Iterator[Finding]:
    """Captions like NA, null or 12."""
    mangled = [entry for entry in inspection.usable if is_mangled(entry.caption)]
    emptied = [entry for entry in mangled if entry.caption.strip() in EMPTY_WORDS]
    numbers = [entry for entry in mangled if entry.caption.strip() not in EMPTY_WORDS]
    for text, found in ((EMPTIED, emptied), (NUMBERS, numbers)):
        yield from about("error", text, found, caption=found[0].caption.strip() if found else "")


def _spell_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Put "a picture of" around such captions, in Chinese where the set speaks Chinese."""
    captions = [caption for (caption,) in catalogue.columns(["caption"])]
    is_chinese = 2 * sum(bool(_CHINESE.search(caption)) for caption in captions) > len(captions)
    frame = "{}的图片" if is_chinese else "a picture of {}"

    def spelt(entry: Entry) -> dict[str, str]:
        return {"caption": frame.format(entry.caption.strip())} if is_mangled(entry.caption) else {}

    return catalogue.rewrite(ids, spelt, "caption")


CHECK = Check(
    4,
    Text("Captions survive CSV", "说明能被 CSV 正确读取"),
    Text(
        "Most trainers read captions with pandas, which turns NA, null and None into nothing and 12 into a number.",
        "多数训练程序用 pandas 读取说明，NA、null、None 会变成空值，12 会变成数字。",
    ),
    look,
    Fix(Text("Write 'a picture of' before them", "补成“…的图片”"), _spell_out),
)
