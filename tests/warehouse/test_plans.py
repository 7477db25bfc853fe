"""How a build's queries are run: what takes a second of a month must not take hours of a year."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from pipelines import database, settings
from pipelines.stages import governance

EACH_WITH_EACH = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN")
MODELS = governance.read_models(settings.project() / "warehouse")

Plan = dict[str, Any]


@pytest.mark.long
def test_no_model_holds_each_row_of_a_large_table_against_each_of_another(tables: DuckDBPyConnection) -> None:
    for model in governance.in_order(tables, MODELS):
        with database.planned_for_any_size(tables):
            plan = explained(tables, model.query)
        for join in every(plan):
            if join["name"].strip() in EACH_WITH_EACH:
                one, other = (large(side, made_before(plan)) for side in join["children"])
                assert not (one and other), f"{model.table}: {join['extra_info']} of {one} and {other}"
        tables.execute(f"create schema if not exists {model.schema}")
        tables.execute(f"create table {model.table} as {model.query}")


def test_tables_of_the_same_transaction_are_joined_as_written(ships: DuckDBPyConnection) -> None:
    ships.execute("begin transaction")
    ships.execute(
        "create table stays as select range as ship_id, range as came, range + 1 as went from range(1000)"
    )
    ships.execute("create table meetings as select range as one_id, range + 1 as other_id from range(1000)")
    with database.planned_for_any_size(ships):
        plan = explained(
            ships,
            "select * from meetings inner join stays as one on one_id = one.ship_id "
            "inner join stays as other on other_id = other.ship_id "
            "where one.came < other.went and other.came < one.went and one.ship_id <> other.ship_id",
        )
    told = [
        sorted(scanned(side)) for join in every(plan) if "JOIN" in join["name"] for side in join["children"]
    ]
    settings_after = ships.execute(
        "select current_setting('disabled_optimizers'), current_setting('nested_loop_join_threshold')::int"
    ).fetchall()
    ships.execute("rollback")

    assert told == [["meetings", "stays"], ["stays"], ["meetings"], ["stays"]]
    assert settings_after == [("", 5)]


def explained(connection: DuckDBPyConnection, query: str) -> Plan:
    (plan,) = json.loads(connection.execute(f"explain (format json) {query}").fetchall()[0][1])
    return dict(plan)


def every(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan["children"]:
        yield from every(child)


def scanned(plan: Plan) -> set[str]:
    return {name.rpartition(".")[2] for each in every(plan) if (name := each["extra_info"].get("Table"))}


def made_before(plan: Plan) -> dict[str, Plan]:
    """Steps of `with` that are made once, by their number."""
    return {
        each["extra_info"]["Table Index"]: each["children"][0]
        for each in every(plan)
        if each["name"].strip() == "CTE"
    }


def large(plan: Plan, steps: dict[str, Plan]) -> set[str]:
    """Tables a side of a join comes from that grow with the days; what is summed up to one row is none."""
    name, about = plan["name"].strip(), plan["extra_info"]
    if name == "UNGROUPED_AGGREGATE":
        return set()
    if name == "CTE_SCAN":
        return large(steps[about["CTE Index"]], steps)
    table = about.get("Table", "")
    is_reference = '"ref"' in table
    found = {table} - {""} if not is_reference else set()
    for child in plan["children"][1:] if name == "CTE" else plan["children"]:
        found |= large(child, steps)
    return found
