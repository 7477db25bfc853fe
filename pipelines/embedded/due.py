"""Which feeds a business day has to pull, and which window: what the schedules would have come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from pipelines.contract import Contract
from pipelines.lake import Window

CITY_TIME = ZoneInfo("Asia/Shanghai")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pull:
    """One feed and the window a business day owes it."""

    feed_id: str
    window: Window


def business_day(day: date, timezone: ZoneInfo = CITY_TIME) -> Window:
    """`[00:00, 24:00)` of a calendar day in that time zone."""
    start = datetime.combine(day, time(), timezone)
    return Window(start, datetime.combine(day + _DAY, time(), timezone))


def due(contracts: Iterable[Contract], day: date) -> list[Pull]:
    """What has to be pulled once this day is over.

    A feed that runs at least daily owes the whole day in one window. One that runs less often owes the
    window that ends within the day, midnight included, and nothing on other days.
    """
    pulls = []
    for contract in contracts:
        whole_day = business_day(day, ZoneInfo(contract.timezone))
        ticks = croniter(contract.schedule, whole_day.end + timedelta(microseconds=1), ret_type=datetime)
        end: datetime = ticks.get_prev()
        start: datetime = ticks.get_prev()
        if end - start <= _DAY:
            pulls.append(Pull(contract.feed_id, whole_day))
        elif whole_day.start < end:
            pulls.append(Pull(contract.feed_id, Window(start, end)))
    return pulls
