"""How two states of a table differ is told row by row, by key, and column by column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import database
from pipelines.releases import table_changes
from pipelines.releases.table_changes import TableChange, Version
from pipelines.releases.table_files import TableFiles


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = database.memory()
    yield connection
    connection.close()


def version(folder: Path, name: str, query: str, key: tuple[str, ...] = ("id",)) -> Version:
    file = folder / f"{name}.parquet"
    duckdb.execute(f"copy ({query}) to '{file}'")
    return Version({"ref.t": TableFiles((file,))}, {"ref.t": key})


def compared(connection: duckdb.DuckDBPyConnection, one: Version, other: Version) -> Any:
    found = table_changes.compare(connection, one, other)
    return found[0] if found else None


def test_rows_are_told_apart_by_key(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    one = version(
        tmp_path, "one", "select * from (values (1, 'a', 9), (2, 'b', 9), (3, null, 9)) as t(id, name, n)"
    )
    other = version(
        tmp_path, "other", "select * from (values (4, 'd', 9), (3, 'c', 8), (2, 'b', 9)) as t(id, name, n)"
    )

    assert TableChange("ref.t", 1, 1, 1, {"n": 1, "name": 1}) == compared(connection, one, other)
    table_changes.rows_of(connection, "ref.t", one, other, "rows_between")
    assert [('["1"]', "removed"), ('["3"]', "changed"), ('["4"]', "added")] == connection.execute(
        "from rows_between order by all"
    ).fetchall()


def test_the_same_rows_in_another_order_are_no_difference(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one = version(tmp_path, "one", "select range as id, [range] as list from range(9)")
    other = version(tmp_path, "other", "select range as id, [range] as list from range(9) order by id desc")

    assert compared(connection, one, other) is None


@pytest.mark.parametrize("key", [(), ("id",)], ids=["without a key", "with one that repeats"])
def test_rows_without_a_key_of_their_own_are_counted(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, key: tuple[str, ...]
) -> None:
    one = version(tmp_path, "one", "select * from (values (1), (1), (2)) as t(id)", key)
    other = version(tmp_path, "other", "select * from (values (1), (2), (2), (null)) as t(id)", key)

    assert TableChange("ref.t", 2, 1, 0) == compared(connection, one, other)


def test_columns_that_come_go_or_change_are_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one = version(tmp_path, "one", "select 1 as id, 2 as n, 3 as gone")
    other = version(tmp_path, "other", "select 1 as id, '2' as n, date '2026-01-01' as new")

    assert TableChange("ref.t", shape=("+ new DATE", "- gone", "n INTEGER → VARCHAR")) == compared(
        connection, one, other
    )


def test_a_table_that_comes_or_goes_does_so_with_its_rows(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one, none = version(tmp_path, "one", "select range as id from range(3)"), Version({}, {})

    assert TableChange("ref.t", added=3, shape=("+ table",)) == compared(connection, none, one)
    assert TableChange("ref.t", removed=3, shape=("- table",)) == compared(connection, one, none)


def test_empty_tables_are_compared_too(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    one = version(tmp_path, "one", "select 1 as id, 2 as n where false")
    other = version(tmp_path, "other", "select 1 as id, 2 as n")

    assert TableChange("ref.t", added=1) == compared(connection, one, other)
    assert TableChange("ref.t", removed=1) == compared(connection, other, one)
