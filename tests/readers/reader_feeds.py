"""Tiny feeds for the tests of this room: a contract from a list of wire names, and what reading gives."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import duckdb

from pipelines import readers
from pipelines.contract.model import Column, Contract, DriftModes, Server


def column(name: str, *wire: str, **more: Any) -> Column:
    return Column(name, name, "", "string", "VARCHAR", wire or (name,), **more)


def feed(*columns: Column | str, **more: Any) -> Contract:
    """A feed that takes no batch without all its columns, unless `more` says otherwise."""
    more.setdefault("drift", DriftModes(missing_columns="fail"))
    return Contract(
        contract_id="city_sample",
        level="city",
        name="sample",
        title="",
        business_name="",
        description="",
        grain="",
        version="1.0.0",
        status="active",
        path="contracts/city/sample.odcs.yaml",
        sha256="",
        columns=tuple(one if isinstance(one, Column) else column(one) for one in columns),
        rules=(),
        **more,
    )


def server(**more: Any) -> Server:
    return Server("sample", "http://127.0.0.1", **{"connector": "file", **more})


def read(
    contract: Contract, source: Server, *parts: bytes | str
) -> tuple[readers.Read, list[tuple[str | None, ...]]]:
    """What `read` says, and the rows of `received` in the order of their numbers, without these."""
    contents = [
        (f"part-{number:05d}", lambda part=part: part.encode() if isinstance(part, str) else part)
        for number, part in enumerate(parts, 1)
    ]
    connection = _connection()
    found = readers.read(connection, contents, contract, source)
    rows = connection.execute("select * from received order by _row_number").fetchall()
    assert [row[0] for row in rows] == list(range(1, found.rows + 1))
    return found, [tuple(row[1:]) for row in rows]


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"temp_directory": "", "threads": "2"})


def rows_of(contract: Contract, source: Server, *parts: bytes | str) -> list[tuple[str | None, ...]]:
    return read(contract, source, *parts)[1]


def read_csv(names: Sequence[str], *parts: bytes | str, **more: Any) -> list[tuple[str | None, ...]]:
    """The rows of CSV parts whose columns are called c1, c2, … and arrive under these names."""
    columns = [column(f"c{number}", name) for number, name in enumerate(names, 1)]
    return rows_of(feed(*columns), server(format="csv", **more), *parts)
