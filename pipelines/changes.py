"""What changed since the tables were built last, so that a build makes anew only what it must.

A model is made of its own text, its output contract and the tables it reads. While all of them are the same its
table is, too, and is left alone. A large model may say more in a file beside it:

    warehouse/<schema>/<name>.partitions.sql    one row a partition: its key, a column of the model, and its `state`,
                                                a fingerprint of everything the partition is made of

A partition is a day, or a record with all its versions. Only those whose state changed are made anew. Tables which
that query reads count by partition; any other table the model reads counts whole: when it changes, so does every
partition. The key has to reach the sources through the model as it is, so that DuckDB reads only rows of changed
partitions: windows are partitioned and rows grouped by it.

Fingerprints are of contents, never of times of loading: what was loaded anew with the same rows changed nothing.
All of this is remembered in schemas `builds` and `build`, in the transaction that makes the tables: it is nobody's to read, and forgetting it
costs one full build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.database import count, literal, quoted
from pipelines.errors import WarehouseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIX = ".partitions.sql"
STATE = "state"
_SCHEMA = "build"
# Beyond this share or number of changed partitions one pass over everything is quicker.
_MOST_CHANGED, _MOST_NAMED = 0.5, 20_000


@dataclass(frozen=True)
class Remembered:
    """What is known of a model's table: digests of what it was made of, of its rows, and of what it was held against."""

    made_of: str = ""
    contents: str = ""
    checked: str = ""


class Memory:
    """What the build before made, and what this one does. Nothing is remembered when `forget` is true."""

    def __init__(self, connection: DuckDBPyConnection, *, forget: bool = False) -> None:
        self._connection = connection
        self._contents: dict[str, str] = {}
        self._new: dict[str, Remembered] = {}
        connection.execute("create schema if not exists builds")
        connection.execute(f"create schema if not exists {_SCHEMA}")
        connection.execute(
            "create table if not exists builds.models (table_name varchar not null, made_of varchar not null, "
            "contents varchar not null, checked varchar not null)"
        )
        found = [] if forget else connection.execute("from builds.models").fetchall()
        self._before = {table: Remembered(*rest) for table, *rest in found}

    def before(self, table: str) -> Remembered:
        """What the build before made of a table; nothing when the table is gone."""
        return self._before.get(table, Remembered())

    def contents(self, table: str) -> str:
        """A fingerprint of a table's columns and rows, whatever their order."""
        if table not in self._contents:
            self._contents[table] = fingerprint(self._connection, table)
        return self._contents[table]

    def is_made(self, table: str, made_of: str, *, changed: bool) -> None:
        """A model's table stands. When it was not `changed`, its rows need not be looked at again."""
        if not changed:
            self._contents[table] = self.before(table).contents
        self._new[table] = Remembered(made_of, self.contents(table))

    def is_checked(self, table: str, checked: str) -> None:
        made = self._new[table]
        self._new[table] = Remembered(made.made_of, made.contents, checked)

    def write(self) -> None:
        """Remember this build instead of the one before."""
        rows = [
            (table, each.made_of, each.contents, each.checked) for table, each in sorted(self._new.items())
        ]
        self._connection.execute("delete from builds.models")
        if rows:
            self._connection.execute(
                "insert into builds.models select unnest(?), unnest(?), unnest(?), unnest(?)",
                [list(column) for column in zip(*rows, strict=True)],
            )
        kept = {_states_name(table) for table in self._new}
        for (name,) in self._connection.execute(
            "select table_name from duckdb_tables() where schema_name = ?", [_SCHEMA]
        ).fetchall():
            if name not in kept:
                self._connection.execute(f"drop table {_SCHEMA}.{quoted(name)}")


@dataclass(frozen=True)
class Partitions:
    """The partitions of a model: the column of their key, and those made of something else than before."""

    key: str
    changed: tuple[str | None, ...]
    are_too_many: bool

    @property
    def condition(self) -> str:
        """SQL that is true of rows of changed partitions. Constants, so that DuckDB looks at no other rows."""
        texts = [each for each in self.changed if each is not None]
        conditions = [f"{quoted(self.key)} in ({', '.join(map(literal, texts))})"] if texts else []
        conditions += [f"{quoted(self.key)} is null"] if None in self.changed else []
        return " or ".join(conditions)


def find(connection: DuckDBPyConnection, table: str, query: str, origin: str) -> Partitions:
    """Ask a partitions query for the states of today and hold them against those remembered.

    The states of today are what is remembered from now on. Raises WarehouseError when the query does not answer with
    two columns, one of them `state`, and one row a partition.
    """
    today, name = "partitions_today", f"{_SCHEMA}.{quoted(_states_name(table))}"
    connection.execute(f"create or replace temp table {today} as {query}")
    columns = [row[0] for row in connection.execute(f"select column_name from (describe {today})").fetchall()]
    keys = [column for column in columns if column != STATE]
    if len(keys) != 1 or STATE not in columns:
        raise WarehouseError(
            f"{origin} answers with columns {', '.join(columns)}; expected the key of a partition and {STATE!r}",
            next_step="write one row a partition: select <column of the model>, sum(hash(…)) as state",
        )
    key = quoted(keys[0])
    total = count(connection, f"select count(*) from {today}")
    if repeated := total - count(connection, f"select count(*) from (select distinct {key} from {today})"):
        raise WarehouseError(
            f"{origin} names {repeated:,} partitions more than once",
            next_step=f"group the query by {keys[0]}",
        )
    if not count(
        connection,
        f"select count(*) from duckdb_tables() where schema_name || '.' || table_name = {literal(f'{_SCHEMA}.{_states_name(table)}')}",
    ):
        connection.execute(f"create table {name} as from {today} limit 0")
    changed = connection.execute(
        f"select distinct {key}::varchar from ((from {today} except from {name}) union all (from {name} except from {today})) "
        "order by all"
    ).fetchall()
    connection.execute(f"create or replace table {name} as from {today} order by {key}")
    connection.execute(f"drop table {today}")
    found = tuple(value for (value,) in changed)
    return Partitions(keys[0], found, len(found) > min(_MOST_CHANGED * max(total, 1), _MOST_NAMED))


def _states_name(table: str) -> str:
    return table.replace(".", "_", 1)


def read(path: Path) -> str:
    """The partitions query beside a model, empty when there is none."""
    file = path.with_name(f"{path.stem}{SUFFIX}")
    return file.read_text(encoding="utf-8").strip().rstrip(";") if file.is_file() else ""


def fingerprint(connection: DuckDBPyConnection, table: str) -> str:
    """A digest of a table's columns and rows, whatever the rows' order."""
    name = ".".join(quoted(part) for part in table.split("."))
    columns = connection.execute(f"select column_name, column_type from (describe {name})").fetchall()
    names = ", ".join(quoted(column) for column, _ in columns)
    rows = connection.execute(
        f"select count(*), sum(hash({names})), bit_xor(hash({names})) from {name}"
    ).fetchone()
    return digest([*(f"{column} {kind}" for column, kind in columns), str(rows)])


def digest(parts: Iterable[str]) -> str:
    """A digest of texts in their order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{len(part)}:{part}".encode())
    return total.hexdigest()
