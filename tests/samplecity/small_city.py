"""One small city for the whole room; it never changes, so every test may share it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pipelines.samplecity import City

CITY = City(scale=0.1)
DAYS = tuple(CITY.first_day + timedelta(days=number) for number in range(3))


def window(day: date) -> tuple[datetime, datetime]:
    """The day from midnight to midnight, local."""
    start = datetime.combine(day, datetime.min.time())
    return start, start + timedelta(days=1)


def pulled_at(day: date) -> datetime:
    """When the demo pulls that day."""
    return window(day)[1] + timedelta(minutes=40)
