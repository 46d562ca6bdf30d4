"""The list of a set's pictures with their captions, provenance, measures and problems: one SQLite file in its folder.

Every change is on the disk when the call returns, can be undone, and raises the picture's version: whoever edits from
an older version is told, instead of overwriting what somebody else wrote meanwhile. Several threads and processes may
have the same set open. A catalogue without a file (`over`) lists a folder that is only looked at."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self

from studio.dataset_requests import Need
from studio.datasets import rows
from studio.datasets.entry import Entry, Measures, New
from studio.datasets.errors import CatalogueBroken, EditedElsewhere, EntryMissing, SetMissing
from studio.datasets.query import Query, measured
from studio.disk import storage_error

FILE = "catalogue.sqlite"
MOST_UNDOS = 200
_PATIENCE_S = 20.0
_BATCH = 500


class Catalogue:
    """The pictures of the set in folder `root`."""

    def __init__(self, root: Path, database: str) -> None:
        self.root = root
        self._lock = threading.RLock()
        try:
            self._sql = sqlite3.connect(
                database, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            self._sql.row_factory = sqlite3.Row
            self._prepare(database)
        except sqlite3.Error as error:
            raise rows.complaint(error, root) from None

    @classmethod
    def create(cls, root: Path, need: Need) -> Self:
        """A new, empty set in a folder that is made; one that is there already is opened and keeps its own need."""
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, root.parent) from None
        is_new = not (root / FILE).exists()
        made = cls(root, str(root / FILE))
        if is_new:
            made.need = need
        return made

    @classmethod
    def open(cls, root: Path) -> Self:
        """The set in a folder; raises SetMissing or CatalogueBroken."""
        if not (root / FILE).is_file():
            raise SetMissing(None, path=str(root))
        return cls(root, str(root / FILE))

    @classmethod
    def over(cls, root: Path, need: Need) -> Self:
        """A catalogue in memory of a folder that is not changed."""
        made = cls(root, ":memory:")
        made.need = need
        return made

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sql.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what the set is for

    @property
    def need(self) -> Need:
        """What the set is for."""
        return Need.from_dict(self.note("need") or {})

    @need.setter
    def need(self, need: Need) -> None:
        """Keep what the set is for."""
        self.set_note("need", need.to_dict())

    def note(self, key: str) -> Any:
        """Something kept with the set under a name, as JSON holds it; None when there is nothing."""
        with self._reading() as sql:
            row = sql.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row["value"])

    def set_note(self, key: str, value: Any) -> None:
        """Keep something with the set."""
        with self._writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, json.dumps(value, ensure_ascii=False))
            )

    @property
    def stamp(self) -> int:
        """A number that rises with every change, of whatever process: equal means that nothing has changed."""
        with self._reading() as sql:
            return int(sql.execute("SELECT value FROM notes WHERE key = 'stamp'").fetchone()["value"])

    # reading

    def get(self, id: int) -> Entry:
        """One picture, deleted or not; raises EntryMissing."""
        with self._reading() as sql:
            row = sql.execute(f"SELECT {rows.SELECT} FROM pictures WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise EntryMissing(None, id=id)
        return rows.entry_of(row)

    def count(self, query: Query | None = None) -> int:
        """How many pictures a query finds."""
        where, values = (query or Query()).condition
        with self._reading() as sql:
            return int(sql.execute(f"SELECT count(*) FROM pictures WHERE {where}", values).fetchone()[0])

    def page(self, query: Query, offset: int, limit: int) -> list[Entry]:
        """A stretch of what a query finds, in its order."""
        where, values = query.condition
        asked = f"SELECT {rows.SELECT} FROM pictures WHERE {where} ORDER BY {query.sorting} LIMIT ? OFFSET ?"
        with self._reading() as sql:
            return [rows.entry_of(row) for row in sql.execute(asked, [*values, limit, offset])]

    def ids(self, query: Query | None = None) -> list[int]:
        """The ids of what a query finds, in its order."""
        query = query or Query()
        where, values = query.condition
        with self._reading() as sql:
            found = sql.execute(f"SELECT id FROM pictures WHERE {where} ORDER BY {query.sorting}", values)
            return [int(row["id"]) for row in found]

    def entries(self, query: Query | None = None) -> Iterator[Entry]:
        """All that a query finds, in the order of arrival, a batch at a time: edits in between are seen, and no
        picture comes twice."""
        where, values = (query or Query()).condition
        last = 0
        while True:
            asked = f"SELECT {rows.SELECT} FROM pictures WHERE {where} AND id > ? ORDER BY id LIMIT ?"
            with self._reading() as sql:
                found = sql.execute(asked, [*values, last, _BATCH]).fetchall()
            if not found:
                return
            yield from map(rows.entry_of, found)
            last = int(found[-1]["id"])

    def columns(self, names: Sequence[str], query: Query | None = None) -> list[tuple[Any, ...]]:
        """Some columns of what a query finds, in the order of arrival: `id`, fields of Entry and Provenance, and fields
        of Measures after "m_"; for looking over very many pictures. Hashes come as signed numbers."""
        assert set(names) <= {"id", *rows.COLUMNS}
        where, values = (query or Query()).condition
        with self._reading() as sql:
            found = sql.execute(f"SELECT {', '.join(names)} FROM pictures WHERE {where} ORDER BY id", values)
            return [tuple(row) for row in found]

    def with_sha256(self, sha256: str) -> Entry | None:
        """The picture with these bytes, if the set has it; one that was deleted counts."""
        with self._reading() as sql:
            row = sql.execute(
                f"SELECT {rows.SELECT} FROM pictures WHERE sha256 = ? ORDER BY is_deleted LIMIT 1",
                (sha256,),
            ).fetchone()
        return None if row is None else rows.entry_of(row)

    def tally(self, column: str, query: Query | None = None) -> dict[str, int]:
        """How many pictures have each value of a column: split, license, source, caption_source, m_format, m_fault."""
        assert column in rows.COLUMNS
        where, values = (query or Query()).condition
        asked = f"SELECT {column} AS v, count(*) AS n FROM pictures WHERE {where} GROUP BY v ORDER BY n DESC"
        with self._reading() as sql:
            return {str(row["v"]): int(row["n"]) for row in sql.execute(asked, values)}

    def tags(self, most: int = 200) -> dict[str, int]:
        """The commonest tags, and how many pictures have each."""
        counts: dict[str, int] = {}
        for (line,) in self.columns(["tags"]):
            for tag in rows.tags_of(line):
                counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:most])

    def values(self, measure: str, query: Query | None = None) -> list[float]:
        """A measure (side, aspect, caption, brightness, sharpness) of all that a query finds, for a histogram."""
        where, values = (query or Query()).condition
        with self._reading() as sql:
            found = sql.execute(f"SELECT {measured(measure)} AS v FROM pictures WHERE {where}", values)
            return [float(row["v"]) for row in found]

    # writing

    def add(self, news: Iterable[New]) -> list[int]:
        """Take pictures in, all or none; their ids."""
        names = ", ".join(rows.COLUMNS)
        asked = f"INSERT INTO pictures ({names}) VALUES ({', '.join('?' * len(rows.COLUMNS))})"
        with self._writing() as sql:
            return [int(sql.execute(asked, rows.row_of(new)).lastrowid or 0) for new in news]

    def edit(self, id: int, version: int, **changes: Any) -> Entry:
        """Change a picture that was seen in this version: caption, caption_source, split, tags, repeats, turn, crop,
        is_deleted, name, or where it came from. Raises EditedElsewhere when somebody has changed it meanwhile."""
        with self._writing() as sql:
            now = self.get(id)
            if now.version != version:
                raise EditedElsewhere(None, name=now.name, caption=now.caption)
            self._change(sql, {id: changes}, "edit")
        return self.get(id)

    def edit_many(self, changes: Mapping[int, Mapping[str, Any]], what: str, joins: bool = False) -> int:
        """Change many pictures in one step that is undone as one, whatever their version; how many really changed.
        `what` names the step in the undo list; one that `joins` becomes part of the last step, if that has its name."""
        with self._writing() as sql:
            return self._change(sql, changes, what, joins)

    def rewrite(
        self, ids: Iterable[int], by: Callable[[Entry], Mapping[str, Any]], what: str, joins: bool = False
    ) -> int:
        """Change each of these pictures by what `by` makes of it, as `edit_many` does. Raises EntryMissing, with nothing
        changed."""
        left = iter(ids)
        with self._writing() as sql:
            changes: dict[int, Mapping[str, Any]] = {}
            while batch := list(islice(left, _BATCH)):
                marks = ", ".join("?" * len(batch))
                found = sql.execute(f"SELECT {rows.SELECT} FROM pictures WHERE id IN ({marks})", batch)
                changes |= {entry.id: by(entry) for entry in map(rows.entry_of, found)}
                if missing := set(batch) - changes.keys():
                    raise EntryMissing(None, id=min(missing))
            return self._change(sql, changes, what, joins)

    def delete(self, ids: Iterable[int]) -> int:
        """Take pictures out of the set; their files stay until `sweep`, and `undo` brings them back."""
        return self.edit_many({id: {"is_deleted": True} for id in ids}, "delete")

    def undo(self) -> tuple[str, int] | None:
        """Take the last step back: its name, and how many pictures it had changed; None when there is none."""
        with self._writing() as sql:
            row = sql.execute("SELECT id, what, before FROM steps ORDER BY id DESC LIMIT 1").fetchone()
            if row is None:
                return None
            before: dict[str, dict[str, Any]] = json.loads(row["before"])
            for id, held in before.items():
                self._write(sql, int(id), held)
            sql.execute("DELETE FROM steps WHERE id = ?", (row["id"],))
            return str(row["what"]), len(before)

    def last_step(self) -> tuple[str, int] | None:
        """What `undo` would take back: its name, and how many pictures it had changed."""
        with self._reading() as sql:
            row = sql.execute("SELECT what, count FROM steps ORDER BY id DESC LIMIT 1").fetchone()
        return None if row is None else (str(row["what"]), int(row["count"]))

    def measure(self, measured: Mapping[int, Measures]) -> None:
        """Keep what was measured of pictures; no step that is undone, and no new version."""
        names = ", ".join(f"{name} = ?" for name in rows.MEASURES)
        with self._writing() as sql:
            for id, measures in measured.items():
                sql.execute(
                    f"UPDATE pictures SET is_measured = 1, {names} WHERE id = ?",
                    [*rows.measured_values(measures), id],
                )

    def unmeasured(self) -> list[int]:
        """Pictures whose files nobody has looked at yet."""
        with self._reading() as sql:
            found = sql.execute(
                "SELECT id FROM pictures WHERE is_measured = 0 AND is_deleted = 0 ORDER BY id"
            )
            return [int(row["id"]) for row in found]

    # problems

    def set_findings(self, found: Mapping[str, Mapping[int, str]]) -> None:
        """Replace all problems: check name to picture to level."""
        with self._writing() as sql:
            sql.execute("DELETE FROM findings")
            all_found = [(check, id, level) for check, of in found.items() for id, level in of.items()]
            sql.executemany("INSERT INTO findings VALUES (?, ?, ?)", all_found)

    def findings(self, id: int) -> dict[str, str]:
        """A picture's problems: check name to level."""
        with self._reading() as sql:
            found = sql.execute("SELECT check_name, level FROM findings WHERE picture = ?", (id,))
            return {str(row["check_name"]): str(row["level"]) for row in found}

    def troubled(self) -> dict[str, int]:
        """How many pictures each check has something to say about."""
        asked = (
            "SELECT check_name, count(*) AS n FROM findings JOIN pictures ON pictures.id = picture "
            "WHERE is_deleted = 0 GROUP BY check_name"
        )
        with self._reading() as sql:
            return {str(row["check_name"]): int(row["n"]) for row in sql.execute(asked)}

    # how it is kept

    def _prepare(self, database: str) -> None:
        sql = self._sql
        if database != ":memory:":
            sql.execute("PRAGMA journal_mode = WAL")
            sql.execute("PRAGMA synchronous = FULL")  # a caption that was saved survives a power cut
        held = int(sql.execute("PRAGMA user_version").fetchone()[0])
        if held > rows.VERSION:
            raise CatalogueBroken(None, path=str(self.root), reason=f"version {held} > {rows.VERSION}")
        if held == rows.VERSION:
            return
        with self._writing(is_change=False):
            for statement in [*(rows.from_version_1() if held == 1 else []), *rows.schema()]:
                sql.execute(statement)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._sql
            except sqlite3.Error as error:
                raise rows.complaint(error, self.root) from None

    @contextmanager
    def _writing(self, is_change: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction, or a part of the one that is open."""
        with self._reading() as sql:
            if sql.in_transaction:
                yield sql
                return
            sql.execute("BEGIN IMMEDIATE")
            try:
                yield sql
                if is_change:
                    sql.execute("UPDATE notes SET value = value + 1 WHERE key = 'stamp'")
                sql.execute("COMMIT")
            except BaseException:
                if sql.in_transaction:  # on a full disk SQLite has rolled back by itself
                    sql.execute("ROLLBACK")
                raise

    def _change(
        self,
        sql: sqlite3.Connection,
        changes: Mapping[int, Mapping[str, Any]],
        what: str,
        joins: bool = False,
    ) -> int:
        before: dict[int, dict[str, Any]] = {}
        for id, wanted in changes.items():
            assert set(wanted) <= set(rows.EDITABLE), wanted
            told = {name: rows.stored(name, value) for name, value in wanted.items()}
            if not told:
                continue
            row = sql.execute(f"SELECT {', '.join(told)} FROM pictures WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise EntryMissing(None, id=id)
            held = {name: row[name] for name in told if row[name] != told[name]}
            if held:
                before[id] = held
                self._write(sql, id, {name: told[name] for name in held})
        if before:
            self._remember(sql, what, before, joins)
        return len(before)

    def _remember(
        self, sql: sqlite3.Connection, what: str, before: dict[int, dict[str, Any]], joins: bool
    ) -> None:
        """Keep what a step has changed; the oldest steps go."""
        last = sql.execute("SELECT id, what, before FROM steps ORDER BY id DESC LIMIT 1").fetchone()
        if joins and last is not None and last["what"] == what:
            for id, held in json.loads(last["before"]).items():
                before[int(id)] = {**before.get(int(id), {}), **held}
            sql.execute("DELETE FROM steps WHERE id = ?", (last["id"],))
        sql.execute(
            "INSERT INTO steps (what, count, before) VALUES (?, ?, ?)",
            (what, len(before), json.dumps(before, ensure_ascii=False)),
        )
        sql.execute("DELETE FROM steps WHERE id <= (SELECT max(id) FROM steps) - ?", (MOST_UNDOS,))

    def _write(self, sql: sqlite3.Connection, id: int, held: Mapping[str, Any]) -> None:
        names = ", ".join(f"{name} = ?" for name in held)
        sql.execute(f"UPDATE pictures SET version = version + 1, {names} WHERE id = ?", [*held.values(), id])
