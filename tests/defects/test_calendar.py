"""T9, R17: the State Council moves working days to weekends and back; everything else is what its weekday says."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines import calendar


@pytest.mark.parametrize(
    ("day", "is_working"),
    [
        (date(2026, 2, 14), True),  # a Saturday before the Spring Festival
        (date(2026, 2, 17), False),
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),
        (date(2026, 11, 17), True),
        (date(2026, 11, 21), False),
        (date(2031, 10, 1), True),  # no notice yet: a Wednesday
    ],
)
def test_a_working_day_is_one_by_the_notice(day: date, is_working: bool) -> None:
    assert is_working == calendar.is_working_day(day)
