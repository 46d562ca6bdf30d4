"""Whether every file is where the list says, and every name is safe and its own on any system."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.checks.decodes import GONE_FAULT
from studio.datasets.entry import Entry
from studio.datasets.names import MOST_NAME_BYTES, clean_name, folded_names, unique_name
from studio.words import Text

_RESERVED = re.compile(r"(^|[/\\])(con|prn|aux|nul|com\d|lpt\d)(\.|[/\\]|$)", re.IGNORECASE)
_OUTSIDE = re.compile(r"^[/\\]|(^|[/\\])\.\.([/\\]|$)")
_REFUSED = re.compile('[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"|?*\\\\]')
"""Control characters, those that turn the direction of writing, and what Windows refuses."""

GONE = Text(
    "{count:file is|files are} gone from the dataset's folder ({which}).",
    "数据集文件夹中缺少 {count} 张图片的文件（{which}）。",
)
UNSAFE = Text(
    "{count:name|names} can't be used everywhere (way out of the folder, hidden or reserved characters, too long): "
    "{which}.",
    "{count} 个文件名不能通用（指向文件夹之外、含隐藏或保留字符，或过长）：{which}。",
)
SAME = Text(
    "{count:picture shares|pictures share} a name with another one where capitals and accents don't count ({which}); "
    "on Windows and macOS one would overwrite the other.",
    "{count} 张图片与其他图片重名，不计大小写和重音写法（{which}）；在 Windows 和 macOS 上会互相覆盖。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Files that are gone; unsafe names; names that are one and the same on some systems."""
    yield from about("error", GONE, (e for e in inspection.entries if _is_gone(e, inspection.root)))
    yield from about("error", UNSAFE, (e for e in inspection.entries if is_unsafe(e.name)))
    yield from about("error", SAME, _same(inspection.entries))


def _is_gone(entry: Entry, root: Path | None) -> bool:
    if root is None:
        return entry.measures is not None and entry.measures.fault == GONE_FAULT
    return not os.path.isfile(os.path.join(root, entry.file))


def is_unsafe(name: str) -> bool:
    """Whether a name leads out of its folder, hides characters, or can't be kept on every system."""
    return bool(_OUTSIDE.search(name) or _REFUSED.search(name) or _RESERVED.search(name)) or _is_long(name)


def _is_long(name: str) -> bool:
    """Whether a part of the path has more bytes than disks take."""
    if 4 * len(name) <= MOST_NAME_BYTES:
        return False
    return any(len(part.encode(errors="replace")) > MOST_NAME_BYTES for part in name.split("/"))


def _folded(name: str) -> str:
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _same(entries: Iterable[Entry]) -> list[Entry]:
    by_name: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_name[_folded(entry.name)].append(entry)
    return [entry for same in by_name.values() if len(same) > 1 for entry in same]


def _rename(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Give these a plain name of their own; those whose file is gone are taken out."""
    taken = folded_names([name for (name,) in catalogue.columns(["name"])])
    changes: dict[int, dict[str, object]] = {}
    for entry in map(catalogue.get, ids):
        if not entry.path(catalogue.root).is_file():
            changes[entry.id] = {"is_deleted": True}
        else:
            changes[entry.id] = {"name": unique_name(clean_name(entry.name), taken)}
    return catalogue.edit_many(changes, "name")


CHECK = Check(
    5,
    Text("File names", "文件名"),
    Text(
        "A name that leads elsewhere, or that two pictures share on some systems, ends as a lost picture or worse.",
        "指向别处的文件名，或在某些系统上会重名的文件名，轻则丢图，重则更糟。",
    ),
    look,
    Fix(Text("Give them plain names of their own", "改成各不相同的普通文件名"), _rename),
    {"most_name_bytes": MOST_NAME_BYTES},
)
