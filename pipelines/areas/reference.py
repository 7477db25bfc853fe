"""Reading the reference files of a folder into schema `ref`, typed by the contracts beside them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import checks, contract
from pipelines.contract.model import Column, Contract
from pipelines.database import count, literal, quoted
from pipelines.errors import ContractError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 60
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-11-17",
    "timestamp": "a time such as 2026-11-17 08:00:00+08",
}


def load_files(
    connection: DuckDBPyConnection,
    folder: Path,
    only: Collection[str] | None = None,
    extend: Callable[[DuckDBPyConnection], None] | None = None,
    *,
    is_checked: bool = False,
) -> dict[str, int]:
    """Fill schema `ref` from the CSV files of a folder, typed by the contracts beside them.

    `only` names the tables to load; without it all are loaded. Without it, or with `is_checked`, the checks beside
    them run. `extend` adds what is not kept in the files, before the checks: `register.load_reference` does. The
    connection is one of `pipelines.database`. Returns rows per table. Raises ContractError with every problem of
    every file, each with its line.
    """
    contracts = contract.load_reference(folder, only)
    connection.execute("create schema if not exists ref")
    problems = [problem for each in contracts for problem in _load(connection, folder, each)]
    if extend and not problems:
        extend(connection)
    if not problems and (only is None or is_checked):
        for each in contracts:
            beside = checks.read(folder / f"{each.name}{checks.SUFFIX}")
            problems += checks.failures(connection, each.table, beside, each.key)
    if problems:
        how_many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ContractError(
            f"{how_many} in {folder.name}/\n" + "\n".join(f"  {problem}" for problem in problems),
            next_step="correct the reference files and build again",
        )
    return {each.name: count(connection, f"select count(*) from {each.table}") for each in contracts}


def _load(connection: DuckDBPyConnection, folder: Path, table: Contract) -> list[str]:
    """Read one CSV file as text, then type it; bad headers, values and keys come back in words."""
    path = folder / f"{table.name}.csv"
    if not path.is_file():
        return [f"{path.name} is missing, but {table.name}.odcs.yaml promises it"]
    names = [column.name for column in table.columns]
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if header != names:
        return [f"{path.name}:1: found columns {', '.join(header)}; expected {', '.join(names)}"]
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    connection.execute(
        "create or replace temp table reference_text as select row_number() over () + 1 as _line, * "
        f"from read_csv({literal(str(path))}, header = true, nullstr = '', delim = ',', quote = '\"', "
        f"auto_detect = false, columns = {{{texts}}})"
    )
    conditions = [(column, *pair) for column in table.columns for pair in _conditions(column)]
    # Nearly always nothing is wrong: one look tells, and only then each condition is asked by itself.
    anything = " or ".join(f"({condition})" for _, condition, _ in conditions) or "false"
    if not count(connection, f"select count(*) from reference_text where {anything}"):
        conditions = []
    problems = [
        f"{path.name}:{line}: {column.name} is {_shown(value)}, expected {expected}"
        for column, condition, expected in conditions
        for line, value in connection.execute(
            f"select _line, {quoted(column.name)} from reference_text where {condition} order by all"
        ).fetchall()
    ]
    if key := ", ".join(quoted(name) for name in table.key):
        repeated = connection.execute(
            f"select max(_line), {key} from reference_text group by all having count(*) > 1 order by all"
        ).fetchall()
        problems += [
            f"{path.name}:{line}: the key {', '.join(map(str, values))} occurs twice"
            for line, *values in repeated
        ]
    if not problems:
        typed = ", ".join(
            f"cast({quoted(column.name)} as {column.type}) as {quoted(column.name)}"
            for column in table.columns
        )
        connection.execute(
            f"create or replace table {table.table} as select {typed} from reference_text order by _line"
        )
    connection.execute("drop table reference_text")
    return problems


def _conditions(column: Column) -> Iterator[tuple[str, str]]:
    """SQL that is true for a text the contract does not allow, and what it does allow in words."""
    name = quoted(column.name)
    typed = f"try_cast({name} as {column.type})"
    yield f"{name} is not null and {typed} is null", _NOUNS.get(column.logical_type, "text")
    if column.required or column.is_key:
        yield f"{name} is null", "a value"
    if values := [value.value for value in column.enum]:
        yield f"{name} not in ({', '.join(map(literal, values))})", f"one of {', '.join(values)}"
    if column.pattern:
        yield f"not regexp_matches({name}, {literal(column.pattern)})", f"the form {column.pattern}"
    if column.minimum is not None:
        yield f"{typed} < {column.minimum}", f"at least {column.minimum}"
    if column.maximum is not None:
        yield f"{typed} > {column.maximum}", f"at most {column.maximum}"


def _shown(value: str | None) -> str:
    return "empty" if value is None else repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")
