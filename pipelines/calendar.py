"""Which days are working days: weekdays, and what `ref.calendar_days` says otherwise."""

from __future__ import annotations

import csv
import functools
from datetime import date
from pathlib import Path

from pipelines import settings

_SATURDAY = 5


def is_working_day(day: date) -> bool:
    """Whether offices work on a day. The State Council moves working days to weekends and back every year."""
    return _exceptions(settings.project()).get(day, day.weekday() < _SATURDAY)


@functools.cache
def _exceptions(project: Path) -> dict[date, bool]:
    path = project / "contracts" / "reference" / "calendar_days.csv"
    if not path.is_file():  # another city may keep none
        return {}
    with path.open(encoding="utf-8") as file:
        return {date.fromisoformat(row["day"]): row["day_kind"] == "workday" for row in csv.DictReader(file)}
