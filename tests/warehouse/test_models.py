"""Each SQL model does what its YAML cases say: given these rows, expect those.

    tests/warehouse/cases/<table>__<what_must_hold>.yaml
        because   one sentence
        given     table → rows; columns not named are empty. Tables of `ref` not given are the project's own
        expect    rows of the model; only columns named here are compared, in any order of rows

Checks of every model that was built must hold, too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from duckdb import DuckDBPyConnection

from pipelines import checks, contract, settings
from pipelines.database import quoted
from pipelines.publication import office_views
from pipelines.stages import governance

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
LATIN, HAN = re.compile("[A-Za-z]"), re.compile("[\u4e00-\u9fff]")
THIS_OFFICE = (
    "create temp table this_office as select '110114010' as street_code, '霍营街道' as street_name, "
    "date '2026-11-19' as day, timestamptz '2026-11-19 16:40:00+00' as as_of"
)
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
    tables.execute(THIS_OFFICE)
    views = office_views.read(settings.project(), [*contract.load_governance(), *contract.load_reference()])

    assert len(views) >= 14
    for view in views:
        query = (settings.project() / view.origin).read_text(encoding="utf-8")
        assert query.startswith(f"-- {view.name}\n")
        assert tables.execute(query).fetchall() == []
        columns = [name for name, *_ in tables.execute(f"describe {query}").fetchall()]
        for comment in (
            view.comment,
            *(view.column_comments.get(name, f"{name} has none") for name in columns),
        ):
            assert LATIN.search(comment), (view.name, comment)
            assert HAN.search(comment), (view.name, comment)


def build(connection: DuckDBPyConnection, target: str, given: dict[str, list[dict[str, Any]]]) -> None:
    """Build the target and what it reads, after putting the given rows in place."""
    models = governance.in_order(connection, MODELS)
    needed, before = {target}, set()
    while needed != before:  # a check may read a model that is built later
        before = set(needed)
        for model in models:
            if model.table in before:
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
