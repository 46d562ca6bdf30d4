"""Weights of words in a prompt, as A1111 writes them: `(words)` x 1.1, `[words]` / 1.1, `(words:1.3)`, nested at will.

A backslash before a bracket makes it a plain character. A bracket that is never closed reaches to the end, and one that
was never opened is plain. `BREAK` begins another window of tokens; where there is one window only, it is passed over.
What A1111 does while it samples, `[from:to:when]` and `[a|b]`, is no weight and is not done: its words are read.
"""

import itertools
import re
from collections.abc import Sequence

Piece = tuple[str, float]
"""Words and their weight."""
MOST_WEIGHT = 10.0
_MORE = 1.1
_MOST_OPEN = 16
"""Brackets within brackets; deeper ones are plain characters."""

_NUMBER = r"[+-]?(?:\d{1,3}(?:\.\d{0,6})?|\.\d{1,6})"
_MARK = re.compile(
    rf"\\(?P<plain>[()\[\]\\])|(?P<open>[(\[])|:\s{{0,9}}(?P<weight>{_NUMBER})\s{{0,9}}\)|(?P<close>[)\]])"
)
_SEAM = "\0"
_BREAK = re.compile(r"\s?\bBREAK\b\s?")
_DOUBLED = re.compile(r"(?<!\\)(?:\(\([^()\\]{1,400}\)\)|\[\[[^\[\]\\]{1,400}\]\])")
_LETTER = re.compile(r"[^\W\d_]")


def weighted(text: str) -> list[Piece]:
    """The text without its marks, in pieces of one weight each, between -10 and 10; [("", 1.0)] for an empty text."""
    return _joined(_pieces(_BREAK.sub(" ", text)))


def sections(text: str) -> list[list[Piece]]:
    """The same for each section that `BREAK` parts from the one before; weights reach over it."""
    parted: list[list[Piece]] = [[]]
    for words, weight in _pieces(_BREAK.sub(_SEAM, text.replace(_SEAM, " "))):
        first, *others = words.split(_SEAM)
        parted[-1].append((first, weight))
        parted += [[(other, weight)] for other in others]
    return [_joined(pieces) for pieces in parted]


def _pieces(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    at = 0
    for mark in _MARK.finditer(text):
        pieces.append((text[at : mark.start()], 1.0))
        at = mark.end()
        bracket = "[" if mark["close"] == "]" else "("
        if mark["open"] and sum(map(len, opened.values())) < _MOST_OPEN:
            opened[mark["open"]].append(len(pieces))
        elif (mark["weight"] or mark["close"]) and opened[bracket]:
            by = float(mark["weight"]) if mark["weight"] else _MORE if bracket == "(" else 1 / _MORE
            _weigh(pieces, opened[bracket].pop(), by)
        else:
            pieces.append((mark["plain"] or mark[0], 1.0))
    pieces.append((text[at:], 1.0))
    for bracket, by in (("(", _MORE), ("[", 1 / _MORE)):
        for start in opened[bracket]:
            _weigh(pieces, start, by)
    return pieces


def looks_weighted(text: str) -> bool:
    """Whether somebody surely meant weights: `(words:1.2)`, `((words))` or `[[words]]`. One pair of brackets may be
    no more than punctuation."""
    for mark in _MARK.finditer(text):
        before, bracket, words = text[max(0, mark.start() - 400) : mark.start()].rpartition("(")
        if mark["weight"] and bracket and not before.endswith("\\") and _LETTER.search(words):
            return True
    return _DOUBLED.search(text) is not None


def _weigh(pieces: list[Piece], start: int, by: float) -> None:
    """Multiply the weights of all pieces from `start` on."""
    pieces[start:] = [(words, weight * by) for words, weight in pieces[start:]]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one weight as one piece, without empty ones."""
    kept = [(words, min(MOST_WEIGHT, max(-MOST_WEIGHT, weight))) for words, weight in pieces if words]
    grouped = itertools.groupby(kept, key=lambda piece: piece[1])
    return [("".join(words for words, _ in group), weight) for weight, group in grouped] or [("", 1.0)]
