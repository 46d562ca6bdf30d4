"""Parquet as the Hugging Face Hub keeps pictures: `image` (a struct of bytes and path), `text`, a column for each fact,
in `data/<split>-00000-of-00001.parquet`. Needs pyarrow, which is no requirement of the studio."""

import io
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.errors import TableBroken
from studio.datasets.formats.columns import COLUMNS, TEXT, TEXTS, Rows, facts_of, split_in
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.paths import (
    LARGE,
    MOST_PICTURE_BYTES,
    NO_BYTES,
    beside_shards,
    relative,
    shards,
    split_of,
    split_of_path,
)
from studio.datasets.formats.tables import need_pyarrow
from studio.datasets.formats.texts import first_of
from studio.datasets.found import Found, Skipped
from studio.words import Said, Text

IMAGE = "image"
MOST_SHARD_BYTES = 500 * 10**6
_GROUP_ROWS, _GROUP_BYTES = 100, 32 * 2**20
_LIKELY = ("image", "img", "picture", "jpg", "png", "webp")
_WORDS = (*TEXTS, "txt")
NO_PICTURES = Text("no column of it holds pictures", "没有存放图片的列")
_TITLE = Text("Parquet (Hugging Face Hub)", "Parquet（Hugging Face Hub）")


def _recognises(path: Path) -> bool:
    return bool(shards(path, ".parquet", but="metadata.parquet"))


def _read(path: Path) -> Iterator[Found | Skipped]:
    pyarrow = need_pyarrow("Parquet")
    for shard in shards(path, ".parquet", but="metadata.parquet"):
        name = shard.name if shard == path else relative(shard, path)
        try:
            yield from _shard(pyarrow, shard, name)
        except (pyarrow.ArrowException, OSError) as error:
            raise TableBroken("where", file=shard.name, reason=str(error)[:160]) from None
    yield from beside_shards(path, ".parquet")


def _shard(pyarrow: Any, shard: Path, name: str) -> Iterator[Found | Skipped]:
    with pyarrow.parquet.ParquetFile(shard) as file:
        column = _pictures_in(pyarrow, file.schema_arrow)
        if column is None:
            yield Skipped(name, Said(NO_PICTURES, {}))
            return
        split = split_of_path(name) or split_of(shard.name)
        number = 0
        for batch in file.iter_batches(batch_size=16):
            for row in batch.to_pylist():
                yield _row(row, column, f"{name.removesuffix('.parquet')}/{number:06d}", split)
                number += 1


def _pictures_in(pyarrow: Any, schema: Any) -> str | None:
    """The column that holds pictures: a struct with bytes, or plain bytes; likely names first."""
    types = pyarrow.types
    held = []
    for column in schema:
        is_struct = types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0
        if is_struct or types.is_binary(column.type) or types.is_large_binary(column.type):
            held.append(column.name)
    return next((name for name in _LIKELY if name in held), held[0] if held else None)


def _row(row: Mapping[str, Any], column: str, called: str, split: Any) -> Found | Skipped:
    cell = row[column]
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    path = str(cell.get("path") or "") if isinstance(cell, dict) else ""
    name = f"{called}-{Path(path.replace(chr(92), '/')).name}" if path else called
    if not content:
        return Skipped(name, Said(NO_BYTES, {}))
    if len(content) > MOST_PICTURE_BYTES:
        return Skipped(name, Said(LARGE, {"most": MOST_PICTURE_BYTES // 2**20}))
    return Found(
        name=name,
        open=partial(io.BytesIO, content),
        caption=first_of(row, _WORDS),
        split=split_in(row) or split,
        **facts_of(row),
    )


class _Shards:
    """The parquet files of one side of the split; their names tell how many there are, so they get them at the end."""

    def __init__(self, pyarrow: Any, folder: Path, split: str) -> None:
        self._pyarrow = pyarrow
        self._folder = folder
        self._split = split
        self._schema = _schema(pyarrow)
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None
        self._waiting, self._bytes, self._count = 0, 0, 0

    def add(self, ready: Ready, row: dict[str, str]) -> None:
        """A picture with its words and all that is known of it."""
        typed = {"ai_generated": row["ai_generated"] == "true", "repeats": int(row["repeats"])}
        picture = {"bytes": ready.content, "path": ready.name}
        self._rows.append({IMAGE: picture, TEXT: ready.entry.caption, **row, **typed})
        self._waiting += len(ready.content)
        if len(self._rows) >= _GROUP_ROWS or self._waiting >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write what waits, and name the files."""
        self._flush()
        self.close()
        for number in range(self._count):
            name = f"{self._split}-{number:05d}-of-{self._count:05d}.parquet"
            self._file(number).rename(self._folder / name)

    def close(self) -> None:
        """Complete the file that is open."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None or self._bytes + self._waiting > MOST_SHARD_BYTES:
            self._next()
        self._writer.write_table(self._pyarrow.Table.from_pylist(self._rows, self._schema))
        self._bytes += self._waiting
        self._rows, self._waiting = [], 0

    def _next(self) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._writer = self._pyarrow.parquet.ParquetWriter(
            self._file(self._count), self._schema, compression="snappy"
        )
        self._count, self._bytes = self._count + 1, 0

    def _file(self, number: int) -> Path:
        return self._folder / f".{self._split}-{number:05d}.parquet"


def _schema(pyarrow: Any) -> Any:
    """The columns, and what they are to Hugging Face's readers, which keep that in the file's own notes."""
    kinds = {"ai_generated": "bool", "repeats": "int32"}
    told: dict[str, Any] = {IMAGE: {"_type": "Image"}}
    told |= {name: {"dtype": kinds.get(name, "string"), "_type": "Value"} for name in (TEXT, *COLUMNS)}
    types = {"string": pyarrow.string(), "bool": pyarrow.bool_(), "int32": pyarrow.int32()}
    columns = [(IMAGE, pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]))]
    columns += [(name, types[kinds.get(name, "string")]) for name in (TEXT, *COLUMNS)]
    return pyarrow.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": told}})})


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    pyarrow = need_pyarrow(request.format)
    rows = Rows()
    sides: dict[str, _Shards] = {}
    try:
        for ready in pictures:
            if ready.split not in sides:
                sides[ready.split] = _Shards(pyarrow, folder / "data", ready.split)
            sides[ready.split].add(ready, rows.of(ready))
            yield ready
        for side in sides.values():
            side.finish()
    finally:
        for side in sides.values():
            side.close()


FORMAT = Format(title=_TITLE, order=46, recognises=_recognises, read=_read, write=_write)
