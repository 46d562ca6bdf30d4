"""How the pictures fill the batches of their buckets, laid out by the trainer's own code."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection, percent, share
from studio.words import Said, Text

MOST_UNUSED = 0.2
UNEVEN = Text(
    "{batches} of {all_batches} batches come out smaller than {batch}, since {count} pictures fall into {buckets} sizes. "
    "This studio trains all of them; a trainer that drops unfinished batches would never show {unused} ({part} %).",
    "{count} 张图片分到 {buckets} 种尺寸，{all_batches} 批中有 {batches} 批不足 {batch} 张。本程序会全部训练；"
    "而会丢弃不完整批次的训练程序将有 {unused} 张（{part}%）永远用不上。",
)
WAY_OUT = Text(
    "{said} Choose batch size {better} with accumulation, crop towards fewer shapes, or switch aspect buckets off.",
    "{said}可改用批大小 {better} 加梯度累积、把图片裁成更少的比例，或关闭按比例分桶。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Batches that stay unfinished; which pictures are in them changes with every pass."""
    plan, batch = inspection.plan, inspection.asked.batch_size
    spare = [len(bucket.members) % batch for bucket in plan.buckets]
    unused = sum(spare)
    if not unused:
        return
    part = share(unused, plan.pictures)
    told: dict[str, object] = {
        "batches": sum(map(bool, spare)), "all_batches": plan.batches_a_pass, "batch": batch,
        "count": plan.pictures, "buckets": len(plan.buckets), "unused": unused, "part": percent(part),
    }  # fmt: skip
    if part <= MOST_UNUSED:
        yield Finding("note", Said(UNEVEN, told))
        return
    said = {"said": Said(UNEVEN, told), "better": _better(inspection)}
    short = tuple(
        inspection.train[member].id for b in plan.buckets if len(b.members) < batch for member in b.members
    )
    yield Finding("warning", Said(WAY_OUT, said), short)


def _better(inspection: Inspection) -> int:
    """The largest smaller batch that leaves at most the allowed share over."""
    counts = [len(bucket.members) for bucket in inspection.plan.buckets]
    for batch in range(inspection.asked.batch_size - 1, 1, -1):
        if share(sum(count % batch for count in counts), sum(counts)) <= MOST_UNUSED:
            return batch
    return 1


CHECK = Check(
    16,
    Text("Full batches", "批次填满"),
    Text(
        "Batches hold pictures of one size; sets of many shapes leave them half empty, and many trainers drop those "
        "without a word.",
        "同一批只能是同一尺寸；形状多的数据集常填不满批次，而许多训练程序会悄悄丢掉它们。",
    ),
    look,
    thresholds={"most_unused": MOST_UNUSED},
)
