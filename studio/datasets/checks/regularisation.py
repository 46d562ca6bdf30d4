"""Whether regularisation pictures keep away from what is learnt."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.duplicates import DUPLICATE_BITS
from studio.datasets.formats.kohya import REGULARISATION
from studio.words import Text

TRIGGERED = Text(
    "{count:regularisation picture has|regularisation pictures have} the trigger word in the caption ({which}); the class must be "
    "shown without it.",
    "{count} 张正则化图片的说明里有触发词（{which}）；它们应当只代表类别，不含触发词。",
)
TWINS = Text(
    "{count:regularisation picture is a near-duplicate|regularisation pictures are near-duplicates} of training pictures ({which}).",
    "{count} 张正则化图片与训练图片近似重复（{which}）。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Pictures tagged as regularisation that carry the trigger word or repeat a training picture."""
    regular = {entry.id for entry in inspection.usable if REGULARISATION in entry.tags}
    if not regular:
        return
    word = inspection.need.trigger_word.strip().casefold()
    entries = [inspection.by_id[id] for id in sorted(regular)]
    yield from about("error", TRIGGERED, (e for e in entries if word and word in e.caption.casefold()))
    mixed = (set(group) for group in inspection.duplicates)
    twins = {id for group in mixed if group - regular for id in group & regular}
    yield from about("error", TWINS, (entry for entry in entries if entry.id in twins))


def _take_out(catalogue: Catalogue, ids: Sequence[int]) -> int:
    return catalogue.delete([entry.id for entry in map(catalogue.get, ids) if REGULARISATION in entry.tags])


CHECK = Check(
    32,
    Text("Regularisation pictures", "正则化图片"),
    Text(
        "They keep the model's idea of the class; with the trigger word, or the same motif, they undo themselves.",
        "它们用来保住模型对类别的原有认识；带触发词或画面相同就适得其反。",
    ),
    look,
    Fix(Text("Take these out", "移除这些图片"), _take_out),
    {"duplicate_bits": DUPLICATE_BITS},
)
