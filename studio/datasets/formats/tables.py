"""Tables of pictures and captions (CSV, JSON lines, JSON, parquet) read a row at a time, and CSV written so that every
reader gets the same words."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import chain, zip_longest
from pathlib import Path
from typing import IO, Any

from studio.datasets.errors import PackageNeeded, TableBroken
from studio.datasets.formats.texts import first_of
from studio.words import Said, Text

FILES = ("file_name", "image", "file_names", "filename", "file", "file_path", "image_path", "path")
"""Columns that may name the picture; the first that does counts."""
TEXTS = ("text", "caption", "prompt", "captions")
"""Columns that may hold the caption; the first that does counts."""
MOST_FIELD = 2**20
"""Characters of one cell; what is longer is no caption."""
MOST_JSON_BYTES = 256 * 2**20
NOT_A_LIST = Text("it holds no list of rows", "其中不是逐行的列表")
TOO_LARGE = Text("it is larger than {most} MB", "超过 {most} MB")
NO_HEADER = Text("its first line is empty", "首行为空")
NO_FILES = Text(
    "no column of it names the pictures; its first line reads as the columns {columns}",
    "没有给出图片文件名的列；按首行，它的列是 {columns}",
)
NOT_UTF8 = Text("it is not UTF-8 text", "它不是 UTF-8 文本")
NOT_JSON = Text("line {line} is no valid JSON", "第 {line} 行不是有效的 JSON")
QUOTES = Text(
    "in the row that begins on line {line}, a quotation mark is not closed, or one inside a cell is not doubled",
    "从第 {line} 行开始的记录中，有引号没有闭合，或单元格内的引号没有写成两个",
)
LONG_CELL = Text(
    "the row that begins on line {line} has a cell of more than {most} characters; perhaps a quotation mark is not closed",
    "从第 {line} 行开始的记录中，有单元格超过 {most} 个字符；可能是引号没有闭合",
)
SURPLUS = Text(
    "its row has more cells than the header; put its caption in quotes",
    "它所在行的单元格比表头多；请给说明加上引号",
)


class Joined(str):
    """A caption that was cut at its commas, because no quotes held it, and is whole again."""


def tables_among(names: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """The names that are those of the wanted tables, the likeliest first: `Metadata.csv` where there is no
    `metadata.csv`."""
    spelt = {name.lower(): name for name in sorted(names)}  # small letters sort last
    return [spelt[name] for name in wanted if name in spelt]


def rows_of(table: Path, field: str = "where") -> Iterator[Mapping[str, Any]]:
    """The rows of a table, by its ending; raises TableBroken of the request's `field` where it can't be read, or
    PackageNeeded."""
    read = {".csv": _csv_rows, ".jsonl": _line_rows, ".json": _json_rows, ".parquet": _parquet_rows}
    try:
        for row in read[table.suffix.lower()](table):
            if not isinstance(row, dict):
                raise _Unreadable(NOT_A_LIST)
            yield row
    except _Unreadable as error:
        raise TableBroken(field, file=table.name, reason=error.reason) from None
    except UnicodeDecodeError:
        raise TableBroken(field, file=table.name, reason=NOT_UTF8) from None
    except (OSError, ValueError, RecursionError) as error:
        raise TableBroken(field, file=table.name, reason=str(error)[:160]) from None


def file_named(row: Mapping[str, Any]) -> str:
    """The file that a row names, by whichever column does."""
    return first_of(row, _naming(row))


def surplus_in(row: Mapping[str, Any]) -> Said | None:
    """Why nobody can tell which cells of a row are its caption, if that is so."""
    return next((cell for cell in row.values() if isinstance(cell, Said)), None)


def header_of(table: Path) -> set[str]:
    """The columns of a table as its first row tells, none where it has none that can be read."""
    try:
        if table.suffix.lower() == ".csv":
            with _opened(table) as stream:
                return set(_header(next(_parted(stream)[1], [])))
        return set(next(rows_of(table), {}))
    except (OSError, ValueError, _Unreadable, TableBroken, PackageNeeded):
        return set()


def need_pyarrow(what: str) -> Any:
    """pyarrow, or PackageNeeded, a sentence that says how to get it."""
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise PackageNeeded("format", what=what, package="pyarrow") from None
    return import_module("pyarrow")


def csv_writer(stream: IO[str], columns: tuple[str, ...]) -> "csv.DictWriter[str]":
    """A CSV that has begun with its header. Every cell is quoted, so that commas, quotes and line breaks survive."""
    writer = csv.DictWriter(stream, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    return writer


class _Unreadable(Exception):
    """What keeps a table from being read."""

    def __init__(self, reason: Text, **values: object) -> None:
        super().__init__(reason.say("en", **values))
        self.reason = Said(reason, values)


def _opened(table: Path) -> IO[str]:
    return table.open(encoding="utf-8-sig", newline="")


def _csv_rows(table: Path) -> Iterator[Any]:
    """Cells as they stand: NA, null and 007 are words like others, which pandas would not leave them."""
    csv.field_size_limit(MOST_FIELD)  # the whole process's, and never lowered again
    with _opened(table) as stream:
        between, rows = _parted(stream)
        header = _header(next(rows, []))
        if not header:
            raise _Unreadable(NO_HEADER)
        if not _naming(header):
            raise _Unreadable(NO_FILES, columns=", ".join(header)[:160])
        for cells in rows:
            if cells:
                yield _row(header, cells, between)


def _parted(stream: IO[str]) -> tuple[str, Iterator[list[str]]]:
    """What stands between the cells of a CSV, and its rows from the header on. A header without a comma may have
    semicolons or tabs; with a space behind the first, such spaces belong to no cell."""
    header = next(stream, "")
    sign = next((sign for sign in ",;\t" if sign in header), ",")
    between = f"{sign} " if f"{sign} " in header else sign
    return between, _cells(chain((header,), stream), between)


def _cells(lines: Iterable[str], between: str) -> Iterator[list[str]]:
    rows = csv.reader(lines, delimiter=between[0], skipinitialspace=between.endswith(" "), strict=True)
    begins = 1
    try:
        for cells in rows:
            yield cells
            begins = rows.line_num + 1
    except csv.Error as error:
        reason = LONG_CELL if "field limit" in str(error) else QUOTES
        raise _Unreadable(reason, line=begins, most=MOST_FIELD) from None


def _header(cells: list[str]) -> list[str]:
    """The names of columns as they are looked for: in small letters, without spaces around them or empty ones behind."""
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _naming(columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that may name the picture, the likeliest first."""
    named = tuple(columns)
    return tuple(name for name in FILES if name in named) + tuple(
        name for name in named if name.endswith(("_file_name", "_file_names"))
    )


