"""What a contract expects of its feed: on which days, what time each delivery covers, and when it is due.

The same rules make `ops.expectations` and tell, by the clock, what is late. A firing of the schedule owes the time
since the firing before; it belongs to the business day it ends in, one at midnight to the day that is over.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines import calendar, settings
from pipelines.contract.model import Contract

_DAY = timedelta(days=1)
_BACK = timedelta(days=7)
"""How far back the clock looks for what is still owed; `governance.channel_health` knows all days."""
_LONGEST_REST = timedelta(days=10)
"""More days off in a row than any notice has given; a feed of working days is looked at so much further back."""
_MOST_SLOTS = 2000


@dataclass(frozen=True)
class Slot:
    """The time one firing of a schedule owes, and when it is late and when missing (None: it never is)."""

    start: datetime
    end: datetime
    day: date
    due: datetime
    missing: datetime | None


@dataclass(frozen=True)
class ExpectedDay:
    """A business day on which a feed should deliver. `covers` is what its windows come to together."""

    day: date
    expected_by: datetime
    is_row_expected: bool
    covers_from: datetime
    covers_until: datetime


def expects(contract: Contract, day: date) -> bool:
    """Whether a feed delivers for that day, when its schedule fires."""
    return contract.delivery_days == "every_day" or calendar.is_working_day(day)


def must_have_rows(contract: Contract, day: date) -> bool:
    """Whether a pull without any row breaks the contract."""
    if contract.may_be_empty == "always" or not expects(contract, day):
        return False
    return contract.may_be_empty == "never" or calendar.is_working_day(day)


def is_row_expected(contract: Contract, day: date) -> bool:
    """Whether a day without any row counts as missing: a working day does, whatever a single pull may be."""
    return calendar.is_working_day(day) or must_have_rows(contract, day)


def business_day(end: datetime, zone: ZoneInfo) -> date:
    """The day a window that ends then is about: its last local day."""
    return (end.astimezone(zone) - timedelta(microseconds=1)).date()


def expected_days(contract: Contract, first: datetime, newest: datetime) -> Iterator[ExpectedDay]:
    """Every day a feed should have delivered between two instants, by its schedule and the business calendar."""
    from croniter import croniter

    zone = ZoneInfo(contract.timezone)
    firing = croniter(contract.schedule, first.astimezone(zone), ret_type=datetime)
    # What a day's first firing owes begins with the last one of the day before it.
    covers_from: datetime = croniter(
        contract.schedule, first.astimezone(zone) + timedelta(microseconds=1), ret_type=datetime
    ).get_prev()
    # One firing tells that a day is expected; the next to ask for is the first one of a later day.
    while (fired := firing.get_next()) <= newest:
        day = business_day(fired, zone)
        end = _end(day, zone)
        firing.set_current(end + timedelta(microseconds=1), force=True)
        covers_until: datetime = firing.get_prev()
        firing.set_current(end, force=True)
        if expects(contract, day):
            yield ExpectedDay(
                day,
                _after(contract, end, contract.latency),
                is_row_expected(contract, day),
                covers_from,
                covers_until,
            )
        covers_from = covers_until


def slots(contract: Contract, at: datetime) -> list[Slot]:
    """What the feed owes at an instant, oldest first: deliveries fired in the last days, and the one before them
    that was due. Another week or so for feeds that rest on days off, and as long as a delivery can be late."""
    from croniter import croniter

    zone = ZoneInfo(contract.timezone)
    rests = contract.delivery_days == "working_days"
    earliest = at - _BACK - _limit(contract, at.date()) - (_LONGEST_REST if rests else timedelta())
    fired = croniter(contract.schedule, at.astimezone(zone) + timedelta(microseconds=1), ret_type=datetime)
    ends: list[datetime] = [fired.get_prev()]
    found: list[Slot] = []
    rules = _rules(settings.project())
    for _ in range(_MOST_SLOTS):
        ends.append(fired.get_prev())
        end, start = ends[-2:]
        if found and end <= earliest and found[-1].due <= at:
            break
        day = business_day(end, zone)
        if expects(contract, day):
            found.append(_slot(contract, start, end, day, rules))
    return found[::-1]


def next_slot(contract: Contract, at: datetime) -> Slot:
    """The delivery that is owed next and has not fired yet."""
    from croniter import croniter

    zone = ZoneInfo(contract.timezone)
    here = at.astimezone(zone)
    start: datetime = croniter(
        contract.schedule, here + timedelta(microseconds=1), ret_type=datetime
    ).get_prev()
    firing = croniter(contract.schedule, here, ret_type=datetime)
    while True:
        end: datetime = firing.get_next()
        if expects(contract, day := business_day(end, zone)):
            return _slot(contract, start, end, day, _rules(settings.project()))
        start = end


def _slot(contract: Contract, start: datetime, end: datetime, day: date, rules: _Rules) -> Slot:
    limit = _late_limit(day, rules)
    return Slot(
        start,
        end,
        day,
        _after(contract, end, contract.latency),
        None if limit is None else _after(contract, end, contract.latency * (1 + limit)),
    )


def _after(contract: Contract, end: datetime, span: timedelta) -> datetime:
    return calendar.after(end, span, working_days=contract.delivery_days == "working_days")


def _limit(contract: Contract, day: date) -> timedelta:
    return contract.latency * (1 + (_late_limit(day, _rules(settings.project())) or 0))


def _late_limit(day: date, rules: _Rules) -> float | None:
    """How many latencies after it was due a delivery is missing, by the rule of that day; None without one."""
    return next((limit for first, last, limit in rules if first <= day < last), None)


_Rules = tuple[tuple[date, date, float], ...]


@functools.cache
def _rules(project: Path) -> _Rules:
    path = project / "contracts" / "reference" / "health_rules.csv"
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8") as file:
        return tuple(
            (
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]),
                float(row["late_limit_count"]),
            )
            for row in csv.DictReader(file)
        )


def _end(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone) + _DAY
