"""The checks that lie beside a table as `<name>.checks.sql`: one sentence and one query each.

    -- check: the mean of nitrogen dioxide is never negative
    select *
    from model
    where no2_ugm3_mean < 0;

`model` is the table. A row that comes back is a failure, and the row is the evidence.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.database import count, quoted
from pipelines.errors import WarehouseError
from pipelines.privacy import scrub

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIX = ".checks.sql"
_START = re.compile(r"^-- check:\s*(.*)$", re.MULTILINE)
_SHOWN_ROWS = 3


@dataclass(frozen=True)
class Check:
    """A sentence that must be true of a table, and the query that brings back what contradicts it."""

    sentence: str
    query: str
    line: int


def read(path: Path) -> list[Check]:
    """The checks of one file, none when there is no such file.

    Raises WarehouseError when the file holds anything before its first check, or a sentence without a query.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    starts = list(_START.finditer(text))
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        raise WarehouseError(
            f"{path.name}:1: found {before.strip().splitlines()[0]!r}, expected '-- check: <sentence>'",
            next_step="write each check as one such line and one query below it",
        )
    ends = [*(start.start() for start in starts[1:]), len(text)]
    checks = [
        Check(
            start[1].strip(),
            text[start.end() : end].strip().rstrip(";").strip(),
            text.count("\n", 0, start.start()) + 1,
        )
        for start, end in zip(starts, ends, strict=True)
    ]
    if empty := [check for check in checks if not check.query or not check.sentence]:
        raise WarehouseError(
            f"{path.name}:{empty[0].line}: a check needs a sentence and a query",
            next_step="write the query below the sentence, or delete the line",
        )
    return checks


def failures(
    connection: DuckDBPyConnection, table: str, checks: Iterable[Check], key: Sequence[str] = ()
) -> list[str]:
    """What contradicts the checks, a line each, with the keys of up to three rows. `table` is `schema.table`.

    Of a row only the columns of `key` are shown, and where it has none, how many rows there are: no other value of a
    row gets into a message.
    """
    import duckdb

    name = ".".join(quoted(part) for part in table.split("."))
    connection.execute(f"create or replace temp view model as select * from {name}")
    found = []
    try:
        for check in checks:
            try:
                answer = connection.execute(check.query)
                columns = [column[0] for column in answer.description or ()]
                rows = answer.fetchmany(_SHOWN_ROWS + 1)
            except duckdb.Error as error:
                raise WarehouseError(
                    f"{table}: check {check.sentence!r} on line {check.line} does not run: "
                    f"{scrub(str(error))}",
                    next_step="correct the query; it reads the table as `model`",
                ) from None  # the cause may quote values
            if rows:
                evidence = _keys(columns, rows, key) or _how_many(connection, check)
                found.append(f"{table}: not true: {check.sentence} ({evidence})")
    finally:
        with contextlib.suppress(duckdb.Error):  # after an error the transaction may be over
            connection.execute("drop view temp.model")
    return found


def _keys(columns: list[str], rows: list[tuple[object, ...]], key: Sequence[str]) -> str:
    """The key columns of the first rows; empty when the rows have none."""
    shown = [name for name in columns if name in key]
    if not shown:
        return ""
    places = [columns.index(name) for name in shown]
    lines = [
        ", ".join(f"{name} {row[place]}" for name, place in zip(shown, places, strict=True))
        for row in rows[:_SHOWN_ROWS]
    ]
    return "; ".join(lines) + ("; and more" if len(rows) > _SHOWN_ROWS else "")


def _how_many(connection: DuckDBPyConnection, check: Check) -> str:
    rows = count(connection, f"select count(*) from (\n{check.query}\n)")
    return "1 row" if rows == 1 else f"{rows:,} rows"
