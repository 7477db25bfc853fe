"""A case keeps its id while data arrives; merges and un-merges are recorded; any way of building says the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from duckdb import DuckDBPyConnection
from histories import IN_BOTH

from pipelines import areas, contract, database, settings
from pipelines.stages import governance, loading

TABLES = (
    "governance.case_members",
    "governance.case_links",
    "governance.case_merges",
    "governance.link_review",
)
MORNING = datetime(2026, 11, 17, 1, tzinfo=UTC)
ORDER = {
    "order_kind": "demand",
    "handling_role": "lead",
    "order_status": "handling",
    "category_l2": "路灯问题",
    "street_code": "110114010",
    "community_name": "华龙苑一社区",
}
MODELS = governance.read_models(settings.project() / "warehouse")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> DuckDBPyConnection:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(tmp_path_factory.mktemp("home")))
        connection = database.memory()
        loading.load(connection, contract.load_all())
        areas.load_reference(connection, settings.project() / "contracts" / "reference")
    return connection


@pytest.fixture
def warehouse(prepared: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    prepared.execute("begin transaction")
    yield prepared
    prepared.execute("rollback")


def order(connection: DuckDBPyConnection, number: int, hour: int, **values: object) -> str:
    """An order reported in that hour and pulled a half later."""
    work_order_id = f"HL-20261117-{number:06}"
    at = MORNING + timedelta(hours=hour)
    row = (
        ORDER
        | {
            "work_order_id": work_order_id,
            "reported_at": at,
            "source_updated_at": at,
            "_landed_at": at + timedelta(minutes=30),
            "_first_landed_at": at + timedelta(minutes=30),
        }
        | values
    )
    connection.execute(
        f"insert into city.hotline_orders ({', '.join(row)}) values ({', '.join('?' * len(row))})",
        list(row.values()),
    )
    return work_order_id


def link(connection: DuckDBPyConnection) -> dict[str, str]:
    """Build the tables of linkage; returns record → case."""
    needed = set(TABLES)
    ordered = governance.in_order(connection, MODELS)
    for model in reversed(ordered):
        if model.table in needed:
            needed |= model.sources(connection)
    for model in ordered:
        if model.table in needed:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create or replace table {model.table} as {model.query}")
    return dict(connection.execute("select source_id, case_id from governance.case_members").fetchall())


def merges(connection: DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select old_case_id, new_case_id, merged_at, unmerged_at from governance.case_merges order by merged_at, old_case_id"
    ).fetchall()


def decide(connection: DuckDBPyConnection, one: str, other: str, decision: str, hour: int) -> None:
    connection.execute(
        "insert into ops.link_decisions values ('city_hotline_orders', ?, 'city_hotline_orders', ?, ?, ?, 'desk', 'why')",
        [one, other, decision, MORNING + timedelta(hours=hour)],
    )


def test_records_that_arrive_later_leave_every_id_as_it_was(warehouse: DuckDBPyConnection) -> None:
    for number in range(8):
        order(warehouse, number, number, caller_ref=f"26_{number % 3}")
    before = link(warehouse)
    for number in range(8, 20):
        order(warehouse, number, number, caller_ref=f"26_{number % 3}")
    order(warehouse, 99, 19, reported_at=MORNING - timedelta(days=1), caller_ref="26_0")
    after = link(warehouse)

    assert before == {record: after[record] for record in before}
    assert 3 == len(set(after.values()))
    assert [] == merges(warehouse)


def test_of_two_cases_that_merge_the_older_id_stays_and_the_other_leads_to_it(
    warehouse: DuckDBPyConnection,
) -> None:
    older = order(warehouse, 1, 0, caller_ref="26_A")
    newer = order(warehouse, 2, 1, caller_ref="26_B")
    before = link(warehouse)
    bridge = order(warehouse, 3, 5, content_text=f"同{older}和{newer}")
    after = link(warehouse)

    assert {before[older]} == {after[older], after[newer], after[bridge]}
    assert [(before[newer], before[older], MORNING + timedelta(hours=5.5), None)] == merges(warehouse)


def test_a_refusal_gives_the_old_id_back_and_says_when(warehouse: DuckDBPyConnection) -> None:
    one = order(warehouse, 1, 0)
    other = order(warehouse, 2, 1)
    alone = link(warehouse)
    decide(warehouse, other, one, "accepted", 10)
    together = link(warehouse)
    decide(warehouse, one, other, "rejected", 20)
    apart = link(warehouse)

    assert alone == apart
    assert {alone[one]} == set(together.values())
    assert [
        (alone[other], alone[one], MORNING + timedelta(hours=10), MORNING + timedelta(hours=20))
    ] == merges(warehouse)


def test_a_refusal_holds_over_a_rebuild_though_a_rule_says_otherwise(warehouse: DuckDBPyConnection) -> None:
    one = order(warehouse, 1, 0, caller_ref="26_A")
    other = order(warehouse, 2, 1, caller_ref="26_A")
    decide(warehouse, one, other, "rejected", 2)

    assert 2 == len(set(link(warehouse).values()))
    assert 2 == len(set(link(warehouse).values()))
    assert [("rejected", "desk")] == warehouse.execute(
        "select review_status, decided_by from governance.link_review"
    ).fetchall()


def test_a_decision_across_streets_links_nothing(warehouse: DuckDBPyConnection) -> None:
    one = order(warehouse, 1, 0)
    other = order(warehouse, 2, 1, street_code="110114011")
    decide(warehouse, one, other, "accepted", 2)

    assert 2 == len(set(link(warehouse).values()))


def test_a_correction_of_the_first_report_changes_no_id(warehouse: DuckDBPyConnection) -> None:
    one = order(warehouse, 1, 0, caller_ref="26_A")
    order(warehouse, 2, 1, caller_ref="26_A")
    before = link(warehouse)
    warehouse.execute(
        "insert into city.hotline_orders_history by name "
        f"select {IN_BOTH}, "
        "_first_landed_at as _known_from, "
        "_first_landed_at + interval 10 hour as _known_to from city.hotline_orders where work_order_id = ?",
        [one],
    )
    warehouse.execute(
        "update city.hotline_orders set reported_at = reported_at + interval 20 day, community_name = '流星花园一社区', "
        "_landed_at = _landed_at + interval 10 hour where work_order_id = ?",
        [one],
    )
    after = link(warehouse)

    assert before[one] == after[one]
    assert before[one] != after["HL-20261117-000002"]
    assert [] == merges(warehouse)  # the second order was never a case of its own before


def test_daily_builds_and_one_build_from_nothing_tell_the_same_history(warehouse: DuckDBPyConnection) -> None:
    def day(number: int) -> None:
        hour = 24 * number
        for place in range(6):
            order(
                warehouse, 100 * number + place, hour + place, caller_ref=f"26_{place % 4}",
                lon=116.363 + place * 1e-5, lat=40.074, content_text=f"{place % 3}号楼路灯不亮请尽快维修谢谢",
            )  # fmt: skip
        if number:
            decide(warehouse, f"HL-20261117-{100 * number:06}", f"HL-20261117-{100 * (number - 1):06}",
                   "accepted" if number % 2 else "rejected", hour + 12)  # fmt: skip

    for number in range(10):
        day(number)
        link(warehouse)
    daily = {table: sorted(map(str, warehouse.execute(f"from {table}").fetchall())) for table in TABLES}
    for model in reversed(governance.in_order(warehouse, MODELS)):
        warehouse.execute(f"drop table if exists {model.table}")
    link(warehouse)

    assert daily == {
        table: sorted(map(str, warehouse.execute(f"from {table}").fetchall())) for table in TABLES
    }
    assert daily["governance.case_links"]


def test_every_id_a_build_ever_gave_leads_to_the_case_of_today(warehouse: DuckDBPyConnection) -> None:
    given: set[str] = set()
    for number in range(12):
        order(warehouse, number, number, caller_ref=f"26_{number % 5}")
        if number % 3 == 2:
            decide(warehouse, f"HL-20261117-{number:06}", f"HL-20261117-{number - 1:06}", "accepted", number)
        given |= set(link(warehouse).values())
    today = set(link(warehouse).values())
    leads = dict(warehouse.execute("select own_case_id, case_id from governance.case_members").fetchall())
    ledger = {old: new for old, new, _, unmerged in merges(warehouse) if unmerged is None}

    assert given - today
    assert {leads[case_id] for case_id in given} <= today
    assert {case_id: leads[case_id] for case_id in given - today} == ledger


@pytest.mark.long
def test_a_caller_of_a_thousand_calls_does_not_make_a_million_pairs(warehouse: DuckDBPyConnection) -> None:
    warehouse.execute(
        "insert into city.hotline_orders by name select 'HL-20261117-' || lpad(i::varchar, 6, '0') as work_order_id, "
        "'demand' as order_kind, 'lead' as handling_role, 'handling' as order_status, '供暖' as category_l2, "
        "'110114010' as street_code, '甲社区' as community_name, '26_A' as caller_ref, "
        "'暖气不热，室温只有14℃' as content_text, timestamptz '2026-11-17 00:00:00+08' + to_minutes(i) as reported_at, "
        "timestamptz '2026-11-18 00:00:00+08' as _first_landed_at from range(1000) as numbers(i)"
    )
    link(warehouse)
    pairs = database.count(warehouse, "select count(*) from core.pairs")

    assert 1 == database.count(warehouse, "select count(distinct case_id) from governance.case_members")
    assert pairs <= 50 * 1000
