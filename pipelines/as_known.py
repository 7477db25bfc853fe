"""A governance table as it would have come out on an earlier day: the same models, on what was known then.

Nothing is computed in another way than in a build. The tables that the models read are cut back to what had been
landed by the instant, and of versions to those that were the newest then; dated reference rows are what they are.
The warehouse is only read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import database
from pipelines.contract.model import HISTORY
from pipelines.database import literal, quoted
from pipelines.errors import WarehouseBusy, WarehouseError
from pipelines.stages import governance

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WAREHOUSE = "kept"


@contextlib.contextmanager
def rebuilt(
    project: Path, warehouse: Path, table: str, known_at: datetime, instead: Mapping[str, str] | None = None
) -> Iterator[DuckDBPyConnection]:
    """A connection to a database of its own, in which `table` stands as known at an instant.

    `instead` replaces a source by a query over it, which finds it as `kept.<schema>.<table>`. Raises WarehouseBusy
    while the warehouse is being written, WarehouseError when it lacks a table that the models read.
    """
    connection = database.memory()
    try:
        _attach(connection, warehouse)
        models = {model.table: model for model in governance.read_models(project / "warehouse")}
        needed = _needed(connection, models, table)
        there = _tables(connection)
        for source in sorted(needed - models.keys()):
            if source not in there:
                raise WarehouseError(
                    f"the warehouse has no {source}", next_step="run `urbanbrain load` and `urbanbrain build`"
                )
            connection.execute(f"create schema if not exists {source.partition('.')[0]}")
            query = (instead or {}).get(source) or _as_known(connection, source, there, known_at)
            connection.execute(f"create view {source} as {query}")
        for model in governance.in_order(connection, [models[name] for name in needed & models.keys()]):
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create table {model.table} as {model.query}")
        yield connection
    finally:
        connection.close()


def _attach(connection: DuckDBPyConnection, warehouse: Path) -> None:
    import duckdb

    try:
        connection.execute(f"attach {literal(str(warehouse))} as {_WAREHOUSE} (read_only)")
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise WarehouseBusy(
                "another process is writing the warehouse", next_step="wait for it to end and run again"
            ) from None
        raise WarehouseError(
            f"the warehouse {warehouse.name} cannot be opened: {str(error).splitlines()[0]}",
            next_step="run `make demo`, or `urbanbrain load`",
        ) from None


def _needed(connection: DuckDBPyConnection, models: Mapping[str, governance.Model], table: str) -> set[str]:
    """Every table that goes into one, itself included."""
    needed, waiting = set[str](), [table]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        if name in models:
            waiting += sorted(governance.sources(connection, models[name].query, models[name].origin))
    return needed


def _tables(connection: DuckDBPyConnection) -> dict[str, list[str]]:
    """Every table of the warehouse with its columns."""
    return dict(
        connection.execute(
            "select schema_name || '.' || table_name, list(column_name order by column_index) from duckdb_columns() "
            f"where database_name = '{_WAREHOUSE}' group by all"
        ).fetchall()
    )


def _as_known(
    connection: DuckDBPyConnection, table: str, there: Mapping[str, list[str]], known_at: datetime
) -> str:
    """A query for the rows of a table that were known at an instant, as they were known then."""
    instant, columns = f"timestamptz {literal(known_at.isoformat())}", there[table]
    if table.endswith(HISTORY):
        return (
            f"select * replace (case when _known_to <= {instant} then _known_to end as _known_to) "
            f"from {_WAREHOUSE}.{table} where _known_from <= {instant}"
        )
    if f"{table}{HISTORY}" in there:
        kept = set(there[f"{table}{HISTORY}"])  # what was known at an instant was not gone then
        names = [quoted(name) if name in kept else f"null as {quoted(name)}" for name in columns]
        return (
            f"select {', '.join(names)} from {_WAREHOUSE}.{table}{HISTORY} "
            f"where _known_from <= {instant} and (_known_to is null or _known_to > {instant})"
        )
    landed = next((name for name in ("_first_landed_at", "landed_at") if name in columns), None)
    return f"select * from {_WAREHOUSE}.{table}" + (f" where {landed} <= {instant}" if landed else "")
