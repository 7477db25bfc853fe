"""What the demo's three days cannot show of the ten questions: whole months, and periods that wait for their bulletin."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from test_models import MODELS, insert

from pipelines import settings
from pipelines.stages import governance

OFFICE = "110114010"
Rows = list[tuple[Any, ...]]


@pytest.fixture
def office(tables: DuckDBPyConnection) -> DuckDBPyConnection:
    for model in governance.in_order(tables, MODELS):
        tables.execute(f"create schema if not exists {model.schema}")
        tables.execute(f"create table {model.table} as {model.query}")
    return tables


def answers(office: DuckDBPyConnection, question: str, columns: str, as_of: str) -> Rows:
    office.execute(
        f"create or replace temp table this_office as select '{OFFICE}' as street_code, '霍营街道' as street_name, "
        f"timestamptz '{as_of}:00+08:00' as as_of, date '{as_of[:10]}' as day"
    )
    [path] = (settings.project() / "warehouse" / "office").glob(f"{question}_*.sql")
    return office.execute(f"select {columns} from ({path.read_text(encoding='utf-8')})").fetchall()


def reports(office: DuckDBPyConnection, *moments: str, feed: str = "city_hotline_orders") -> None:
    for moment in moments:
        insert(
            office,
            "governance.case_members",
            [
                {
                    "source_feed": feed,
                    "source_id": moment,
                    "reported_at": f"{moment}:00+08:00",
                    "community_name": "华龙苑二社区",
                }
            ],
        )


MONTHS = "month, reports, reports_month_before, change_on_month, reports_year_before"


def test_a_running_month_is_held_against_the_same_days_of_the_month_before(
    office: DuckDBPyConnection,
) -> None:
    reports(office, "2026-09-01 00:10", "2026-10-05 09:00", "2026-10-10 08:00", "2026-10-10 23:00",
            "2026-10-25 10:00", "2026-11-03 10:00", "2026-11-09 10:00", "2026-11-10 11:00")  # fmt: skip

    assert answers(office, "q03", MONTHS, "2026-11-10 12:00") == [
        ("2026-11", 3, 2, 0.5, None),
        ("2026-10", 4, 1, 3, None),
        ("2026-09", 1, None, None, None),
    ]


def test_a_month_of_which_only_the_end_is_known_is_compared_with_nothing(office: DuckDBPyConnection) -> None:
    reports(office, "2026-10-28 09:00", "2026-11-03 10:00", "2026-12-03 10:00")

    assert [row[:3] for row in answers(office, "q03", MONTHS, "2026-12-10 12:00")] == [
        ("2026-12", 1, 1),
        ("2026-11", 1, None),
        ("2026-10", 1, None),
    ]


def test_a_source_that_joined_later_makes_no_rise(office: DuckDBPyConnection) -> None:
    reports(office, "2026-09-01 09:00", "2026-10-03 10:00", "2026-11-03 10:00")
    reports(office, "2026-10-20 10:00", "2026-11-04 10:00", feed="district_grid_cases")

    assert [row[:3] for row in answers(office, "q03", MONTHS, "2026-11-10 12:00")] == [
        ("2026-11", 2, None),
        ("2026-10", 2, None),
        ("2026-09", 1, None),
    ]


def test_the_same_month_of_last_year_ends_at_the_same_instant_even_in_february(
    office: DuckDBPyConnection,
) -> None:
    reports(office, "2027-01-01 00:00", "2027-02-28 09:00", "2027-02-28 13:00", "2028-01-31 08:00",
            "2028-02-28 10:00")  # fmt: skip

    assert answers(office, "q03", MONTHS, "2028-02-28 12:00")[0] == ("2028-02", 1, 0, None, 1)
    assert answers(office, "q03", MONTHS, "2028-02-29 12:00")[0] == ("2028-02", 1, 1, 0, 2)


def score(period: str, frozen_at: str | None) -> dict[str, Any]:
    return {
        "street_code": OFFICE,
        "period": period,
        "revision": 0,
        "is_latest": True,
        "frozen_at": frozen_at,
        "received_count": 1,
    }


def order(number: str, period: str, can_change: str) -> dict[str, Any]:
    return {
        "work_order_id": number,
        "street_code": OFFICE,
        "period": period,
        "is_counted": True,
        "can_change": can_change,
        "contact_due_at": datetime(2026, 11, 19, 9),
    }


@pytest.mark.parametrize(
    ("frozen_at", "expected"),
    [
        (None, [("2026-12", "B", False), ("2026-11", "A", False)]),
        ("2026-11-22 09:00:00+08:00", [("2026-12", "B", False)]),
    ],
)
def test_a_period_that_is_over_is_shown_until_its_bulletin(
    office: DuckDBPyConnection, frozen_at: str | None, expected: Rows
) -> None:
    insert(
        office,
        "governance.street_scorecard",
        [score("2026-10", "2026-10-22 09:00:00+08:00"), score("2026-11", frozen_at), score("2026-12", None)],
    )
    insert(
        office,
        "governance.scorecard_orders",
        [
            order("A", "2026-11", "callback"),
            order("B", "2026-12", "contact"),
            order("C", "2026-10", "callback"),
            order("D", "2026-12", "nothing"),
        ],
    )

    assert answers(office, "q01", "period, work_order_id, is_frozen", "2026-11-21 12:00") == expected
