"""A source asked once more: for its last days, or for all it holds of some months.

Neither is a delivery: the feed's own windows are, and whether it delivers is told by them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import settings
from pipelines.contract.model import Census, Contract, RePull
from pipelines.errors import ContractError
from pipelines.lake import Window
from pipelines.run.batches import raise_if_refused
from pipelines.run.windows import Instant, instant
from pipelines.telling import stages as telling

Kind = Literal["re_pull", "census"]


def ask_again(
    feed_id: str,
    kind: Kind,
    as_of: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Pull what the contract's `rePull` or `census` reaches, up to the last midnight; returns the landed folder.

    A census asks on to what changes while it is pulled. `as_of` is the instant the pull claims to happen at.
    Raises ContractError when the contract has no such key, FeedError when the source misbehaves.
    """
    from pipelines.stages import landing

    feed = contracts.load(feed_id)
    promise = asked_again(feed, kind)
    landed_at = instant(as_of, ZoneInfo(feed.timezone)).astimezone(UTC) if as_of else settings.now()
    window = window_of(feed, promise.reach, landed_at)
    with telling.landing(feed, window) as tell:
        folder = landing.land(feed, window, landed_at, settings.server(), progress, origin=kind)
        tell(folder)
        raise_if_refused(folder)
    return str(folder)


def asked_again(feed: Contract, kind: Kind) -> RePull | Census:
    """What the contract says of it. Raises ContractError when that is nothing."""
    promise = feed.census if kind == "census" else feed.re_pull
    if promise is None:
        key = "census" if kind == "census" else "rePull"
        raise ContractError(
            f"{feed.path}: {feed.feed_id} has no custom property {key!r}",
            next_step=f"give it one, if its source can be asked for that; contracts/README.md tells what {key} needs",
        )
    return promise


def window_of(feed: Contract, reach: timedelta, at: datetime) -> Window:
    """The whole days of `reach` that were over at an instant, in the feed's time zone."""
    zone = ZoneInfo(feed.timezone)
    today = at.astimezone(zone).date()
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (today - reach, today))
    return Window(start, end)
