"""Whether every picture has a caption."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.words import Text

MISSING = Text(
    "{count:picture has|pictures have} no caption ({which}). Write one, let a model write them, or set a trigger word.",
    "{count} 张没有说明（{which}）。请补写、让模型生成，或设置触发词。",
)
TRIGGER_ALONE = Text(
    "{count:picture has|pictures have} no caption ({which}), to be learnt under the trigger word alone.",
    "{count} 张没有说明（{which}）；它们只会以触发词来学习。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Blank captions: an error, unless a trigger word stands in."""
    blank = [entry for entry in inspection.usable if not entry.caption.strip()]
    if inspection.need.trigger_word.strip():
        yield from about("warning", TRIGGER_ALONE, blank)
    else:
        yield from about("error", MISSING, blank)


def _give_trigger(catalogue: Catalogue, ids: Sequence[int]) -> int:
    word = catalogue.need.trigger_word.strip()
    return catalogue.rewrite(
        ids, lambda e: {} if e.caption.strip() else {"caption": word, "caption_source": "trigger"}, "caption"
    )


CHECK = Check(
    3,
    Text("Captions are there", "说明齐全"),
    Text(
        "Without a caption some trainers learn a picture under its folder's name, others under the word 'nan'.",
        "没有说明时，有的训练程序会用文件夹名代替，有的会把“nan”当成提示词。",
    ),
    look,
    Fix(Text("Caption them with the trigger word", "用触发词作为说明"), _give_trigger, ("trigger_word",)),
)
