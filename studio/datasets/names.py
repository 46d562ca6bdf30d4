"""Names and words from strangers, made fit for every disk and every page: Chinese stays Chinese, what could lead a path
astray, turn a line around or hide in it goes."""

import unicodedata
from pathlib import PurePosixPath

MOST_NAME_BYTES = 180
MOST_CAPTION_CHARACTERS = 20_000
MOST_LINE_CHARACTERS = 500
_MOST_ENDING_BYTES = 16
_MOST_PARTS = 8
_MOST_CHARACTERS = 400
"""Of a name before it is looked at; there is no need to clean a megabyte."""
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
_JOINERS = "\u200c\u200d"
"""Invisible, but part of words and emoji."""
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
)
"""Names that Windows keeps for devices, with whatever ending."""


def clean_name(name: str) -> str:
    """A file name that every disk takes, from the last part of any name: NFC, at most 180 bytes, no control or
    direction characters, nothing that Windows refuses, never empty, never hidden."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(last) > _MOST_CHARACTERS:
        last = last[:_MOST_CHARACTERS] + last[-_MOST_ENDING_BYTES:]
    plain = _visible(unicodedata.normalize("NFC", last)).translate(_FORBIDDEN)
    plain = " ".join(plain.split()).strip(". ") or "picture"
    stem, dot, ending = plain.rpartition(".")
    if not stem or len(ending.encode()) > _MOST_ENDING_BYTES:
        stem, dot, ending = plain, "", ""
    if stem.partition(".")[0].strip().casefold() in _RESERVED:
        stem = f"_{stem}"
    return f"{_cut(stem, MOST_NAME_BYTES - len((dot + ending).encode()))}{dot}{ending}"


def clean_path(name: str) -> str:
    """A relative path whose every part is a clean name; parts that lead up or nowhere are dropped, of a
    deep one the first."""
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(". ")]
    return "/".join(map(clean_name, parts[-_MOST_PARTS:])) or "picture"


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with a number before its ending if a name of that spelling is taken in any mixture of capitals;
    it is taken from then on."""
    path = PurePosixPath(name)
    tried, number = name, 2
    while _folded(tried) in taken:
        mark = f"-{number}"
        room = MOST_NAME_BYTES - len((mark + path.suffix).encode())
        tried, number = str(path.with_name(f"{_cut(path.stem, room)}{mark}{path.suffix}")), number + 1
    taken.add(_folded(tried))
    return tried


def folded_names(names: list[str]) -> set[str]:
    """Names as `unique_name` compares them."""
    return {_folded(name) for name in names}


def clean_caption(words: str) -> str:
    """A caption without control and direction characters or half characters; its line breaks stay."""
    lines = (
        " ".join(_visible(line.replace("\t", " ")).split())
        for line in words[:MOST_CAPTION_CHARACTERS].splitlines()
    )
    return "\n".join(line for line in lines if line)


def clean_line(words: str) -> str:
    """Words on one line, without what a caption may not have either."""
    return " ".join(clean_caption(words[: 4 * MOST_LINE_CHARACTERS]).split())[:MOST_LINE_CHARACTERS]


def _visible(words: str) -> str:
    """Without control, direction, private and half characters (Unicode's categories C, and its line separators)."""
    return "".join(
        c for c in words if c in _JOINERS or not (unicodedata.category(c)[0] == "C" or c in "\u2028\u2029")
    )


def _cut(words: str, most_bytes: int) -> str:
    return words.encode()[:most_bytes].decode(errors="ignore").rstrip(". ") or "picture"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
