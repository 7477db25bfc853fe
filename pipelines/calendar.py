"""Which days are working days: weekdays, and what `ref.calendar_days` says otherwise."""

from __future__ import annotations

import csv
import functools
from datetime import date, datetime, time, timedelta
from pathlib import Path

from pipelines import settings

_SATURDAY = 5
_DAY = timedelta(days=1)


def is_working_day(day: date) -> bool:
    """Whether offices work on a day. The State Council moves working days to weekends and back every year."""
    return _exceptions(settings.project()).get(day, day.weekday() < _SATURDAY)


def after(start: datetime, span: timedelta, *, working_days: bool = False) -> datetime:
    """The instant a span after `start`; with `working_days` only they count, and the instant lies in one.

    A span that ends with a working day ends with the first moment of the next: nobody is called on a day off.
    """
    if not working_days:
        return start + span
    here = start
    while True:
        tomorrow = datetime.combine(here.date() + _DAY, time(), here.tzinfo)
        if is_working_day(here.date()):
            left = tomorrow - here
            if span < left:
                return here + span
            span -= left
        here = tomorrow


@functools.cache
def _exceptions(project: Path) -> dict[date, bool]:
    path = project / "contracts" / "reference" / "calendar_days.csv"
    if not path.is_file():  # another city may keep none
        return {}
    with path.open(encoding="utf-8") as file:
        return {date.fromisoformat(row["day"]): row["day_kind"] == "workday" for row in csv.DictReader(file)}
