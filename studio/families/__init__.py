"""The model families: one file each, with one constant `FAMILY`. Adding a family is adding a file here."""

from functools import cache

from studio.catalog import scan
from studio.families.family import Family


@cache
def families() -> dict[str, Family]:
    """Family name to Family."""
    return scan("studio.families", "FAMILY", Family)
