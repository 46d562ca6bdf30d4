"""`python -m studio.fetch.worker MODEL HUB`: fetches one model; what comes of it stands in the record."""

import os
import sys
from collections.abc import Sequence

from studio.errors import StudioError
from studio.fetch.fetching import fetch
from studio.settings import Settings
from studio.shelf import Shelf


def main(words: Sequence[str]) -> int:
    """Fetch to the end, or until somebody asks to stop; 0, or 2 after a failure that the record tells."""
    name, hub_name = words
    settings = Settings.from_environment()
    card = next(card for card in Shelf(settings).models() if card.name == name)
    try:
        for _ in fetch(card, hub_name, settings, os.environ):
            pass
    except StudioError as error:
        print(error.say("en"), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
