"""Text from strangers' files, made fit for what takes no half characters (lone surrogates, which JSON may hold)."""


def whole(text: str) -> str:
    """The text with a `?` for each half character, which UTF-8, SQLite and tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()
