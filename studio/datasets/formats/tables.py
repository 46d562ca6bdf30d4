"""Tables of pictures and captions (CSV, JSON lines, JSON, parquet) read a row at a time, and CSV written so that every
reader gets the same words."""

import csv
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from studio.datasets.errors import PackageNeeded, TableBroken
from studio.words import Text

MOST_FIELD = 2**20
"""Characters of one cell; what is longer is no caption."""
MOST_JSON_BYTES = 256 * 2**20
NOT_A_LIST = Text("it holds no list of rows", "其中不是逐行的列表")
TOO_LARGE = Text("it is larger than {most} MB", "超过 {most} MB")
NO_HEADER = Text("its first line is empty", "首行为空")


def rows_of(table: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a table, by its ending; raises TableBroken where it can't be read, or PackageNeeded."""
    read = {".csv": _csv_rows, ".jsonl": _line_rows, ".json": _json_rows, ".parquet": _parquet_rows}
    try:
        for row in read[table.suffix.lower()](table):
            if not isinstance(row, dict):
                raise _broken(table, NOT_A_LIST)
            yield row
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise _broken(table, str(error)[:160]) from None


def header_of(table: Path) -> set[str]:
    """The columns of a table as its first row tells, none where it has none that can be read."""
    try:
        if table.suffix.lower() == ".csv":
            with _opened(table) as stream:
                return set(next(csv.reader(stream), []))
        return set(next(rows_of(table), {}))
    except (OSError, ValueError, csv.Error, TableBroken, PackageNeeded):
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


def _opened(table: Path) -> IO[str]:
    return table.open(encoding="utf-8-sig", newline="")


def _csv_rows(table: Path) -> Iterator[Any]:
    """Cells as they stand: NA, null and 007 are words like others, which pandas would not leave them."""
    csv.field_size_limit(MOST_FIELD)  # the whole process's, and never lowered again
    with _opened(table) as stream:
        reader = csv.DictReader(stream, strict=True)
        if not reader.fieldnames:
            raise _broken(table, NO_HEADER)
        for row in reader:
            yield {key: cell for key, cell in row.items() if isinstance(key, str)}


def _line_rows(table: Path) -> Iterator[Any]:
    with _opened(table) as stream:
        while line := stream.readline(MOST_FIELD):
            if line.strip():
                yield json.loads(line)


def _json_rows(table: Path) -> Iterator[Any]:
    """A list of rows, or an object that holds one; or JSON lines under a wrong ending."""
    if table.stat().st_size > MOST_JSON_BYTES:
        raise _broken(table, TOO_LARGE.say("en", most=MOST_JSON_BYTES // 2**20))
    with _opened(table) as stream:
        text = stream.read()
    try:
        held = json.loads(text)
    except json.JSONDecodeError:
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


def _broken(table: Path, reason: object) -> TableBroken:
    return TableBroken("where", file=table.name, reason=reason)
