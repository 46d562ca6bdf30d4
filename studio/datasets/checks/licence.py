"""Whether the pictures may be used as the need says, and whether somebody has said that they may not."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, Level, about
from studio.datasets.entry import Entry
from studio.datasets.licences import Terms, terms_of
from studio.words import Text

FORBIDDING = ("LicenseRef-Unsplash", "LicenseRef-Pexels")
"""Terms that say in words that nothing is to be trained on the pictures."""
OPTED_OUT = Text(
    "{count:picture says in its file that it is|pictures say in their files that they are} not for training ({which}). Take them out, or tick that "
    "you have permission.",
    "{count} 张图片在文件中声明不得用于训练（{which}）。请移除，或勾选确认已获许可。",
)
FORBIDDEN = Text(
    "{count:picture comes|pictures come} under terms that forbid training: {licences} ({which}). Written permission is "
    "needed.",
    "{count} 张图片的条款禁止用于训练：{licences}（{which}）；需要书面许可。",
)
UNSTATED = Text(
    "{count:picture has|pictures have} no stated licence ({which}); fill it in for your own.",
    "{count} 张图片没有注明许可（{which}）；如果是你自己的，请填上。",
)
OWN_TERMS = Text(
    "{count:picture comes|pictures come} under terms of their own: {licences} ({which}). Read them.",
    "{count} 张图片有自己的条款：{licences}（{which}）；请自行阅读。",
)
NOT_COMMERCIAL = Text(
    "{count:picture may|pictures may} not be used commercially: {licences} ({which}).",
    "{count} 张图片不得商用：{licences}（{which}）。",
)
NOT_CHANGED = Text(
    "{count:picture may|pictures may} not be changed: {licences} ({which}). Whether a model is a change is not settled.",
    "{count} 张图片不得改编：{licences}（{which}）；模型算不算改编尚无定论。",
)
CREDITED = Text(
    "{count:picture wants|pictures want} to be credited ({which}); the export writes ATTRIBUTION.md.",
    "{count} 张图片要求署名（{which}）；导出时会写入 ATTRIBUTION.md。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Opt-outs always; licences as strictly as the use wants it."""
    entries, use = inspection.usable, inspection.need.use
    out = [entry for entry in entries if entry.measures and entry.measures.opt_out]
    for finding in about("error", OPTED_OUT, out):
        yield Finding(finding.level, finding.said, finding.pictures, must_acknowledge=True)
    yield from _under("warning", FORBIDDEN, entries, FORBIDDING.__contains__)
    outside: Level = "note" if use == "private" else "warning"
    yield from about(outside, UNSTATED, filter(_is_unstated, entries))
    yield from _under("note", OWN_TERMS, entries, _has_own_terms)
    if use == "commercial":
        yield from _under("warning", NOT_COMMERCIAL, entries, _forbids_business)
    if use != "private":
        yield from _under(
            "warning", NOT_CHANGED, entries, lambda name: terms_of(name) is Terms.NO_DERIVATIVES
        )
        credited = (Terms.ATTRIBUTION, Terms.SHARE_ALIKE)
        yield from _under("note", CREDITED, entries, lambda name: terms_of(name) in credited)


def _is_unstated(entry: Entry) -> bool:
    return terms_of(entry.provenance.license) is Terms.UNKNOWN


def _has_own_terms(licence: str) -> bool:
    return terms_of(licence) is Terms.CUSTOM and licence not in FORBIDDING


def _forbids_business(licence: str) -> bool:
    return terms_of(licence) is Terms.NON_COMMERCIAL or "-NC-" in licence


def _under(
    level: Level, text: Text, entries: Iterable[Entry], is_meant: Callable[[str], bool]
) -> Iterator[Finding]:
    """One finding about the pictures under licences that are meant."""
    counts = Counter(entry.provenance.license for entry in entries)
    meant = {licence for licence in counts if licence and is_meant(licence)}
    found = (entry for entry in entries if entry.provenance.license in meant)
    yield from about(level, text, found, licences=", ".join(sorted(meant)))


def _take_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    entries = map(catalogue.get, ids)
    return catalogue.delete([entry.id for entry in entries if entry.measures and entry.measures.opt_out])


CHECK = Check(
    29,
    Text("Licences and opt-outs", "许可与退出声明"),
    Text(
        "Whose pictures these are decides where the LoRA may be used; an opt-out in the file is a clear no.",
        "图片的归属决定 LoRA 能用在哪里；文件中的退出声明就是明确拒绝。",
    ),
    look,
    Fix(Text("Take out those that opted out", "移除声明退出的图片"), _take_out),
)
