"""What the lake tells of a feed's last days. Windows are found by the names of their folders, and only those of the
days in question are opened: years of batches cost a listing.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pipelines import lake
from pipelines.decisions import batches
from pipelines.errors import DataError
from pipelines.lake import Stage, Window
from pipelines.receipt import CORRECTION, Receipt

Outcome = Literal["validated", "refused", "held", "landing"]
_WINDOW, _BATCH = "window=", "batch="
_NAME = re.compile(rf"{_WINDOW}[0-9]{{4}}(0[1-9]|1[0-2])[0-3][0-9]T[0-2][0-9]([0-5][0-9]){{2}}Z")
_STAGES: tuple[Outcome, ...] = ("validated", "refused", "held")
"""What a batch can have become, the first of these that has it."""


@dataclass(frozen=True)
class Arrival:
    """One batch the source brought, and where it has got to: judged, held for a person, refused, or only landed."""

    receipt: Receipt
    outcome: Outcome

    @property
    def window(self) -> Window:
        return self.receipt.window

    @property
    def landed_at(self) -> datetime:
        return self.receipt.landed_at


@dataclass(frozen=True)
class History:
    """Where a feed's windows begin, oldest first, by stage; read once, from names alone."""

    feed_id: str
    names: dict[Stage, list[str]]

    @property
    def begins(self) -> datetime | None:
        """When the feed's first window began, judged or not; None before there is any."""
        firsts = [names[0] for names in self.names.values() if names]
        return _instant(min(firsts)) if firsts else None


def history(feed_id: str) -> History:
    """The windows of a feed there are. What landed is only listed where nothing of the feed was judged: it is as long
    a list again, and says nothing new."""
    names: dict[Stage, list[str]] = {stage: _windows(stage, feed_id) for stage in _STAGES}
    if not names["validated"]:
        names["landing"] = _windows("landing", feed_id)
    return History(feed_id, names)


def arrivals(found: History, since: datetime, at: datetime) -> list[Arrival]:
    """Every batch of the source whose window reaches past `since` and that had landed at an instant, in order of landing.

    A re-pull is an arrival: what it brought is here, whoever it was that asked again. A receipt nobody can read is
    none, and neither are corrections of an office.
    """
    arrived: dict[tuple[str, str], Arrival] = {}
    decided = _decided() if found.names["held"] else []
    for stage in _STAGES:
        for name in _between(found.names[stage], since, at):
            for receipt in _receipts(stage, found.feed_id, name):
                key = (name, receipt.batch_id)
                is_rejected = stage == "held" and _is_rejected(receipt, decided)
                if receipt.origin != CORRECTION and receipt.landed_at <= at and receipt.window.end > since:
                    arrived.setdefault(key, Arrival(receipt, "refused" if is_rejected else stage))
    return sorted(arrived.values(), key=_landing)


def unjudged(found: History, judged: Iterable[Arrival], since: datetime, at: datetime) -> list[Arrival]:
    """Batches that have landed and were neither judged, held nor refused: their gate failed, or has yet to run."""
    known = {(each.window.folder, each.receipt.batch_id) for each in judged}
    names = found.names.get("landing") or _windows("landing", found.feed_id)
    return sorted(
        (
            Arrival(receipt, "landing")
            for name in _between(names, since, at)
            for receipt in _receipts("landing", found.feed_id, name, but=known)
            if receipt.origin != CORRECTION and receipt.landed_at <= at and receipt.window.end > since
        ),
        key=_landing,
    )


def _landing(arrival: Arrival) -> tuple[datetime, Window, str]:
    return arrival.landed_at, arrival.window, arrival.receipt.batch_id


def _windows(stage: Stage, feed_id: str) -> list[str]:
    return [name for name in _names(lake.lake() / stage / feed_id) if _NAME.fullmatch(name)]


def _between(names: list[str], since: datetime, at: datetime) -> list[str]:
    """Windows that begin in a stretch of time, and the last one before it: it may reach into it."""
    first = bisect_left(names, f"{_WINDOW}{lake.stamp(since)}")
    return names[max(first - 1, 0) : bisect_right(names, f"{_WINDOW}{lake.stamp(at)}")]


def _receipts(
    stage: Stage, feed_id: str, window: str, but: Iterable[tuple[str, str]] = ()
) -> Iterator[Receipt]:
    folder = lake.lake() / stage / feed_id / window
    for name in _names(folder):
        if name.startswith(_BATCH) and (window, name.removeprefix(_BATCH)) not in but:
            try:
                yield Receipt.read(folder / name)
            except (OSError, DataError):  # being written, or broken: loading says so
                continue


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 – names alone, without a Path for each
    except OSError:
        return []


def _decided() -> list[batches.BatchDecision]:
    """What was decided about held batches; while a file of them cannot be read, nothing was."""
    try:
        return batches.read()
    except DataError:
        return []


def _is_rejected(receipt: Receipt, decided: list[batches.BatchDecision]) -> bool:
    found = batches.newest(decided, receipt.feed_id, receipt.batch_id, receipt.contract_version)
    return found is not None and found.decision == batches.REJECTED


def _instant(window: str) -> datetime:
    return datetime.strptime(window, f"{_WINDOW}%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
