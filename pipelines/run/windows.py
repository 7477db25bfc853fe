"""The windows and instants people mean by what they type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipelines.contract.model import Contract
from pipelines.errors import ContractError
from pipelines.lake import Window

Instant = datetime | date | str
_FIRST_YEAR, _LAST_YEAR = 1000, 9000


def window(feed: Contract, start: Instant, end: Instant | None = None) -> Window:
    """The window people mean: instants as they are, days as whole days of the feed's time zone.

    A start without an end is that one day; an end given as a day is its last day, included.
    Raises ContractError when a text is neither a date nor an instant, or the range is empty.
    """
    zone = ZoneInfo(feed.timezone)
    try:
        first = instant(start, zone)
        last = instant(end, zone) if end is not None else first
        upper = last + timedelta(days=1) if is_day(end if end is not None else start) else last
        is_empty = first.astimezone(UTC) >= upper.astimezone(UTC)
    except OverflowError:
        raise ContractError(
            f"the window {start} … {end} lies outside the calendar",
            next_step=f"give years between {_FIRST_YEAR} and {_LAST_YEAR}",
        ) from None
    if is_empty:
        raise ContractError(f"the window {start} … {end} is empty", next_step="give an end after the start")
    return Window(first.astimezone(UTC), upper.astimezone(UTC))


def is_day(value: Instant) -> bool:
    if isinstance(value, str):
        return not any(sign in value for sign in "T: ")
    return not isinstance(value, datetime)


def instant(value: Instant, zone: ZoneInfo) -> datetime:
    """The instant people mean. Raises ContractError when a text is none, or one so far away that nobody can reckon."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ContractError(
                f"{value!r} is neither a date nor an instant",
                next_step="write 2026-11-17 or 2026-11-17T08:00+08:00",
            ) from error
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ContractError(
            f"the year {value.year} lies outside the calendar",
            next_step=f"give years between {_FIRST_YEAR} and {_LAST_YEAR}",
        )
    return value if value.tzinfo else value.replace(tzinfo=zone)


def day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ContractError(f"{text!r} is no date", next_step="write 2026-11-17") from None
