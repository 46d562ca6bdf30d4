"""Whether every file opens as a picture, to its last row."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.measure import FAULTS
from studio.words import Text

FORMAT_FAULT, GONE_FAULT = "format", "missing"
"""The faults that other checks speak of."""
NOT_LOOKED_AT = Text(
    "{count:picture was|pictures were} not looked at yet ({which}); check again.",
    "有 {count} 张图片还没有查看过（{which}）；请再检查一次。",
)
FAULTY = Text(
    "{count:file|files} can't be used ({which}): {reason}", "{count} 张无法使用（{which}）：{reason}"
)


def look(seen: Inspection) -> Iterator[Finding]:
    """Files that are broken, cut short, too large or too small to be used."""
    for fault in sorted(FAULTS.keys() - {FORMAT_FAULT, GONE_FAULT}):
        of = [entry for entry in seen.entries if entry.measures and entry.measures.fault == fault]
        yield from about("error", FAULTY, of, reason=FAULTS[fault])
    unseen = [
        entry for entry in seen.entries if not entry.measures or not (entry.measures.fault or entry.size[0])
    ]
    yield from about("error", NOT_LOOKED_AT, unseen)


def take_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Take out those whose files can't be used, whatever the reason."""
    entries = map(catalogue.get, ids)
    return catalogue.delete([entry.id for entry in entries if entry.measures and entry.measures.fault])


CHECK = Check(
    1,
    Text("Files open", "文件可以打开"),
    Text(
        "A file that was cut short looks fine from outside and stops a training in the middle, so each one is read to "
        "its end.",
        "不完整的文件从外面看不出来，却会让训练中途停下，所以每个文件都会读到最后。",
    ),
    look,
    Fix(Text("Take out unusable files", "移除无法使用的文件"), take_out),
)
