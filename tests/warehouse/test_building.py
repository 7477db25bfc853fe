"""A build is all or nothing, the same for the same rows, and says what is wrong with file and rule."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from histories import IN_BOTH

from pipelines import settings
from pipelines.contract.model import Contract
from pipelines.errors import WarehouseError
from pipelines.stages import governance


def problems(connection: DuckDBPyConnection, project: Path) -> str:
    with pytest.raises(WarehouseError) as raised:
        governance.build(connection, project)
    return str(raised.value)


def test_models_run_in_the_order_their_queries_ask_for(ships: DuckDBPyConnection, project: Path) -> None:
    assert governance.build(ships, project) == {
        "core.ships": governance.Built("rebuilt", 2),
        "governance.harbour_days": governance.Built("rebuilt", 2),
    }
    assert ships.execute("select count(*) from core.ships").fetchone() == (2,)


def test_the_order_of_building_needs_no_data(project: Path) -> None:
    assert governance.build_order(project) == ["core.ships", "governance.harbour_days"]


def test_tables_and_columns_carry_their_contracts_words(ships: DuckDBPyConnection, project: Path) -> None:
    governance.build(ships, project)
    comments = ships.execute(
        "select comment from duckdb_columns() where schema_name = 'governance' order by column_index"
    ).fetchall()

    assert [("Day in port. 日",), ("Ships that came. 船数",)] == comments


def test_a_broken_check_names_its_sentence_and_rows_and_changes_nothing(
    ships: DuckDBPyConnection, project: Path
) -> None:
    governance.build(ships, project)
    ships.execute("insert into city.ships select 3, '2026-11-22' from range(3)")
    message = problems(ships, project)

    assert "2 problems in the warehouse's tables" in message
    assert "governance.harbour_days: not true: a day has at most two ships (day 2026-11-22)" in message
    assert "governance.harbour_days: not true: no ship comes on a Sunday (day 2026-11-22)" in message
    assert ships.execute("select count(*), sum(ship_count) from governance.harbour_days").fetchone() == (2, 2)
    assert ships.execute("select count(*) from core.ships").fetchone() == (2,)


def test_a_check_that_brings_no_key_back_tells_how_many_rows_and_no_value(
    ships: DuckDBPyConnection, project: Path
) -> None:
    (project / "warehouse/governance/harbour_days.checks.sql").write_text(
        "-- check: nobody calls\nselect '13912345678' as caller from model, range(5) -- five a day\n",
        encoding="utf-8",
    )
    message = problems(ships, project)

    assert "governance.harbour_days: not true: nobody calls (10 rows)" in message
    assert "1391234" not in message


@pytest.mark.parametrize("name", ["core/ships.sql", "governance/harbour_days.checks.sql"])
def test_what_duckdb_quotes_of_a_row_gets_into_no_message(
    ships: DuckDBPyConnection, project: Path, name: str
) -> None:
    ships.execute(
        "create or replace table city.ships as select 1 as ship_id, day, '张三139' as master from city.ships"
    )
    query = "select ship_id, day, master::integer as master from city.ships"
    path = project / "warehouse" / name
    path.write_text(
        f"-- check: masters are numbers\n{query}" if "checks" in name else query, encoding="utf-8"
    )
    with pytest.raises(WarehouseError, match="does not run: Conversion Error") as raised:
        governance.build(ships, project)

    assert "张三" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_columns_that_differ_from_the_contract_are_listed(ships: DuckDBPyConnection, project: Path) -> None:
    (project / "warehouse/governance/harbour_days.sql").write_text(
        "select cast(day as varchar) as day, 1 as boat_count from core.ships", encoding="utf-8"
    )
    message = problems(ships, project)

    assert "governance.harbour_days: lacks ship_count" in message
    assert "governance.harbour_days: has boat_count, which the contract does not name" in message
    assert "governance.harbour_days: day is VARCHAR, promised is DATE" in message


def test_the_order_of_columns_is_promised_too(ships: DuckDBPyConnection, project: Path) -> None:
    (project / "warehouse/governance/harbour_days.sql").write_text(
        "select count(*) as ship_count, day from core.ships group by all", encoding="utf-8"
    )

    assert "has its columns in the order ship_count, day; promised is day, ship_count" in problems(
        ships, project
    )


def test_models_that_read_each_other_in_a_circle_are_named(ships: DuckDBPyConnection, project: Path) -> None:
    (project / "warehouse/core/ships.sql").write_text(
        "select * from governance.harbour_days", encoding="utf-8"
    )
    message = problems(ships, project)

    assert "circle" in message
    assert "core.ships" in message
    assert "governance.harbour_days" in message


def test_a_table_that_is_not_there_is_named(ships: DuckDBPyConnection, project: Path) -> None:
    (project / "warehouse/core/ships.sql").write_text("select * from city.boats", encoding="utf-8")

    assert "warehouse/core/ships.sql reads city.boats, which is not there" in problems(ships, project)


def test_a_query_that_cannot_be_parsed_or_run_is_named(ships: DuckDBPyConnection, project: Path) -> None:
    path = project / "warehouse/core/ships.sql"
    path.write_text("select from where", encoding="utf-8")

    assert "warehouse/core/ships.sql cannot be parsed" in problems(ships, project)

    path.write_text("select day, length_of(ship_id) from city.ships", encoding="utf-8")

    assert "warehouse/core/ships.sql does not run" in problems(ships, project)


def test_a_check_that_does_not_run_is_named_by_its_line(ships: DuckDBPyConnection, project: Path) -> None:
    path = project / "warehouse/governance/harbour_days.checks.sql"
    path.write_text("-- check: nonsense\nselect * from model where colour = 1;\n", encoding="utf-8")

    assert "check 'nonsense' on line 1 does not run" in problems(ships, project)


def test_a_table_without_contract_and_a_contract_without_table_are_problems(
    ships: DuckDBPyConnection, project: Path
) -> None:
    (project / "warehouse/governance/harbour_days.sql").rename(project / "warehouse/governance/port_days.sql")
    message = problems(ships, project)

    assert "governance.port_days: has no contract" in message
    assert "governance.harbour_days: is promised by" in message


def test_the_judge_sees_every_governance_table_as_parquet(ships: DuckDBPyConnection, project: Path) -> None:
    seen = []

    def judge(contract: Contract, rows: Path) -> list[str]:
        seen.append((contract.table, ships.execute(f"select count(*) from '{rows}'").fetchone()))
        return ["governance.harbour_days: the judge says no"]

    with pytest.raises(WarehouseError, match="the judge says no"):
        governance.build(ships, project, judge)
    assert seen == [("governance.harbour_days", (2,))]
    assert ships.execute(
        "select count(*) from duckdb_tables() where schema_name = 'governance'"
    ).fetchone() == (0,)


def test_a_table_whose_model_is_gone_goes_too(ships: DuckDBPyConnection, project: Path) -> None:
    governance.build(ships, project)
    (project / "warehouse/core/ships.sql").unlink()
    (project / "warehouse/governance/harbour_days.sql").write_text(
        "select day, count(*) as ship_count from city.ships group by all", encoding="utf-8"
    )
    governance.build(ships, project)

    assert ships.execute("select count(*) from duckdb_tables() where schema_name = 'core'").fetchone() == (0,)


def some_orders(connection: DuckDBPyConnection, count: int, seed: int) -> list[tuple[object, ...]]:
    dice = random.Random(seed)
    return [
        (
            f"HL-20261117-{number:06}",
            dice.choice(["demand", "complaint", "enquiry"]),
            "lead",
            dice.choice(["handling", "closed", "evaluated"]),
            dice.choice(["供暖", "停车管理", None]),
            f"1101140{dice.randint(7, 13):02}",
            dice.choice(["甲社区", "乙社区"]),
            dice.choice(["26_A", "26_B", "26_C", "withheld", None]),
            f"2026-11-{dice.randint(10, 25)} {dice.randint(0, 23):02}:00:00+08",
        )
        for number in range(count)
    ]


def contents(connection: DuckDBPyConnection) -> dict[str, object]:
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where list_contains(['core', 'governance', 'ref'], schema_name) order by all"
    ).fetchall()
    return {
        name: connection.execute(
            f"select md5(string_agg(one::varchar, '|' order by one::varchar)) from (from {name}) as one"
        ).fetchone()
        for (name,) in tables
    }


@pytest.mark.long
def test_the_same_rows_make_the_same_tables_in_whatever_order_they_came(
    warehouse: DuckDBPyConnection,
) -> None:
    orders = some_orders(warehouse, 300, seed=1)
    columns = (
        "work_order_id, order_kind, handling_role, order_status, category_l2, street_code, community_name, "
        "caller_ref, reported_at, source_updated_at"
    )
    statement = (
        f"insert into city.hotline_orders ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, $9, $9)".replace(
            "?, ?, ?, ?, ?, ?, ?, ?", ", ".join(f"${place}" for place in range(1, 9))
        )
    )
    known = (
        "insert into city.hotline_orders_history by name "
        f"select {IN_BOTH}, "
        "reported_at as _known_from, null as _known_to from city.hotline_orders"
    )
    warehouse.executemany(statement, orders)
    warehouse.execute(known)
    first = governance.build(warehouse, settings.project())
    before = contents(warehouse)

    again = governance.build(warehouse, settings.project())
    assert {table: governance.Built("untouched", built.rows) for table, built in first.items()} == again
    assert before == contents(warehouse)

    for table in ("city.hotline_orders", "city.hotline_orders_history"):
        warehouse.execute(f"delete from {table}")
    warehouse.executemany(statement, list(reversed(orders)))
    warehouse.execute(known)
    governance.build(warehouse, settings.project())

    after = contents(warehouse)
    assert {name: after[name] for name in after if name.startswith("governance.")} == {
        name: before[name] for name in before if name.startswith("governance.")
    }
    assert first["governance.cases"].rows < first["governance.case_members"].rows == 300
