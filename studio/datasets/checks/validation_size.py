"""Whether enough pictures are kept aside to measure progress, each of them once and as it is."""

from collections.abc import Iterator, Sequence

from studio.datasets.augment import SOURCE
from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Count, Finding, Fix, Inspection, about
from studio.datasets.checks.leak import split_again
from studio.datasets.entry import Entry
from studio.words import Said, Text

OPTIONAL_BELOW, WANTED_FROM = 20, 50
SHARE, LEAST, MOST = 0.1, 4, 64
NO_NEED = Text(
    "No validation pictures; with {all} pictures all are better spent on learning.",
    "没有验证图片；只有 {all} 张时，全部用来学习更划算。",
)
NONE_KEPT = Text(
    "No validation pictures: nobody will see whether it learns or memorises. {wanted} of {all} would do.",
    "没有验证图片：看不出是学会了还是死记硬背。{all} 张中留出 {wanted} 张即可。",
)
TOO_FEW = Text(
    "{count:validation picture makes|validation pictures make} a noisy measure; {wanted} were better.",
    "验证图片只有 {count} 张，数值会很不稳；{wanted} 张更好。",
)
TOO_MANY = Text(
    "{count} validation pictures: {wanted} measure as well, the others could be learnt from.",
    "验证图片有 {count} 张：{wanted} 张就够了，其余可以用来学习。",
)
VARIED = Text(
    "{count:validation picture is a varied copy|validation pictures are varied copies} ({which}); only real ones measure anything.",
    "{count} 张验证图片是增强副本（{which}）；只有真实图片才有衡量意义。",
)
REPEATED = Text(
    "{count:validation picture is|validation pictures are} repeated ({which}); once is enough to measure.",
    "{count} 张验证图片设置了重复（{which}）；衡量一次即可。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """The number kept aside against a tenth (4 to 64), or what the need asks for."""
    count, all = len(inspection.validation), len(inspection.usable)
    wanted = inspection.need.validation_count or min(max(round(SHARE * all), LEAST), MOST)
    told: dict[str, object] = {"count": Count(count), "all": all, "wanted": wanted}
    if not count and all:
        is_wanted = all >= WANTED_FROM or inspection.need.validation_count > 0
        said = Said(NO_NEED if all < OPTIONAL_BELOW and not is_wanted else NONE_KEPT, told)
        yield Finding("warning" if is_wanted else "note", said)
    elif 0 < count < min(wanted, LEAST):
        yield Finding("warning", Said(TOO_FEW, told))
    elif count > max(2 * wanted, MOST):
        yield Finding("note", Said(TOO_MANY, told))
    yield from about("warning", VARIED, filter(_is_varied, inspection.validation))
    yield from about("warning", REPEATED, (e for e in inspection.validation if e.repeats > 1))


def _is_varied(entry: Entry) -> bool:
    return bool(entry.provenance.parent) or entry.provenance.source == SOURCE


def _put_right(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Varied copies go back to training, repeats end; where it is only the number that is wrong, split again."""
    changes: dict[int, dict[str, object]] = {}
    for entry in map(catalogue.get, ids):
        if entry.split == "validation" and _is_varied(entry):
            changes[entry.id] = {"split": "train"}
        elif entry.split == "validation" and entry.repeats > 1:
            changes[entry.id] = {"repeats": 1}
    return catalogue.edit_many(changes, "split") if changes else split_again(catalogue, ids)


CHECK = Check(
    19,
    Text("Validation pictures", "验证图片"),
    Text(
        "A few pictures that are never learnt from tell learning from memorising; their loss needs at least a handful.",
        "留几张从不学习的图片，才能区分学会与死记硬背；数量太少则数值不稳。",
    ),
    look,
    Fix(Text("Put the validation part right", "调整验证部分"), _put_right),
    {
        "optional_below": OPTIONAL_BELOW, "wanted_from": WANTED_FROM, "share": SHARE, "least": LEAST, "most": MOST,
    },
)  # fmt: skip
