"""The ten questions of a street office, asked of every office's file, against what the city knows.

Rows, figures and their order are those of the truth; of cases the grouping is the published one, which
`test_channel_tables_cases` judges. Equal rows for every office also mean that no office sees another street's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from functools import cache
from typing import Any

import duckdb
import pytest
from cases_by_hand import CASES, ORDERS, Record, case_of, grouped, members
from channel_days import PROJECT, Channel
from city_truth import (
    NEWEST_PULL,
    Row,
    asked,
    by,
    devices,
    newest,
    published,
    reference,
    rounded,
    streets,
    valid_on,
)
from plan_by_hand import PROJECTS, progress, shares
from scorecard_by_hand import RATES, counted, limits, returns, revisions, scorecard
from test_channel_tables_street import offline

from pipelines import releases

OFFICES = sorted(streets(NEWEST_PULL.date()))
QUESTIONS = sorted(path.stem for path in (PROJECT / "warehouse" / "office").glob("q*.sql"))
RULE = valid_on("office_rules", NEWEST_PULL.date())
HOUR = timedelta(hours=1)


def answers(office: str, question: str) -> list[Row]:
    """What an office reads on its screen, in that order."""
    [view] = [name for name in QUESTIONS if name.startswith(question)]
    with duckdb.connect(str(releases.current().office_file(office)), read_only=True) as connection:
        return asked(f"select * from {view}", connection)


def some(rows: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


@cache
def orders() -> dict[str, Row]:
    """Every order a street leads and that counts, with what it counts for and what is due on it."""
    return {
        order["work_order_id"]: order | counted(order) | limits(order)
        for order in newest(ORDERS)
        if counted(order)["place"]
    }


def orders_of(office: str) -> dict[str, Row]:
    return {number: order for number, order in orders().items() if order["street_code"] == office}


def records_of(office: str) -> dict[Record, Row]:
    return {record: row for record, row in members().items() if row["street_code"] == office}


def cases_here(office: str) -> dict[str, list[Record]]:
    """The records on the street's land of each case."""
    here = records_of(office)
    found = {case: [record for record in records if record in here] for case, records in grouped().items()}
    return {case: records for case, records in found.items() if records}


def place(office: str, period: str, revision: int) -> Any:
    """Its place among all streets, where anybody may read it: elsewhere it would tell of the others."""
    files = releases.current().tables["governance.street_scorecard"]
    is_told = duckdb.execute(
        f"select not list_contains(suppressed_columns, 'rank_in_scope') from {files.sql} "
        "where street_code = $1 and period = $2 and revision = $3",
        [office, period, revision],
    ).fetchone() or (False,)
    return scorecard()[office, period, revision]["rank_in_scope"] if is_told[0] else None


def test_there_are_ten_questions_and_each_is_answered_somewhere(at_channel: Channel) -> None:
    assert [f"q{number:02d}" for number in range(1, 11)] == [question[:3] for question in QUESTIONS]
    assert OFFICES == list(releases.current().offices)
    for question in QUESTIONS:
        assert any(answers(office, question[:3]) for office in OFFICES), question


@pytest.mark.parametrize("office", OFFICES)
def test_q01_rates_so_far_and_the_orders_that_can_change_them(at_channel: Channel, office: str) -> None:
    found = answers(office, "q01")
    newest_period = max(period for _, period, _ in scorecard())
    revision = len(revisions(newest_period)) - 1
    own = scorecard()[office, newest_period, revision]
    own = own | {"rank_in_scope": place(office, newest_period, revision)}
    figures = (
        *RATES,
        "composite_score",
        "rank_in_scope",
        "received_count",
        "assessed_count",
        "callback_count",
    )
    expected = {
        number: (order["can_change"], order["contact_due_at"], order["reported_at"], order["order_status"])
        for number, order in orders_of(office).items()
        if order["place"][0] == newest_period and order["can_change"] != "nothing"
    }

    assert {tuple(own[name] for name in figures)} == set(some(found, *figures))
    assert expected == {
        row["work_order_id"]: tuple(
            row[name] for name in ("can_change", "contact_due_local", "reported_local", "order_status")
        )
        for row in found
        if row["work_order_id"]
    }


