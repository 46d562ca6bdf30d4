"""Every picture made here, on disk, newest first.

The PNG files are the truth: each holds its own request. Beside them lies a small SQLite index for searching, which is
brought up to date when a History is first asked, and built again from the files whenever it is missing or damaged. So
several processes may write at once, and a picture copied in or deleted by hand is noticed.
"""

import errno
import io
import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from studio.disk import check_writable, storage_error, write_atomically
from studio.errors import NotWritable, RequestError, StorageError, StudioError
from studio.exchange import Facts
from studio.exchange.picture import png_with_settings, read_settings
from studio.finite import as_number
from studio.letters import whole
from studio.picture_errors import NotAPicture, PictureError
from studio.requests import GenerateRequest
from studio.settings import Settings

Found = TypeVar("Found")
Row = tuple[object, ...]

_log = logging.getLogger(__name__)

THUMBNAIL_PX = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME_FORMAT = "%Y%m%d-%H%M%S-%f"
_BUSY_S, _PAUSE_S = 20.0, 0.2
_TABLE = """
CREATE TABLE IF NOT EXISTS pictures (
    id TEXT PRIMARY KEY, file TEXT NOT NULL, created INTEGER NOT NULL, seed INTEGER, seconds REAL,
    model TEXT NOT NULL, request TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_age ON pictures (created DESC, id DESC);
"""


@dataclass(frozen=True)
class Entry:
    """One picture: its file, a small JPEG of it, the request that makes it again, the seconds that it took, when it
    was made, and the model's name."""

    id: str
    file: Path
    thumbnail: Path
    request: GenerateRequest
    seed: int | None
    created: datetime
    seconds: float
    model: str