def _row(header: list[str], cells: list[str], between: str) -> dict[str, str | Said]:
    """Cells by column. A comma that no quotes hold cuts a caption: in the last column it is put together again, before
    others nobody can tell where it ends."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells.pop()
    if len(cells) <= len(header):
        return dict(zip_longest(header, cells, fillvalue=""))
    at = next((n for n, name in enumerate(header) if name in TEXTS), len(header))
    sure = dict(zip(header[:at], cells, strict=False))
    if at == len(header) - 1:
        return {**sure, header[at]: Joined(between.join(cells[at:]))}
    return {**sure, "": Said(SURPLUS, {})}


def _line_rows(table: Path) -> Iterator[Any]:
    with _opened(table) as stream:
        for number, line in enumerate(iter(partial(stream.readline, MOST_FIELD), ""), start=1):
            if line.strip():
                yield _parsed(line, number)


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise _Unreadable(NOT_JSON, line=number) from None


def _json_rows(table: Path) -> Iterator[Any]:
    """A list of rows, or an object that holds one; or JSON lines under a wrong ending."""
    if table.stat().st_size > MOST_JSON_BYTES:
        raise _Unreadable(TOO_LARGE, most=MOST_JSON_BYTES // 2**20)
    with _opened(table) as stream:
        text = stream.read()
    try:
        held = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":  # what Python says of a second value, so of a second line
            raise _Unreadable(NOT_JSON, line=error.lineno) from None
        yield from _line_rows(table)
        return
    if isinstance(held, dict):
        held = next((value for value in held.values() if isinstance(value, list)), [held])
    yield from held


def _parquet_rows(table: Path) -> Iterator[Any]:
    pyarrow = need_pyarrow(table.name)
    try:
        with pyarrow.parquet.ParquetFile(table) as file:
            for batch in file.iter_batches(batch_size=256):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from None