@pytest.mark.parametrize("office", OFFICES)
def test_q02_what_is_due_next(at_channel: Channel, office: str) -> None:
    due: list[tuple[Any, ...]] = []
    for number, order in orders_of(office).items():
        if order["is_open"]:
            due.append((number, "closing", order["close_due_at"]))
            if order["is_contact_open"]:
                due.append((number, "first_contact", order["contact_due_at"]))
    for (feed, number), row in records_of(office).items():
        if feed != ORDERS and row["is_open"]:
            due.append((number, "handling", row["due_at"]))
    until = NEWEST_PULL + int(RULE["due_hours"]) * HOUR
    near = [row for row in due if row[2] and row[2] <= until]
    expected = sorted(near, key=lambda row: (row[2] <= NEWEST_PULL, row[2], row[0], row[1]))
    found = answers(office, "q02")

    assert expected == some(found, "record_id", "deadline_kind", "due_local")
    for row in found:
        assert row["is_overdue"] == (row["due_local"] <= NEWEST_PULL)
        assert abs((row["due_local"] - NEWEST_PULL) / HOUR - float(row["hours_left"])) <= 0.051


@pytest.mark.parametrize("office", OFFICES)
def test_q03_what_is_reported_most_month_by_month(at_channel: Channel, office: str) -> None:
    names: dict[str, str] = {row["category_code"]: row["category_name"] for row in reference("categories")}
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in records_of(office).values():
        month = f"{row['reported_at']:%Y-%m}"
        if row["category_code"]:
            counts[month, "category", names[row["category_code"]]] += 1
        if row["community_name"]:
            counts[month, "community", row["community_name"]] += 1
    months = sorted({month for month, _, _ in counts})
    begins: dict[str, str] = {}
    for (feed, _), row in records_of(office).items():
        begins[feed] = min(begins.get(feed, "9"), f"{row['reported_at']:%Y-%m-%d}")
    expected = []
    for month in reversed(months):
        for kind in ("category", "community"):
            listed = sorted(
                (-count, name)
                for (when, what, name), count in counts.items()
                if (when, what) == (month, kind)
            )
            for place, (count, name) in enumerate(listed[: int(RULE["top_count"])], start=1):
                expected.append((month, kind, place, name, -count, None, None, None))
    found = answers(office, "q03")
    columns = ("month", "kind", "place", "name", "reports", "reports_month_before", "change_on_month",
               "reports_year_before")  # fmt: skip

    assert len(months) == 2
    assert max(begins.values()) > f"{months[0]}-01", "no month before is known as a whole"
    assert expected == some(found, *columns)


@pytest.mark.parametrize("office", OFFICES)
def test_q04_problems_that_were_reported_again_and_again(at_channel: Channel, office: str) -> None:
    days = timedelta(days=int(RULE["repeat_days"]))
    street_of = by(published("governance.cases"), "case_id")
    expected = {}
    for case, records in cases_here(office).items():
        times = sorted(members()[record]["reported_at"] for record in records)
        densest = max(sum(end - days <= other <= end for other in times) for end in times)
        if densest >= int(RULE["repeat_count"]) and street_of[case]["street_code"] == office:
            whole = case_of(grouped()[case])
            expected[case] = (densest, whole["member_count"], whole["hotline_member_count"], whole["levels_seen"],
                              whole["case_status"], whole["first_reported_at"])  # fmt: skip
    found = answers(office, "q04")
    columns = ("reports_in_window", "member_count", "hotline_member_count", "levels_seen", "case_status",
               "first_reported_local")  # fmt: skip

    assert expected == {row["case_id"]: tuple(row[name] for name in columns) for row in found}
    assert [row["reports_in_window"] for row in found] == sorted(
        (row["reports_in_window"] for row in found), reverse=True
    )


@pytest.mark.parametrize("office", OFFICES)
def test_q05_orders_that_came_back(at_channel: Channel, office: str) -> None:
    expected = {
        number: (
            returns()[number]["returned_count"],
            returns()[number]["returned_by"],
            returns()[number]["came_back_at"],
            order["order_status"],
        )
        for number, order in orders_of(office).items()
        if number in returns() and returns()[number]["came_back_at"]
    }
    found = answers(office, "q05")
    columns = ("returned_count", "returned_by", "came_back_local", "order_status")

    assert expected == {row["work_order_id"]: tuple(row[name] for name in columns) for row in found}


