"""The captioners: one file each, with one constant `CAPTIONER`. Adding a family is adding a file here."""

from functools import cache

from studio.captioning.captioner import Captioner
from studio.catalog import scan


@cache
def captioners() -> dict[str, Captioner]:
    """Captioner name to Captioner, the handiest first."""
    found = scan("studio.captioning.captioners", "CAPTIONER", Captioner)
    return dict(sorted(found.items(), key=lambda item: item[1].order))
