"""How each feed stands at an instant: what it owes held against what has arrived.

    waiting      nothing is due that has not come; the next delivery is on its way
    ok           the newest whole day came in time, with as many rows as usual
    learning     … and nobody knows yet how many rows are usual
    late         due and not there, or there after it was due
    missing      not there four latencies after the schedule fired, or there without a row on a working day
    partial      fewer rows than usual, or an hour of the day was never pulled
    drifted      more rows than usual
    quarantined  not one row kept the contract
    held         a batch waits for a person's decision
    refused      what came was refused, and nothing else came

What is owed and not there comes first, then what waits for a person, then how the newest whole day was.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.contract.model import Contract
from pipelines.freshness import usual
from pipelines.freshness.arrived import Arrival, arrivals, history, unjudged
from pipelines.freshness.due import Slot, business_day, is_row_expected, next_slot, slots
from pipelines.freshness.usual import Day

WAITING, OK, LEARNING, LATE, MISSING = "waiting", "ok", "learning", "late", "missing"
PARTIAL, DRIFTED, QUARANTINED, HELD, REFUSED = "partial", "drifted", "quarantined", "held", "refused"
WORST = (MISSING, LATE, REFUSED, HELD, QUARANTINED, PARTIAL, DRIFTED, LEARNING, WAITING, OK)
"""The worst first: a level is as its worst mandatory feed."""
_WELL = (WAITING, OK, LEARNING)


@dataclass(frozen=True)
class Standing:
    """One feed at one instant. `day` is the business day the state is about; `due` what is owed of it, else what is
    due next; `arrived` when the day was whole. `gaps` are earlier days of which something never came.
    """

    feed_id: str
    level: str
    business_name: str
    owner: str
    is_mandatory: bool
    state: str
    day: date | None
    due: datetime
    arrived: datetime | None = None
    rows: int | None = None
    expected_lo: int | None = None
    expected_hi: int | None = None
    quarantined: int = 0
    held: int = 0
    gaps: tuple[date, ...] = ()
    is_owed: bool = False
    """Whether something is due and not there."""
    is_unjudged: bool = False
    """Whether what is owed has landed, and its gate has not let it through."""

    @property
    def is_overdue(self) -> bool:
        """Whether this is a failure of its level: something it has to bring is due and not there."""
        return self.is_mandatory and (self.is_owed or bool(self.gaps))

    @property
    def condition(self) -> str:
        """What is worth telling somebody: a delivery that came late is here, and what is not due yet is no news."""
        return OK if self.state in _WELL or (self.state == LATE and not self.is_owed) else self.state


@dataclass
class _Feed:
    """A feed while it is looked at."""

    contract: Contract
    slots: list[Slot]
    arrived: list[Arrival]
    came: dict[int, datetime] = field(default_factory=dict)
    """Slot → when it was there, whole."""
    unjudged: list[Arrival] = field(default_factory=list)

    @property
    def newest(self) -> int:
        """The newest slot that came; -1 when none did."""
        return max(self.came, default=-1)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.contract.timezone)


def standings(contracts: Sequence[Contract], at: datetime) -> list[Standing]:
    """Every feed at an instant, in the order given. What landed after it is not known yet."""
    found = {contract.feed_id: history(contract.feed_id) for contract in contracts}
    # A feed that never brought anything is expected from the channel's first day on, not before there is a channel.
    begins = min((each.begins for each in found.values() if each.begins), default=None)
    feeds = []
    for contract in contracts:
        owed = slots(contract, at)
        first = found[contract.feed_id].begins
        since = owed[0].start if owed else at
        arrived = arrivals(found[contract.feed_id], since, at)
        if first and first <= at:
            owed = [slot for slot in owed if slot.start >= first]
        elif begins and begins <= at:
            owed = [slot for slot in owed if slot.end > begins + timedelta(days=1)]
        else:
            owed = []
        feed = _Feed(contract, owed, arrived, _came(contract, owed, arrived))
        if any(slot.due < at for index, slot in enumerate(owed) if index not in feed.came):
            feed.unjudged = unjudged(found[contract.feed_id], arrived, since, at)
        feeds.append(feed)
    wanted = {feed.contract.feed_id: day for feed in feeds if (day := _whole_day(feed)) is not None}
    known = usual.days(wanted, {feed.contract.feed_id: feed.arrived for feed in feeds}, at)
    return [
        _stand(feed, wanted.get(feed.contract.feed_id), known.get(feed.contract.feed_id), at)
        for feed in feeds
    ]


def _came(contract: Contract, owed: Sequence[Slot], arrived: Sequence[Arrival]) -> dict[int, datetime]:
    """When each slot was there for the first time: within one pull, or pieced together from several."""
    came: dict[int, datetime] = {}
    starts, ends = [slot.start for slot in owed], [slot.end for slot in owed]
    good = [each for each in arrived if each.outcome != "refused"]
    for each in good:
        first = 0 if contract.is_snapshot else bisect_left(starts, each.window.start - contract.look_back)
        for index in range(first, bisect_right(ends, each.window.end)):
            came.setdefault(index, each.landed_at)
    spans = sorted((each.window.start - contract.look_back, each.window.end, each.landed_at) for each in good)
    for index, slot in enumerate(owed):
        if index not in came:
            reached, landed = slot.start, None
            for start, end, landed_at in spans:
                if start <= reached < end:
                    reached, landed = end, max(landed or landed_at, landed_at)
            if landed and reached >= slot.end:
                came[index] = landed
    return came


def _whole_day(feed: _Feed) -> date | None:
    """The newest business day whose last slot came."""
    lasts = [
        index
        for index, slot in enumerate(feed.slots)
        if index + 1 == len(feed.slots) or feed.slots[index + 1].day != slot.day
    ]
    if lasts and not _ends_its_day(feed, feed.slots[lasts[-1]]):
        lasts.pop()  # today is not over
    return next((feed.slots[index].day for index in reversed(lasts) if index in feed.came), None)


def _ends_its_day(feed: _Feed, slot: Slot) -> bool:
    return next_slot(feed.contract, slot.end).day != slot.day


def _stand(feed: _Feed, day: date | None, known: Day | None, at: datetime) -> Standing:
    silent = feed.slots[feed.newest + 1 :]
    owed = [slot for slot in silent if slot.due < at]
    gaps = sorted({
        slot.day
        for index, slot in enumerate(feed.slots[: feed.newest + 1])
        if index not in feed.came and slot.due < at and slot.day != day
    })  # fmt: skip
    held = [each for each in feed.arrived if each.outcome == "held"]
    state, about = _state(feed, silent, owed, held, day, known, at)
    coming = silent[0] if silent else next_slot(feed.contract, at)
    last = [index for index, slot in enumerate(feed.slots) if slot.day == day]
    return Standing(
        feed.contract.feed_id,
        feed.contract.level,
        feed.contract.business_name,
        feed.contract.owner,
        feed.contract.mandatory,
        state,
        about,
        owed[0].due if owed else coming.due,
        feed.came.get(last[-1]) if last else None,
        known.received if known else None,
        known.lo if known else None,
        known.hi if known else None,
        known.quarantined if known else 0,
        len(held),
        tuple(gaps),
        bool(owed) or state == MISSING,
        bool(feed.unjudged),
    )


def _state(
    feed: _Feed,
    silent: Sequence[Slot],
    owed: Sequence[Slot],
    held: Sequence[Arrival],
    day: date | None,
    known: Day | None,
    at: datetime,
) -> tuple[str, date | None]:
    """The state, and the business day it is about."""
    refused = [each for each in feed.arrived if each.outcome == "refused"]
    for slot in silent:
        if any(each.window.start < slot.end and slot.start < each.window.end for each in refused):
            return REFUSED, slot.day
    if owed:
        oldest = owed[0]
        is_missing = oldest.missing is not None and oldest.missing < at
        return (MISSING if is_missing else LATE), oldest.day
    if held:
        return HELD, business_day(held[-1].window.end, feed.zone)
    if day is None:
        return WAITING, None
    state = _quality(feed, day, known)
    return (WAITING if silent and state in (OK, LEARNING) else state), day


def _quality(feed: _Feed, day: date, known: Day | None) -> str:
    """How a whole day was, once it was there."""
    indices = [index for index, slot in enumerate(feed.slots) if slot.day == day]
    last = feed.slots[indices[-1]]
    if known is not None and known.received == 0 and is_row_expected(feed.contract, day):
        return MISSING
    if known is not None and known.validated == 0 and known.quarantined:
        return QUARANTINED
    if feed.came[indices[-1]] > last.due:
        return LATE
    if any(index not in feed.came for index in indices):
        return PARTIAL
    if known is None or known.lo is None or known.hi is None:
        return LEARNING
    if known.received < known.lo:
        return PARTIAL
    return DRIFTED if known.received > known.hi else OK