@pytest.mark.parametrize("office", OFFICES)
def test_q06_grid_cases_that_are_hotline_orders(at_channel: Channel, office: str) -> None:
    expected = {
        (grid[1], order[1], case, members()[grid]["is_open"], members()[order]["is_open"])
        for case, records in cases_here(office).items()
        for grid in records
        for order in records
        if (grid[0], order[0]) == (CASES, ORDERS)
    }
    found = answers(office, "q06")

    assert expected == set(
        some(found, "grid_case_no", "work_order_id", "case_id", "is_grid_open", "is_order_open")
    )
    assert len(expected) == len(found)


@pytest.mark.parametrize("office", OFFICES)
def test_q07_cameras_that_have_been_silent_for_too_long(at_channel: Channel, office: str) -> None:
    silent: dict[str, list[str]] = defaultdict(list)
    for number in offline():
        if devices()[number]["street_code"] == office:
            silent[devices()[number]["community_name"]].append(number)
    registered = Counter(
        device["community_name"]
        for number, device in devices().items()
        if device["street_code"] == office and device["counted_as"] == number
    )
    expected = {
        place: (
            len(numbers),
            registered[place],
            min(offline()[number][0] for number in numbers),
            sorted(numbers),
        )
        for place, numbers in silent.items()
    }
    found = answers(office, "q07")
    columns = ("offline_count", "device_count", "offline_since_local", "device_ids")

    assert expected == {row["community_name"]: tuple(row[name] for name in columns) for row in found}


@pytest.mark.parametrize("office", OFFICES)
def test_q08_projects_that_slipped(at_channel: Channel, office: str) -> None:
    expected = {}
    for project in newest(PROJECTS):
        late, parts = progress(project), shares(project)
        if office in parts and late["slip_days"] and project["stage"] != "withdrawn":
            _, share, basis = parts[office]
            expected[project["project_id"]] = (late["slip_days"], late["rag"], rounded(share, 6), basis,
                                               project["project_name"])  # fmt: skip
    found = answers(office, "q08")
    columns = ("slip_days", "rag", "street_share", "share_basis", "project_name")

    assert expected == {row["project_id"]: tuple(row[name] for name in columns) for row in found}
    assert [row["slip_days"] for row in found] == sorted((row["slip_days"] for row in found), reverse=True)


@pytest.mark.parametrize("office", OFFICES)
def test_q09_services_beside_those_of_the_district(at_channel: Channel, office: str) -> None:
    """The rows of service_supply, which are held against the registers elsewhere."""
    supply = [
        row
        for row in published("governance.service_supply")
        if row["street_code"] == office and row["is_latest"]
    ]
    expected = []
    for row in sorted(supply, key=lambda row: row["service_kind"]):
        both = row["per_1000"] is not None and row["district_per_1000"]
        above = rounded(row["per_1000"] / row["district_per_1000"] - 1, 4) if both else None
        expected.append((row["service_kind"], row["supply"], row["per_1000"], row["district_per_1000"], above,
                         row["gap_to_target"], row["quality_flag"], row["as_of"]))  # fmt: skip
    columns = ("service_kind", "supply", "per_1000", "district_per_1000", "above_district_share", "gap_to_target",
               "quality_flag", "as_of")  # fmt: skip

    assert expected == some(answers(office, "q09"), *columns)


@pytest.mark.parametrize("office", OFFICES)
def test_q10_what_changed_after_the_freeze(at_channel: Channel, office: str) -> None:
    expected = {}
    for (street, period, revision), after in scorecard().items():
        if street == office and revision:
            before = scorecard()[street, period, revision - 1]
            expected[period, revision] = (
                revisions(period)[revision][0], before["composite_score"], after["composite_score"],
                after["composite_score"] - before["composite_score"],
                place(street, period, revision - 1), place(street, period, revision),
                *(after[f"{what}_count"] for what in ("newly_excluded", "reinstated", "late_callback", "arrived")),
            )  # fmt: skip
    found = answers(office, "q10")
    columns = ("known_local", "composite_score_before", "composite_score", "composite_change", "rank_before",
               "rank_in_scope", "newly_excluded_count", "reinstated_count", "late_callback_count",
               "arrived_count")  # fmt: skip

    assert expected
    assert expected == {
        (row["period"], row["revision"]): tuple(row[name] for name in columns) for row in found
    }