class History:
    """The pictures under the output folder of one installation. Safe to use from several threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._dir = settings.output_dir
        self._index_file = self._dir / "history.sqlite3"
        self._is_synced = False

    def check(self) -> None:
        """See that the next picture can be kept, before it is painted; raises DiskFull or NotWritable."""
        check_writable(self._dir)

    def add(self, rgb: bytes, width: int, height: int, request: GenerateRequest, facts: Facts) -> Entry:
        """Save a picture (RGB, height x width x 3 bytes). The request saved makes this one picture again: it has the
        seed of `facts` and a count of 1. Raises DiskFull or NotWritable, and then leaves nothing behind."""
        created = datetime.now(UTC).astimezone()
        told = {"created": created.isoformat(), **facts}
        alone = request.with_(seed=told.get("seed", request.seed), count=1)
        name = f"{created.strftime(_NAME_FORMAT)}-{secrets.token_hex(4)}"
        file = self._dir / f"{created:%Y-%m-%d}" / f"{name}.png"
        write_atomically(file, png_with_settings(rgb, width, height, alone, told))
        entry = self._entry(file, alone, told)
        with suppress(StudioError):  # a missing thumbnail is made when the picture is next looked at
            _make_thumbnail(entry)
        try:
            self._with_index(lambda index: _insert(index, [_row(entry)]))
        except Exception as error:  # the picture is safe on disk; the index catches up when it is next opened
            _log.warning("%s is not in the index yet: %s", file.name, error)
        return entry

    def search(self, words: str = "", limit: int = 50, before: str | None = None) -> list[Entry]:
        """Pictures whose prompts, model, styles or LoRA names hold every one of the words, newest first; `before`
        is the id of the last entry of the page before, which may have been deleted since."""
        found: list[Entry] = []
        place = self._place(before) if before else None
        while len(found) < limit:
            rows = self._rows(words, limit - len(found), place)
            if not rows:
                break
            place = (rows[-1]["created"], rows[-1]["id"])
            found += [entry for row in rows if (entry := self._still_there(row))]
        return found

    def get(self, id: str) -> Entry | None:
        """The entry of that id, or None when it is gone."""
        row = self._with_index(lambda index: _row_of(index, id))
        return self._still_there(row) if row else None

    def begun_with(self) -> set[str]:
        """The names of the kept pictures, start pictures and masks, that the settings of any picture hold; the files are
        looked at again for it."""
        self._is_synced = False
        both = " UNION ".join(
            f"SELECT json_extract(request, '$.{name}') FROM pictures" for name in ("start", "mask")
        )
        return {name for (name,) in self._with_index(lambda index: index.execute(both).fetchall()) if name}

    def delete(self, id: str) -> None:
        """Remove a picture and all that belongs to it; one that is gone already is no failure."""
        row = self._with_index(lambda index: _row_of(index, id))
        if row is None:
            return
        try:
            (self._dir / row["file"]).unlink(missing_ok=True)
            self._thumbnail(id).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, self._dir) from None
        self._with_index(lambda index: index.execute("DELETE FROM pictures WHERE id = ?", (id,)))

    def _place(self, id: str) -> tuple[int, str]:
        """Where an id stands in time; one that is gone still names its moment."""
        row = self._with_index(lambda index: _row_of(index, id))
        if row is not None:
            return row["created"], id
        try:
            moment = datetime.strptime(id.rpartition("-")[0], _NAME_FORMAT)
        except ValueError:
            return 0, id
        return _microseconds(moment.astimezone()), id

    def _rows(self, words: str, limit: int, place: tuple[int, str] | None) -> list[sqlite3.Row]:
        wanted = [f"%{_escape(whole(word.casefold()))}%" for word in words.split()]
        clauses, values = [r"words LIKE ? ESCAPE '\'" for _ in wanted], list[Any](wanted)
        if place is not None:
            clauses.append("(created, id) < (?, ?)")
            values += place
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        query = f"SELECT * FROM pictures {where} ORDER BY created DESC, id DESC LIMIT ?"
        return self._with_index(lambda index: index.execute(query, (*values, limit)).fetchall())

    def _still_there(self, row: sqlite3.Row) -> Entry | None:
        """The entry of a row, whose file must still be there and hold a picture."""
        try:
            request = GenerateRequest.from_dict(json.loads(row["request"]))
        except RequestError as error:  # a value that requests could hold when it was entered
            _log.warning("the history passes over %r: %s", row["file"], error)
            return None
        entry = Entry(
            row["id"], self._dir / row["file"], self._thumbnail(row["id"]), request, row["seed"],
            (_EPOCH + row["created"] * _MICROSECOND).astimezone(), row["seconds"], row["model"],
        )  # fmt: skip
        if not entry.file.is_file():
            return None
        if not entry.thumbnail.is_file():
            try:
                _make_thumbnail(entry)
            except PictureError:
                return None
            except StudioError:
                return entry
        return entry

    def _with_index(self, work: Callable[[sqlite3.Connection], Found]) -> Found:
        """Do one piece of work on the index and commit it. An index that is missing or fails is brought up to date,
        a damaged one built again, and the work tried once more. Raises DiskFull or NotWritable."""
        for is_last in (False, True):
            try:
                if not self._is_synced or not self._index_file.is_file():
                    self._bring_up_to_date()
                with closing(self._open()) as index, index:
                    return work(index)
            except sqlite3.DatabaseError as error:
                self._is_synced = False
                if is_last:
                    raise self._sentence(error) from None
                if isinstance(error, sqlite3.OperationalError):
                    time.sleep(_PAUSE_S)  # perhaps another process is building it
                else:
                    self._throw_index_away()
            except OSError as error:
                raise storage_error(error, self._dir) from None
        raise AssertionError("the last attempt returns or raises")

    def _bring_up_to_date(self) -> None:
        """Enter the files that the index lacks and drop the rows whose files are gone."""
        self._dir.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as index:
            index.execute("PRAGMA journal_mode=WAL")
            index.executescript(_TABLE)
            rows = index.execute("SELECT id, file FROM pictures").fetchall()
            # the files are listed after the rows: each row was entered after its file, perhaps only just now
            files = {file.stem: file for file in self._dir.glob("????-??-??/*.png")}
            known = {
                row["id"] for row in rows if (file := files.get(row["id"])) and row["file"] == _place_of(file)
            }
            with index:
                gone = [(row["id"],) for row in rows if row["id"] not in known]
                index.executemany("DELETE FROM pictures WHERE id = ?", gone)
            new = sorted(files.keys() - known)
            for start in range(0, len(new), 500):
                with index:
                    _insert(index, [r for id in new[start : start + 500] if (r := self._read(files[id]))])
        self._is_synced = True

    def _throw_index_away(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self._index_file.with_name(self._index_file.name + ending).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        index = sqlite3.connect(self._index_file, timeout=_BUSY_S)
        index.row_factory = sqlite3.Row
        index.execute("PRAGMA synchronous=NORMAL")
        return index

    def _read(self, file: Path) -> Row | None:
        """The row of what a file itself tells, or None when it can't be read."""
        try:
            _place_of(file).encode()  # a name that is no UTF-8 has no place in the index
            recalled = read_settings(file)
            return _row(self._entry(file, recalled.request, recalled.facts))
        except (PictureError, OSError):
            return None
        except Exception as error:  # whatever else is wrong with one file, the others are found
            _log.warning("the history passes over %r: %s", file.name, error)
            return None

    def _entry(self, file: Path, request: GenerateRequest, facts: Facts) -> Entry:
        seconds = as_number(facts.get("seconds"))
        try:
            created = datetime.fromisoformat(str(facts.get("created"))).astimezone()
        except (ValueError, OverflowError):
            created = datetime.fromtimestamp(file.stat().st_mtime, UTC).astimezone()
        return Entry(file.stem, file, self._thumbnail(file.stem), request, request.seed, created,
                     seconds or 0.0, whole(request.model))  # fmt: skip

    def _thumbnail(self, id: str) -> Path:
        return self._dir / "thumbnails" / f"{id}.jpg"

    def _sentence(self, error: sqlite3.Error) -> StorageError:
        if "full" in str(error):
            return storage_error(OSError(errno.ENOSPC, str(error)), self._dir)
        return NotWritable(None, folder=str(self._dir), reason=str(error))


def _make_thumbnail(entry: Entry) -> None:
    """Write the small JPEG; raises PictureError for a file that doesn't decode."""
    from PIL import Image

    stream = io.BytesIO()
    try:
        with Image.open(entry.file) as picture:
            picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
            picture.convert("RGB").save(stream, "JPEG", quality=85)
    except Exception as error:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        raise NotAPicture(None, reason=type(error).__name__) from None
    write_atomically(entry.thumbnail, stream.getvalue())


def _insert(index: sqlite3.Connection, rows: list[Row]) -> None:
    index.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _row_of(index: sqlite3.Connection, id: str) -> Any:
    return index.execute("SELECT * FROM pictures WHERE id = ?", (whole(id),)).fetchone()


def _row(entry: Entry) -> Row:
    request = entry.request
    names = (*request.styles, *(use.name for use in request.loras))
    words = whole("\n".join((request.prompt, request.negative_prompt, request.model, *names)).casefold())
    return (entry.id, _place_of(entry.file), _microseconds(entry.created), entry.seed,
            entry.seconds, entry.model, json.dumps(request.to_dict()), words)  # fmt: skip


def _escape(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _place_of(file: Path) -> str:
    """A picture's file relative to the output folder: its day and its name."""
    return f"{file.parent.name}/{file.name}"


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
