"""Text from strangers' files, made fit for what takes no half characters (lone surrogates, which JSON may hold) and for
terminals, which take orders from control characters."""

import re

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, marks that turn the direction of writing, half characters."""


def whole(text: str) -> str:
    """The text with a `?` for each half character, which UTF-8, SQLite and tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()


def visible(text: str) -> str:
    """The text on one line, with what would steer a terminal written out: an escape character becomes `\\x1b`."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)
