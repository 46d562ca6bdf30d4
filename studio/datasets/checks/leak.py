"""Whether a picture to learn from has a twin among those kept aside."""

from collections import Counter
from collections.abc import Iterator, Sequence

from studio.dataset_requests import SplitRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about, share
from studio.datasets.entry import Entry
from studio.datasets.query import Query
from studio.datasets.split import leaks, split
from studio.words import Text

MOST_SHARE, USUAL_SHARE = 0.5, 0.1
LEAKED = Text(
    "{count} of {all} validation pictures have a twin among the training pictures ({which}): the validation "
    "loss would only show what was learnt by heart.",
    "{all} 张验证图片中有 {count} 张在训练图片里有近似的（{which}）：验证损失只会反映死记硬背的程度。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Validation pictures that are in the training part too, mirrored, cut or varied."""
    if not inspection.validation or not inspection.train:
        return
    twins = {id for pair in leaks(_candidates(inspection)) for id in pair}
    leaked = [entry for entry in inspection.validation if entry.id in twins]
    yield from about("error", LEAKED, leaked, all=len(inspection.validation))


def _candidates(inspection: Inspection) -> Iterator[Entry]:
    """The few pictures that can have a twin at all: those in a group of look-alikes, of one origin, or of one caption."""
    alike = {id for group in inspection.alike for id in group}
    captions = Counter(_words(entry) for entry in inspection.usable)
    parents = {entry.provenance.parent for entry in inspection.usable}
    for entry in inspection.usable:
        origin = entry.provenance
        is_related = origin.parent or origin.series or entry.sha256 in parents
        if is_related or entry.id in alike or captions[_words(entry)] > 1:
            yield entry


def _words(entry: Entry) -> str:
    return " ".join(entry.caption.lower().split())


def split_again(catalogue: Catalogue, ids: Sequence[int]) -> int:
    """Split by groups of pictures that look alike, as many kept aside as the need says, or as there are now."""
    wanted = catalogue.need.validation_count
    kept = set(catalogue.ids(Query(split="validation")))
    part = share(len(kept), catalogue.count()) or USUAL_SHARE
    request = SplitRequest(validation_share=round(min(part, MOST_SHARE), 4), validation_count=wanted)
    split(catalogue, request)
    return len(kept ^ set(catalogue.ids(Query(split="validation"))))


CHECK = Check(
    6,
    Text("Validation is unseen", "验证图片未被学过"),
    Text(
        "A picture and its near-duplicate on both sides of the split make a model look better than it is.",
        "近似的图片分在训练和验证两边，会让模型看起来比实际更好。",
    ),
    look,
    Fix(Text("Split again, look-alikes together", "重新划分，近似的放在一起"), split_again),
)
