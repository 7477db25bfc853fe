"""How the tables of two releases differ: rows added, removed and changed by key, columns that came, went or changed.

Rows are compared in columns by DuckDB, file against file. A table's key is what its data package calls so; rows of a
table without one are compared as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.database import count, literal, quoted
from pipelines.releases import Release
from pipelines.releases.table_files import TableFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
KINDS = (ADDED, REMOVED, CHANGED)


@dataclass(frozen=True)
class Version:
    """One state of the tables: their Parquet files and keys, by name."""

    files: Mapping[str, TableFiles]
    keys: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class TableChange:
    """What changed of one table."""

    table: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    """Column → rows of which it changed."""
    shape: tuple[str, ...] = ()
    """Columns that came, went or have another type, a few words each; or the whole table."""

    @property
    def rows(self) -> int:
        return self.added + self.removed + self.changed


def of_release(release: Release) -> Version:
    """The tables of a release."""
    keys = {
        str(each["name"]): tuple(each["schema"].get("primaryKey", ()))
        for each in release.detail_package()["resources"]
    }
    return Version(release.detail, keys)


def compare(connection: DuckDBPyConnection, one: Version, other: Version) -> list[TableChange]:
    """Every table that differs, by name."""
    found = []
    for table in sorted(one.files.keys() | other.files.keys()):
        if _is_same(one.files.get(table), other.files.get(table)):
            continue
        change = _compare(connection, table, one, other)
        if change.rows or change.shape:
            found.append(change)
    return found


def rows_of(connection: DuckDBPyConnection, table: str, one: Version, other: Version, name: str) -> None:
    """A temporary table `name` of the rows that differ: `row_key` and its `kind`, one of KINDS."""
    query = f"select row_key, kind from ({_query(connection, table, one, other)[0]})"
    if _is_same(one.files.get(table), other.files.get(table)):
        query += " limit 0"
    connection.execute(f"create or replace temp table {quoted(name)} as {query}")


def _is_same(one: TableFiles | None, other: TableFiles | None) -> bool:
    return bool(one and other and one.has_bytes_of(other))


def _compare(connection: DuckDBPyConnection, table: str, one: Version, other: Version) -> TableChange:
    query, shape = _query(connection, table, one, other)
    connection.execute(f"create or replace temp table differing as {query}")
    by_kind = dict(connection.execute("select kind, count(*) from differing group by all").fetchall())
    columns = connection.execute(
        "select column_name, count(*) from (select unnest(columns) as column_name from differing) "
        "group by all order by count(*) desc, column_name"
    ).fetchall()
    connection.execute("drop table differing")
    return TableChange(
        table,
        by_kind.get(ADDED, 0),
        by_kind.get(REMOVED, 0),
        by_kind.get(CHANGED, 0),
        dict(columns),
        tuple(shape),
    )


def _query(
    connection: DuckDBPyConnection, table: str, one: Version, other: Version
) -> tuple[str, Sequence[str]]:
    """A query for the rows that differ (`row_key`, `kind`, `columns`), and how the columns do."""
    sides = [_columns(connection, version.files.get(table)) for version in (one, other)]
    if not all(sides):  # the whole table came or went
        place, word, sign = (1, ADDED, "+") if sides[1] else (0, REMOVED, "-")
        key = (one, other)[place].keys.get(table, ())
        rows = _keyed((one, other)[place].files[table], key or tuple(sides[place]), [])
        return f"select row_key, '{word}' as kind, []::varchar[] as columns from ({rows})", [f"{sign} table"]
    before, after = sides
    shape = [f"+ {name} {kind}" for name, kind in after.items() if name not in before]
    shape += [f"- {name}" for name in before if name not in after]
    shape += [
        f"{name} {before[name]} → {kind}" for name, kind in after.items() if before.get(name, kind) != kind
    ]
    common = [name for name in after if name in before]
    keys = {version.keys.get(table, ()) for version in (one, other)}
    key = keys.pop() if len(keys) == 1 else ()
    key = key if key and set(key) <= set(common) else tuple(common)
    values = [name for name in common if name not in key]
    if not _is_unique(connection, one.files[table], key) or not _is_unique(
        connection, other.files[table], key
    ):
        key, values = tuple(common), []
    left, right = (_keyed(version.files[table], key, values) for version in (one, other))
    as_text = {name for name in common if before[name] != after[name]}
    differs = {
        name: " is distinct from ".join(
            f"{side}.{quoted(name)}{'::varchar' if name in as_text else ''}" for side in ("one", "other")
        )
        for name in values
    }
    columns = ", ".join(f"case when {sql} then {literal(name)} end" for name, sql in differs.items())
    is_changed = " or ".join(differs.values()) or "false"
    return (
        "select coalesce(one.row_key, other.row_key) as row_key, "
        f"case when one.row_key is null then '{ADDED}' when other.row_key is null then '{REMOVED}' else '{CHANGED}' end "
        "as kind, case when one.row_key is null or other.row_key is null then [] else "
        f"list_filter([{columns}]::varchar[], lambda name: name is not null) end as columns "
        f"from ({left}) as one full join ({right}) as other on one.row_key = other.row_key "
        f"where one.row_key is null or other.row_key is null or {is_changed}",
        shape,
    )


def _keyed(files: TableFiles, key: Iterable[str], values: Iterable[str]) -> str:
    """Rows with their key as one text. Equal rows of a table without a key are told apart by a number."""
    parts = ", ".join(f"{quoted(name)}::varchar" for name in key)
    number = "" if values else f", row_number() over (partition by {parts})::varchar"
    columns = "".join(f", {quoted(name)}" for name in values)
    return f"select to_json([{parts}{number}])::varchar as row_key{columns} from {files.sql}"


def _is_unique(connection: DuckDBPyConnection, files: TableFiles, key: Sequence[str]) -> bool:
    parts = ", ".join(map(quoted, key))
    repeated = f"select 1 from {files.sql} group by {parts} having count(*) > 1"
    return not count(connection, f"select count(*) from ({repeated})")


def _columns(connection: DuckDBPyConnection, files: TableFiles | None) -> dict[str, str]:
    if files is None:
        return {}
    rows = connection.execute(f"select column_name, column_type from (describe from {files.sql})")
    return dict(rows.fetchall())
