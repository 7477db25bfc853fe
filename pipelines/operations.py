"""What the channel keeps of itself: the tables of schema `ops`, as `contracts/operations` promises them.

Each of them is filled from the lake, so a table that no longer fits its contract is made anew and filled again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pipelines import contract as contracts
from pipelines import settings
from pipelines.contract import dictionary
from pipelines.contract.model import Contract
from pipelines.database import literal, quoted, transaction
from pipelines.errors import ContractError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def prepare(connection: DuckDBPyConnection) -> frozenset[str]:
    """Make the promised tables where they are missing or have other columns; the names of those made, empty now."""
    promises = contracts.load_operations()
    if "ops.batches" not in {promise.table for promise in promises}:
        raise ContractError(
            f"{settings.project() / 'contracts' / 'operations'} does not promise ops.batches",
            next_step="copy the folder contracts/operations of this project there; any city keeps it as it is",
        )
    with transaction(connection):
        connection.execute("create schema if not exists ops")
        _drop_unpromised(connection, {promise.table for promise in promises})
        return frozenset(each.table for each in promises if not _stands(connection, each))


def _drop_unpromised(connection: DuckDBPyConnection, promised: set[str]) -> None:
    """What nobody promises is not kept here: an older version's table, or one somebody made by hand."""
    found = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'ops' and database_name = current_database()"
    ).fetchall()
    for (name,) in found:
        if f"ops.{name}" not in promised:
            connection.execute(f"drop table ops.{quoted(name)}")


def _stands(connection: DuckDBPyConnection, promise: Contract) -> bool:
    found = _columns(connection, promise.table)
    columns = [(column.name, column.type, column.required) for column in promise.columns]
    if _spelled(found) == _spelled(columns):
        return True
    connection.execute(f"drop table if exists {promise.table}")
    connection.execute(dictionary.create_operations(promise))
    for statement in dictionary.comments(promise):
        connection.execute(statement)
    return False


def _columns(connection: DuckDBPyConnection, table: str) -> list[tuple[str, str, bool]]:
    """Name, type and whether it is never empty, of each column; none when there is no such table."""
    return connection.execute(
        "select column_name, data_type, not is_nullable from duckdb_columns() "
        f"where schema_name || '.' || table_name = {literal(table)} and database_name = current_database() "
        "order by column_index"
    ).fetchall()


def _spelled(columns: Iterable[tuple[str, str, bool]]) -> list[tuple[str, str, bool]]:
    """Columns with their types as one spells them and the other does: without blanks, quotes and cases."""
    return [
        (
            name,
            kind.replace(" ", "").replace('"', "").replace("TIMESTAMPWITHTIMEZONE", "TIMESTAMPTZ").upper(),
            required,
        )
        for name, kind, required in columns
    ]


def fill(connection: DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put these rows, and no others, into one of the tables: as one statement of lists, not row by row."""
    if not rows and not _columns(connection, table):
        return  # nobody promised it, and nobody has anything to say in it
    connection.execute(f"delete from {table}")
    add(connection, table, rows)


def add(connection: DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put these rows into one of the tables beside those that are there; columns they do not name stay empty."""
    if rows:
        names = list(rows[0])
        connection.execute(
            f"insert into {table} ({', '.join(map(quoted, names))}) select {', '.join(['unnest(?)'] * len(names))}",
            [[row[name] for row in rows] for name in names],
        )
