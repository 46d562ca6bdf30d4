"""Names and words from strangers, made fit for every disk and every page: Chinese stays Chinese, what could lead a path
astray, turn a line around or hide in it goes."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

MOST_NAME_BYTES = 180
MOST_CAPTION_CHARACTERS = 20_000
MOST_LINE_CHARACTERS = 500
_MOST_ENDING_BYTES = 16
_MOST_PARTS = 8
_MARK_CHARACTERS = 6
_MOST_CHARACTERS = 400
"""Of a name before it is looked at; there is no need to clean a megabyte."""
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
_JOINERS = "\u200c\u200d"
"""Invisible, but part of words and emoji."""
_NEVER_LETTERS = re.compile("[\u2065\ufdd0-\ufdef\ufff0-\uffff\U000e0000-\U000e0fff]")
"""Where Unicode will never put a letter: what it sets aside for invisible signs, and for nothing at all."""
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


def clean_together(names: Iterable[str]) -> dict[str, str]:
    """Clean relative paths by the names that the files came with. Files whose names differed in the ending alone, a
    picture and its caption, still do; where unlike names come out alike, each gets a mark of its own, made of nothing
    but the name it had, so that `clean_paths` finds it again."""
    paths = {name: clean_paths(name) for name in names}
    stems: dict[str, set[str]] = {}
    for name, (plain, _) in paths.items():
        stems.setdefault(_stem(plain), set()).add(_parted(name)[0])
    return {
        name: marked if len(stems[_stem(plain)]) > 1 else plain for name, (plain, marked) in paths.items()
    }


def clean_paths(name: str) -> tuple[str, str]:
    """The paths that `clean_together` may have given a name: the plain one, and the one with a mark."""
    stem, ending = _parted(name)
    clean = PurePosixPath(clean_path(stem))
    mark = f"-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:_MARK_CHARACTERS]}"
    room = MOST_NAME_BYTES - _MOST_ENDING_BYTES - len(mark)
    short = _cut(clean.name, room)
    end = clean_name(f"x{ending}")[1:]
    return str(clean.with_name(f"{short}{end}")), str(clean.with_name(f"{short}{mark}{end}"))


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
    """Without control, direction, private and half characters, and Unicode's line separators. What this Python's
    tables don't know yet stays: new emoji, and rare Chinese characters of names."""
    return "".join(c for c in words if c in _JOINERS or not (_is_unseen(c) or c in "\u2028\u2029"))


def _is_unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    if kind == "Cn":
        return (ord(character) & 0xFFFE) == 0xFFFE or bool(_NEVER_LETTERS.match(character))
    return kind[0] == "C"


def _stem(path: str) -> str:
    return _folded(_parted(path)[0])


def _parted(name: str) -> tuple[str, str]:
    """A path with forward slashes, without its ending, and the ending with its dot."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    path = "/".join(part for part in parts if part.strip(". "))
    ending = PurePosixPath(path).suffix
    if len(ending.encode("utf-8", "surrogatepass")) > _MOST_ENDING_BYTES:
        return path, ""
    return path.removesuffix(ending), ending


def _cut(words: str, most_bytes: int) -> str:
    return words.encode()[:most_bytes].decode(errors="ignore").rstrip(". ") or "picture"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
