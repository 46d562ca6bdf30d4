"""What the dataset command prints: lists, the score card, results, in either language."""

from collections.abc import Mapping, Sequence
from typing import Any

from studio.datasets.found import Step
from studio.datasets.names import clean_caption
from studio.datasets.report import Report, Row
from studio.sources.guide import ANSWERS, GuideEntry
from studio.words import Language, Text

MOST_NAMES = 5
MOST_SKIPPED = 20
_MARKS = {"error": "✗", "warning": "!", "note": "·"}
_NO_SETS = Text(
    "No datasets yet. Make one: python -m studio dataset import NAME --source folder --where FOLDER",
    "还没有数据集。新建：python -m studio dataset import 名称 --source folder --where 文件夹",
)
_SET = Text("{name}  {pictures} pictures  {folder}", "{name}  {pictures} 张  {folder}")
_UNFINISHED = Text("  (an import is not finished)", "  （有导入尚未完成）")
_IMPORTED = Text(
    "{taken} pictures taken into {set}, which now has {pictures}; {count} skipped.",
    "已导入 {taken} 张到 {set}，现共 {pictures} 张；跳过 {count} 张。",
)
_SKIPPED = Text("  skipped {name}: {reason}", "  跳过 {name}：{reason}")
_MORE_SKIPPED = Text("  and {count} more; --json lists all", "  另有 {count} 项；--json 可列出全部")
_SPLIT = Text(
    "{train} to learn from, {validation} kept aside; {moved} moved.",
    "训练 {train} 张，验证 {validation} 张；移动 {moved} 张。",
)
_CARD = Text(
    "{pictures} pictures, score {score} of 100: {error} errors, {warning} warnings, {note} notes.",
    "{pictures} 张图片，得分 {score}/100：错误 {error} 项，警告 {warning} 项，提示 {note} 项。",
)
_NOT_TAKEN = Text("Left out, or read only in part ({count}):", "未采用，或只读取了一部分（{count} 项）：")
_MORE = Text(" and {count} more", " 等，另有 {count} 张")
_COLON = Text(": ", "：")


def plain(words: str) -> str:
    """Words on one line that do nothing to a terminal, whatever names are in them."""
    return " ".join(clean_caption(words).split())


def step(told: Step, language: Language) -> str:
    """A step as the running line."""
    words = plain(told.doing.say(language)) if told.doing else ""
    count = f"{told.done}/{told.total}" if told.total else f"{told.done}"
    return f"{count}  {words}".rstrip()


def sets(rows: Sequence[Mapping[str, Any]], language: Language) -> str:
    """A line a set."""
    lines = [
        _SET.say(language, **row) + (_UNFINISHED.say(language) if row["is_unfinished"] else "")
        for row in rows
    ]
    return "\n".join(lines) or _NO_SETS.say(language)


def imported(result: Mapping[str, Any], language: Language) -> str:
    """What came in, and what didn't and why."""
    skipped = result["skipped"]
    head = _IMPORTED.say(language, **{**result, "count": len(skipped)})
    return "\n".join([head, *first([_SKIPPED.say(language, **one) for one in skipped], language)])


def first(lines: Sequence[str], language: Language) -> list[str]:
    """The first of many lines, and how many more there are."""
    more = len(lines) - MOST_SKIPPED
    return [*lines[:MOST_SKIPPED], *([_MORE_SKIPPED.say(language, count=more)] if more > 0 else [])]


def written(sentences: Sequence[str], skipped: Sequence[Sequence[str]], language: Language) -> str:
    """What an export said, what it left out and why; where it lies comes last."""
    lines = first(sentences[:-1], language)
    return "\n".join([*lines, *_not_taken(skipped, language), *sentences[-1:]])


def divided(result: Mapping[str, Any], language: Language) -> str:
    """How the pictures were split."""
    return "\n".join([_SPLIT.say(language, **result), *result["notes"]])


def card(
    report: Report, names: Mapping[int, str], skipped: Sequence[Sequence[str]], language: Language
) -> str:
    """The score card: one line, then a block for each row, the worst first."""
    head = _CARD.say(language, pictures=report.pictures, score=report.score, **report.counts)
    blocks = [_row(row, names, language) for row in report.rows]
    if skipped:
        blocks.append("\n".join(_not_taken(skipped, language)))
    return "\n\n".join([head, *blocks])


def place(entry: GuideEntry, language: Language) -> dict[str, str]:
    """A place of the guide as plain values."""
    return {
        "name": entry.name, "what": entry.what.say(language), "training": entry.training,
        "terms": entry.terms.say(language), "link": entry.link, "source": entry.source, "where": entry.where,
        "instead": entry.instead,
    }  # fmt: skip


def places(entries: Sequence[GuideEntry], language: Language) -> str:
    """The guide, a block a place."""
    blocks = [
        f"{e.name}  [{ANSWERS[e.training].say(language)}]\n  {e.what.say(language)}\n  {e.terms.say(language)}\n  {e.link}"
        for e in entries
    ]
    return "\n\n".join(blocks)


def _not_taken(skipped: Sequence[Sequence[str]], language: Language) -> list[str]:
    reasons = [
        _SKIPPED.say(language, name=row[0], reason=row[2 if language == "zh" else 1]) for row in skipped
    ]
    return [_NOT_TAKEN.say(language, count=len(skipped)), *first(reasons, language)] if skipped else []


def _row(row: Row, names: Mapping[int, str], language: Language) -> str:
    lines = [f"{_MARKS[row.level]} {row.title.say(language)}"]
    lines += [f"    {plain(text.say(language))}" for text in row.sentences]
    shown = [plain(names[id]) for id in row.ids[:MOST_NAMES] if id in names]
    if shown:
        rest = _MORE.say(language, count=row.count - len(shown)) if row.count > len(shown) else ""
        lines.append(f"    {', '.join(shown)}{rest}")
    return "\n".join(lines)
