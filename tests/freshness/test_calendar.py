"""The business calendar: rows of `ref.calendar_days`, held against the library chinesecalendar; T9 and R17."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import calendar_rows
import chinese_calendar
import pytest

from pipelines import calendar, settings

HERE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2021, 1, 1), date(2026, 12, 31)


def days() -> list[date]:
    return [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def rows() -> list[tuple[str, ...]]:
    path = settings.project() / "contracts" / "reference" / "calendar_days.csv"
    with path.open(encoding="utf-8") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_every_day_is_worked_or_off_as_the_library_has_it() -> None:
    found = {day: calendar.is_working_day(day) for day in days()}

    assert {day: chinese_calendar.is_workday(day) for day in days()} == found


def test_the_weekends_worked_in_exchange_are_there() -> None:
    worked = [day for day in days() if day.weekday() >= 5 and calendar.is_working_day(day)]

    assert [day for day in sorted(chinese_calendar.constants.workdays) if FIRST <= day <= LAST] == worked
    assert len(worked) > 30


@pytest.mark.parametrize("year", range(2021, 2027))
def test_the_rows_of_a_year_are_those_the_script_prints(year: int) -> None:
    assert list(calendar_rows.rows(year)) == [row for row in rows() if row[0].startswith(f"{year}-")]


def test_what_no_notice_has_said_yet_is_marked_so() -> None:
    known = max(chinese_calendar.constants.holidays)

    assert {("true")} == {row[3] for row in rows() if date.fromisoformat(row[0]).year > known.year}
    assert {("false")} == {row[3] for row in rows() if date.fromisoformat(row[0]).year <= known.year}


def test_a_year_without_rows_is_worked_from_monday_to_friday() -> None:
    assert calendar.is_working_day(date(2031, 10, 1))  # a Wednesday
    assert not calendar.is_working_day(date(2031, 10, 4))


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-17T00:00", 24, "2026-11-18T00:00"),
        ("2026-11-17T10:00", 24, "2026-11-18T10:00"),
        ("2026-11-21T00:00", 6, "2026-11-23T06:00"),  # Friday's, over the weekend
        (
            "2026-11-20T00:00",
            24,
            "2026-11-23T00:00",
        ),  # ends with Friday: Monday's first moment, not Saturday's
        ("2026-10-01T00:00", 6, "2026-10-08T06:00"),  # over the National Day
        ("2026-10-10T00:00", 24, "2026-10-12T00:00"),  # a Saturday worked in exchange counts
        ("2026-10-09T12:00", 24, "2026-10-10T12:00"),
        ("2026-11-22T10:00", 0, "2026-11-23T00:00"),
    ],
)
def test_a_span_of_working_days_never_ends_on_a_day_off(start: str, hours: int, end: str) -> None:
    begins = datetime.fromisoformat(start).replace(tzinfo=HERE)
    found = calendar.after(begins, timedelta(hours=hours), working_days=True)

    assert datetime.fromisoformat(end).replace(tzinfo=HERE) == found
    assert begins + timedelta(hours=hours) == calendar.after(begins, timedelta(hours=hours))
