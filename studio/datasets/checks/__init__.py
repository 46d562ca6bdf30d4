"""What may be wrong with a set: one file a check, each holds a `CHECK`."""

from functools import cache

from studio.catalog import scan
from studio.datasets.checks.check import Check


@cache
def checks() -> dict[str, Check]:
    """Check name to Check, by number."""
    found = scan("studio.datasets.checks", "CHECK", Check)
    return dict(sorted(found.items(), key=lambda entry: entry[1].number))
