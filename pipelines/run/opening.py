"""The warehouse, opened for one call, and what is asked of it again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines import contract as contracts
from pipelines import database, lake
from pipelines.contract.model import Contract
from pipelines.errors import CommandError, WarehouseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@contextmanager
def loaded() -> Iterator[DuckDBPyConnection]:
    """The warehouse, once something was loaded into it. Raises WarehouseError before."""
    nothing = WarehouseError(
        "nothing is loaded yet", next_step="run `make demo`, or `urbanbrain run FEED --window DAY`"
    )
    if not lake.warehouse_file().exists():
        raise nothing
    with database.writer(lake.warehouse_file()) as connection:
        if not has_table(connection, "ops", "batches"):
            raise nothing
        yield connection


def has_table(connection: DuckDBPyConnection, schema: str, name: str) -> bool:
    query = f"from duckdb_tables() where schema_name = '{schema}' and table_name = '{name}'"
    return database.count(connection, f"select count(*) {query}") > 0


def rows_of(connection: Any, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def readable() -> list[Contract]:
    """The feeds whose contracts can be read: one broken contract stops its own feed, and `publish`, which says why."""
    return contracts.read_all()[0]


def feed_named(feed_id: str) -> Contract:
    """The contract of a feed people name. Raises CommandError when there is none."""
    known = {each.feed_id: each for each in readable()}
    if feed_id not in known:
        raise CommandError(f"there is no feed {feed_id!r}", next_step="`urbanbrain feeds` lists them")
    return known[feed_id]
