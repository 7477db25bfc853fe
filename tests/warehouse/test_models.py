"""Each SQL model does what its YAML cases say: given these rows, expect those.

    tests/warehouse/cases/<table>__<what_must_hold>.yaml
        because   one sentence
        given     table → rows; columns not named are empty. Tables of `ref` not given are the project's own
        expect    rows of the model; only columns named here are compared, in any order of rows

Checks of every model that was built must hold, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from duckdb import DuckDBPyConnection

from pipelines import checks, settings
from pipelines.database import quoted
from pipelines.stages import governance

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
MODELS = governance.read_models(settings.project() / "warehouse")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_model_keeps_its_case(tables: DuckDBPyConnection, path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    name = path.stem.partition("__")[0]
    target = next(model.table for model in MODELS if model.path.stem == name)
    build(tables, target, case["given"])
    expect = case["expect"]

    columns = list(dict.fromkeys(column for row in expect for column in row)) or ["*"]
    names = ", ".join(columns) if columns == ["*"] else ", ".join(map(quoted, columns))
    tables.execute(f"create temp table expected as select {names} from {target} limit 0")
    insert(tables, "expected", expect)
    missing = tables.execute(f"from expected except all select {names} from {target}").fetchall()
    surplus = tables.execute(f"select {names} from {target} except all from expected").fetchall()

    assert (missing, surplus) == ([], []), case["because"]


def test_every_model_has_checks_and_a_header_that_names_it() -> None:
    for model in MODELS:
        assert checks.read(model.checks_path), model.table
        assert model.query.startswith(f"-- {model.table}\n-- One row per "), model.table


def test_every_governance_model_has_a_case() -> None:
    named = {path.stem.partition("__")[0] for path in CASES}

    assert {model.path.stem for model in MODELS if model.schema == "governance"} <= named


def test_office_views_run_on_the_governance_tables(tables: DuckDBPyConnection) -> None:
    for model in governance.in_order(tables, MODELS):
        tables.execute(f"create schema if not exists {model.schema}")
        tables.execute(f"create table {model.table} as {model.query}")
    views = sorted((settings.project() / "warehouse" / "office").glob("*.sql"))

    assert len(views) >= 4
    for view in views:
        query = view.read_text(encoding="utf-8")
        assert query.startswith(f"-- {view.stem}\n")
        assert tables.execute(query).fetchall() == []


def build(connection: DuckDBPyConnection, target: str, given: dict[str, list[dict[str, Any]]]) -> None:
    """Build the target and what it reads, after putting the given rows in place."""
    needed = {target}
    models = governance.in_order(connection, MODELS)
    for model in reversed(models):
        if model.table in needed:
            needed |= model.sources(connection)
            for check in checks.read(model.checks_path):
                needed |= governance.sources(connection, check.query, model.table)
    unknown = set(given) - needed
    assert not unknown, f"{target} does not read {unknown}"
    for table, rows in given.items():
        if not any(model.table == table for model in models):
            connection.execute(f"delete from {table}")
            insert(connection, table, rows)
    made = [model for model in models if model.table in needed]
    for model in made:
        connection.execute(f"create schema if not exists {model.schema}")
        connection.execute(f"create table {model.table} as {model.query}")
        if model.table in given:
            connection.execute(f"delete from {model.table}")
            insert(connection, model.table, given[model.table])
    if not given.keys() & {model.table for model in models}:  # rows put in a model's place need not add up
        for model in made:
            assert checks.failures(connection, model.table, checks.read(model.checks_path)) == []


def insert(connection: DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        connection.execute(
            f"insert into {table} ({', '.join(map(quoted, row))}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
