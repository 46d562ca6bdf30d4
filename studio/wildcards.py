"""Prompts that leave something to chance: `{red|blue}` draws one, `{3::red|blue}` red three times as often, and
`__colour__` draws a line of the word list colour.txt; a `|` outside of braces parts several prompts.

A seed decides, so that the same seed gives the same words. Braces without a `|` are plain characters, and so is every
mark behind a backslash; before a mark each pair of backslashes is one. A line of a list may hold marks itself.
"""

import itertools
import random
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from studio.disk import reason_of
from studio.errors import PresetBroken, RequestError, UnknownChoice
from studio.words import Said, Text

MOST_LIST_BYTES = 2**20
MOST_DEPTH = 8
_MOST_DRAWN = 1000
"""Lists that one text may draw from, those within lists counted too."""
_MOST_NAMED = 30

WORD_LIST = Text("Word list", "词表")
TOO_LARGE = Text("it is larger than {most} MB.", "文件超过 {most} MB。")
NOT_UTF8 = Text("it is not UTF-8 text.", "不是 UTF-8 编码的文本。")
UNREADABLE = Text("it can't be read ({why}).", "无法读取（{why}）。")
EMPTY = Text("it holds no words.", "其中没有词语。")
LOOP = Text("it leads back to itself ({trail}).", "它绕回了自身（{trail}）。")
TOO_DEEP = Text("it leads through too many other lists ({trail}).", "它引用的词表层数过多（{trail}）。")

_NAME = r"[^\W_](?:[\w-]{0,60}?[^\W_])?"
_MARK = re.compile(rf"(?<!\\)(\\*)([{{}}|]|__({_NAME})__)")
_WEIGHT = re.compile(r"\s*(\d{1,4}(?:\.\d{1,3})?)::")


class TooManyDrawn(RequestError):
    """A prompt that draws words from lists without end, or nearly so."""

    text = Text(
        "This prompt draws from word lists more than {most} times, lists within lists counted too (last {trail}). "
        "Name fewer of them.",
        "该提示词从词表取词超过 {most} 次，词表中引用的词表也计算在内（最后一次：{trail}）。请减少引用。",
    )


@dataclass(frozen=True)
class _List:
    name: str


@dataclass(frozen=True)
class _Bar:
    at: int


@dataclass
class _Braces:
    """What stands between braces, and where the bars are; a single option is no choice."""

    options: "list[list[_Node]]" = field(default_factory=lambda: [[]])
    bars: list[int] = field(default_factory=list)


_Node = str | _List | _Bar | _Braces


