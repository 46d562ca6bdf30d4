"""Whether all has come in that was to be brought in."""

from collections.abc import Iterator

from studio.datasets.checks.check import Check, Finding, Inspection
from studio.words import Text


def look(inspection: Inspection) -> Iterator[Finding]:
    """Imports that were broken off, or are still under way."""
    for said in inspection.left_off:
        yield Finding("warning", said)


CHECK = Check(
    34,
    Text("Imports are finished", "导入已完成"),
    Text(
        "A set of which the rest is missing looks like a whole one, and is learnt as if it were.",
        "缺了一部分的数据集看起来与完整的并无不同，训练时也会当作完整的来学。",
    ),
    look,
)
