"""The hubs that models come from: one file each, with one constant `HUB`. Adding a hub is adding a file here."""

from functools import cache

from studio.catalog import scan
from studio.fetch.hubs.hub import Hub


@cache
def hubs() -> dict[str, Hub]:
    """Hub name to Hub, in the order in which they are offered."""
    found = scan("studio.fetch.hubs", "HUB", Hub)
    return dict(sorted(found.items(), key=lambda entry: entry[1].order))