class WordLists:
    """The word lists of a folder: its files `name.txt`, UTF-8, one entry a line; empty lines and those that begin with
    `#` are passed over. A name is only ever looked up among the files that are there, never made into a path."""

    def __init__(self, folder: Path) -> None:
        self._dir = folder

    def names(self) -> list[str]:
        """What can be written between double underscores."""
        return sorted(self._files())

    def lines(self, name: str) -> list[str]:
        """The entries of a list, at least one. Raises UnknownChoice or PresetBroken."""
        file = self._files().get(name)
        if file is None:
            known = ", ".join(self.names()[:_MOST_NAMED]) or "-"
            raise UnknownChoice("prompt", label=WORD_LIST, value=name, known=known)
        try:
            if file.stat().st_size > MOST_LIST_BYTES:
                raise _broken(name, Said(TOO_LARGE, {"most": MOST_LIST_BYTES // 2**20}))
            told = file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise _broken(name, Said(NOT_UTF8, {})) from None
        except OSError as error:
            raise _broken(name, Said(UNREADABLE, {"why": reason_of(error)})) from None
        lines = [line.strip() for line in told if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise _broken(name, Said(EMPTY, {}))
        return lines

    def _files(self) -> dict[str, Path]:
        return {file.stem: file for file in self._dir.glob("*.txt") if re.fullmatch(_NAME, file.stem)}


def split(prompt: str) -> list[str]:
    """The prompts that bars part, as typed; empty ones are dropped. One without bars comes back untouched."""
    bars = [node.at for node in _parsed(prompt) if isinstance(node, _Bar)]
    if not bars:
        return [prompt]
    parts = (prompt[start + 1 : end].strip() for start, end in itertools.pairwise([-1, *bars, len(prompt)]))
    return [part for part in parts if part] or [""]


def expand(text: str, seed: int | str, lists: WordLists) -> str:
    """The text as it is read: choices and lists drawn, backslashes before marks gone. Raises UnknownChoice for a list
    that isn't there, PresetBroken for one that can't be used, TooManyDrawn for a text that draws without end."""
    dice = random.Random(seed)  # of which only `random()` is sure to be the same in every Python
    read: list[str] = []
    todo: deque[tuple[_Node, tuple[str, ...]]] = deque((node, ()) for node in _parsed(text))
    drawn = 0
    while todo:
        node, trail = todo.popleft()
        if isinstance(node, _Bar):
            node = "|"
        if isinstance(node, str):
            read.append(node)
            continue
        if isinstance(node, _Braces):
            nodes = _drawn(node, dice)
        else:
            drawn, trail = drawn + 1, _followed(trail, node.name)
            if drawn > _MOST_DRAWN:
                raise TooManyDrawn("prompt", most=_MOST_DRAWN, trail=" → ".join(trail))
            lines = lists.lines(node.name)
            nodes = _parsed(lines[int(dice.random() * len(lines))])
        todo.extendleft((node, trail) for node in reversed(nodes))
    return "".join(read)


def literal(text: str) -> str:
    """What to type so that `text` is read as it stands."""
    return text if _is_plain(text) else _MARK.sub(lambda mark: rf"{mark[1] * 2}\{mark[2]}", text)


def _broken(name: str, reason: Said) -> PresetBroken:
    """What to say of a list that can't be used."""
    return PresetBroken("prompt", file=_file(name), reason=reason)


def _file(name: str) -> str:
    return f"presets/wildcards/{name}.txt"


def _parsed(text: str) -> list[_Node]:
    """The text as nodes; braces that are never closed are plain characters, and their bars part prompts."""
    root: list[_Node] = []
    opened: list[_Braces] = []
    at = 0
    for mark in _MARK.finditer(text):
        here = opened[-1].options[-1] if opened else root
        here.append(text[at : mark.start()] + mark[1][: len(mark[1]) // 2])
        at = mark.end()
        if len(mark[1]) % 2 or (mark[2] == "}" and not opened):
            here.append(mark[2])
        elif mark[3]:
            here.append(_List(mark[3]))
        elif mark[2] == "{":
            opened.append(_Braces())
        elif mark[2] == "}":
            closed = opened.pop()
            (opened[-1].options[-1] if opened else root).append(closed)
        elif opened:
            opened[-1].options.append([])
            opened[-1].bars.append(mark.start(2))
        else:
            root.append(_Bar(mark.start(2)))
    (opened[-1].options[-1] if opened else root).append(text[at:])
    for braces in opened:
        root += ["{", *braces.options[0]]
        for bar, option in zip(braces.bars, braces.options[1:], strict=True):
            root += [_Bar(bar), *option]
    return root


def _drawn(braces: _Braces, dice: random.Random) -> list[_Node]:
    """One of the options without its weight; a single one with its braces."""
    if len(braces.options) == 1:
        return ["{", *braces.options[0], "}"]
    weights, options = zip(*map(_weighed, braces.options), strict=True)
    left = dice.random() * sum(weights)
    for weight, option in zip(weights, options, strict=True):
        left -= weight
        if left < 0:
            return list(option)
    return list(options[-1])


def _weighed(option: list[_Node]) -> tuple[float, list[_Node]]:
    weight = _WEIGHT.match(option[0]) if isinstance(option[0], str) else None
    if weight is None:
        return 1.0, option
    return float(weight[1]), [str(option[0])[weight.end() :], *option[1:]]


def _followed(trail: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The lists that led here, with the next one; raises PresetBroken when they lead nowhere."""
    longer = (*trail, name)
    if name in trail or len(longer) > MOST_DEPTH:
        reason = LOOP if name in trail else TOO_DEEP
        raise _broken(longer[0], Said(reason, {"trail": " → ".join(longer)}))
    return longer


def _is_plain(text: str) -> bool:
    """Whether nothing in the text is drawn, parted or behind a backslash."""
    todo = deque(_parsed(text))
    read: list[str] = []
    while todo:
        node = todo.popleft()
        if isinstance(node, str):
            read.append(node)
        elif isinstance(node, _Braces) and len(node.options) == 1:
            todo.extendleft(reversed(["{", *node.options[0], "}"]))
        else:
            return False
    return "".join(read) == text
