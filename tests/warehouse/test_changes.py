"""A build makes anew what changed and nothing else, and its tables are those of a build from nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from pipelines import database
from pipelines.contract.model import Contract
from pipelines.errors import WarehouseError
from pipelines.stages import governance

# `made` differs each time a row is made.
FLEETS = """\
-- core.fleets
-- One row per day and flag.
select ships.day, flags.flag, count(*) as ship_count, uuid() as made
from city.ships as ships cross join city.flags as flags group by ships.day, flags.flag
"""
PARTITIONS = "select ships.day, sum(hash(ships)) as state from city.ships as ships group by ships.day\n"


@pytest.fixture
def fleets(project: Path, ships: DuckDBPyConnection) -> Path:
    """The harbour with a table made by day; `city.flags` counts whole."""
    ships.execute("create table city.flags as select 'red' as flag")
    ships.execute(
        "insert into city.ships select 10 + range, date '2026-11-23' + range::integer from range(5)"
    )
    (project / "warehouse/governance/harbour_days.checks.sql").write_text(
        "-- check: none\nfrom model where false;"
    )
    (project / "warehouse/core/fleets.sql").write_text(FLEETS, encoding="utf-8")
    (project / "warehouse/core/fleets.partitions.sql").write_text(PARTITIONS, encoding="utf-8")
    return project


def done(connection: DuckDBPyConnection, project: Path, *, full: bool = False) -> dict[str, str]:
    built = governance.build(connection, project, full=full)
    return {table.partition(".")[2]: each.done for table, each in built.items()}


def fleet_rows(connection: DuckDBPyConnection) -> dict[tuple[object, ...], str]:
    found = connection.execute(
        "select day::varchar, flag, ship_count, made::varchar from core.fleets"
    ).fetchall()
    return {tuple(row): made for *row, made in found}


def test_what_nothing_changed_for_is_left_alone_and_not_judged_again(
    ships: DuckDBPyConnection, project: Path
) -> None:
    judged = []

    def judge(contract: Contract, rows: Path) -> list[str]:
        judged.append(contract.table)
        return []

    first = governance.build(ships, project, judge)
    again = governance.build(ships, project, judge)

    assert ["governance.harbour_days"] == judged
    assert {"rebuilt"} == {each.done for each in first.values()}
    assert {"untouched"} == {each.done for each in again.values()}

    ships.execute(
        "create or replace table city.ships as from city.ships order by ship_id desc"
    )  # the same rows

    assert {"ships": "untouched", "harbour_days": "untouched"} == done(ships, project)

    ships.execute("insert into city.ships values (3, '2026-11-18')")

    assert {"ships": "rebuilt", "harbour_days": "rebuilt"} == done(ships, project)

    ships.execute("update city.ships set ship_id = 4 where ship_id = 3")

    # What comes of it is the same, so nothing after it is made anew.
    assert {"ships": "rebuilt", "harbour_days": "rebuilt"} == done(ships, project)
    assert {"ships": "rebuilt", "harbour_days": "rebuilt"} == done(ships, project, full=True)


def test_a_table_whose_sources_come_out_the_same_is_left_alone(
    ships: DuckDBPyConnection, project: Path
) -> None:
    (project / "warehouse/core/ships.sql").write_text("select day from city.ships", encoding="utf-8")
    governance.build(ships, project)
    ships.execute("update city.ships set ship_id = ship_id + 10")

    assert {"ships": "rebuilt", "harbour_days": "untouched"} == done(ships, project)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "warehouse/governance/harbour_days.sql",
            "-- Again.\nselect day, count(*) as ship_count from core.ships group by all",
        ),
        ("contracts/governance/harbour_days.odcs.yaml", ""),
    ],
)
def test_another_model_or_contract_makes_a_table_anew(
    ships: DuckDBPyConnection, project: Path, name: str, text: str
) -> None:
    governance.build(ships, project)
    path = project / name
    path.write_text(
        text or path.read_text(encoding="utf-8").replace("Ships per day", "Ships a day"), encoding="utf-8"
    )

    assert {"ships": "untouched", "harbour_days": "rebuilt"} == done(ships, project)


def test_another_check_is_held_against_a_table_that_is_left_alone(
    ships: DuckDBPyConnection, project: Path
) -> None:
    governance.build(ships, project)
    path = project / "warehouse/governance/harbour_days.checks.sql"
    path.write_text("-- check: no ship at all\nselect day from model where exists (from city.flags);")
    ships.execute("create table city.flags (flag varchar)")

    assert {"ships": "untouched", "harbour_days": "untouched"} == done(ships, project)

    ships.execute("insert into city.flags values ('red')")
    for _ in range(2):  # a build that failed is no build
        with pytest.raises(WarehouseError, match="no ship at all"):
            governance.build(ships, project)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("insert into city.ships values (99, '2026-11-17')", {"2026-11-17"}),
        ("insert into city.ships values (99, '2026-12-24')", {"2026-12-24"}),
        ("insert into city.ships values (99, null)", {None}),
        ("update city.ships set day = '2026-11-17' where ship_id = 2", {"2026-11-17"}),
        ("delete from city.ships where ship_id = 2", set()),
    ],
)
def test_of_a_table_in_parts_only_those_that_changed_are_made_anew(
    ships: DuckDBPyConnection, fleets: Path, change: str, expected: set[str | None]
) -> None:
    governance.build(ships, fleets)
    before = fleet_rows(ships)
    ships.execute(change)

    assert "extended" == done(ships, fleets)["fleets"]
    after = fleet_rows(ships)
    assert expected == {row[0] for row, made in after.items() if made != before.get(row)}
    assert "untouched" == done(ships, fleets)["fleets"]

    assert "rebuilt" == done(ships, fleets, full=True)["fleets"]
    assert after.keys() == fleet_rows(ships).keys()


@pytest.mark.parametrize(
    "change",
    [
        "insert into city.flags values ('blue')",
        "insert into city.ships select ship_id + 100, day from city.ships",  # more than half of the parts
        "drop table core.fleets",
        "alter table city.flags add column ship_id integer",
    ],
)
def test_a_table_in_parts_is_made_anew_when_what_all_parts_share_changed(
    ships: DuckDBPyConnection, fleets: Path, change: str
) -> None:
    governance.build(ships, fleets)
    ships.execute(change)

    assert "rebuilt" == done(ships, fleets)["fleets"]
    assert "untouched" == done(ships, fleets)["fleets"]


def test_a_build_that_fails_remembers_no_part(ships: DuckDBPyConnection, fleets: Path) -> None:
    governance.build(ships, fleets)
    ships.execute("insert into city.ships values (99, '2026-11-17')")
    path = fleets / "warehouse/governance/harbour_days.checks.sql"
    right = path.read_text()
    path.write_text("-- check: never\nfrom model;")
    with pytest.raises(WarehouseError, match="never"):
        governance.build(ships, fleets)
    path.write_text(right)

    assert "extended" == done(ships, fleets)["fleets"]
    assert ("2026-11-17", "red", 2) in fleet_rows(ships)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select day, 1 as fingerprint from city.ships group by day",
            "answers with columns day, fingerprint",
        ),
        ("select day, ship_id as state from city.ships, range(2)", "more than once"),
        ("select day from", "cannot be parsed"),
        ("select day, colour as state from city.ships", "does not run"),
    ],
)
def test_a_wrong_query_about_parts_is_named(
    ships: DuckDBPyConnection, fleets: Path, query: str, expected: str
) -> None:
    (fleets / "warehouse/core/fleets.partitions.sql").write_text(query, encoding="utf-8")
    with pytest.raises(WarehouseError, match=expected) as raised:
        governance.build(ships, fleets)

    assert "warehouse/core/fleets.partitions.sql" in str(raised.value)


def test_nothing_is_remembered_of_models_that_are_gone(ships: DuckDBPyConnection, fleets: Path) -> None:
    governance.build(ships, fleets)
    for name in ("fleets.sql", "fleets.partitions.sql"):
        (fleets / "warehouse/core" / name).unlink()
    governance.build(ships, fleets)

    assert [("core.ships",), ("governance.harbour_days",)] == ships.execute(
        "select table_name from builds.models order by all"
    ).fetchall()
    assert 0 == database.count(ships, "select count(*) from duckdb_tables() where schema_name = 'build'")
