"""What contract and calendar expect, told once for `ops.expectations` and for the clock."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from arriving import daily, here, hourly

from pipelines import database, freshness
from pipelines.stages import loading

WORKING = {"delivery_days": "working_days"}


def test_a_feed_of_every_day_is_expected_on_every_day() -> None:
    found = list(freshness.expected_days(daily(), here("2026-09-30"), here("2026-10-11")))

    assert [date(2026, 9, 30) + timedelta(days=number) for number in range(11)] == [
        each.day for each in found
    ]
    assert [each.day + timedelta(days=1) for each in found] == [each.expected_by.date() for each in found]


def test_a_feed_of_working_days_rests_on_holidays_and_weekends_and_works_in_exchange() -> None:
    found = list(freshness.expected_days(daily(**WORKING), here("2026-09-29"), here("2026-10-14")))

    assert ["09-29", "09-30", "10-08", "10-09", "10-10", "10-12", "10-13"] == [
        f"{each.day:%m-%d}" for each in found
    ]
    assert ["09-30", "10-08", "10-09", "10-10", "10-12", "10-13", "10-14"] == [
        f"{each.expected_by:%m-%d}" for each in found
    ]
    assert {6} == {each.expected_by.hour for each in found}


def test_an_hourly_feed_owes_a_day_of_hours() -> None:
    first, second = freshness.expected_days(hourly(), here("2026-11-17"), here("2026-11-18T23:30"))

    assert (here("2026-11-16T23:10"), here("2026-11-17T23:10")) == (first.covers_from, first.covers_until)
    assert first.covers_until == second.covers_from
    assert here("2026-11-18T02:00") == first.expected_by


def test_a_weekly_feed_owes_a_week() -> None:
    (found,) = freshness.expected_days(daily(schedule="0 0 * * 3"), here("2026-11-12"), here("2026-11-18"))

    assert date(2026, 11, 17) == found.day
    assert (here("2026-11-11"), here("2026-11-18")) == (found.covers_from, found.covers_until)


@pytest.mark.parametrize(
    ("may_be_empty", "days", "day", "must"),
    [
        ("always", "every_day", "2026-11-17", False),
        ("never", "every_day", "2026-11-21", True),
        ("days_off", "every_day", "2026-11-21", False),
        ("days_off", "every_day", "2026-10-10", True),
        ("days_off", "every_day", "2026-10-01", False),
        ("never", "working_days", "2026-11-21", False),
        ("never", "working_days", "2026-11-20", True),
    ],
)
def test_which_days_must_have_rows(may_be_empty: str, days: str, day: str, must: bool) -> None:
    feed = daily(may_be_empty=may_be_empty, delivery_days=days)

    assert must == freshness.must_have_rows(feed, date.fromisoformat(day))


def test_the_warehouse_expects_the_same_days(home: object) -> None:
    feed = daily(**WORKING)
    with database.memory() as connection:
        loading.load(connection, [feed])
        connection.execute(
            "insert into ops.batches (feed_id, level, window_start, window_end, batch_id, origin, landed_at, received, "
            "validated, quarantined, duplicate, refused, inserted, updated, unchanged, stale, is_refused, "
            "contract_version, contract_sha256) values (?, 'street', ?, ?, 'b', 'source', ?, "
            "0, 0, 0, 0, 0, 0, 0, 0, 0, false, '1.0.0', 'x')",
            [feed.feed_id, here("2026-09-29"), here("2026-10-14"), here("2026-10-14")],
        )
        loading.load(connection, [feed])
        found = connection.execute(
            "select business_date, expected_by, is_row_expected from ops.expectations order by all"
        ).fetchall()

    expected = freshness.expected_days(feed, here("2026-09-29"), here("2026-10-14"))
    assert [(each.day, each.expected_by, each.is_row_expected) for each in expected] == found


def test_slots_reach_back_to_the_last_one_that_was_due() -> None:
    yearly = daily(schedule="0 0 18 11 *", latency=timedelta(days=90))

    assert [2025, 2026] == [slot.end.year for slot in freshness.slots(yearly, here("2026-11-25"))][-2:]
    assert 7 <= len(freshness.slots(daily(), here("2026-11-25"))) <= 10
