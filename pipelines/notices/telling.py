"""One look at the feeds: what changed is remembered, and whoever has to know is told. One at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines import lake
from pipelines.freshness import Standing
from pipelines.notices import memory, message, sending
from pipelines.notices.addresses import Addressee
from pipelines.notices.memory import Change


@dataclass(frozen=True)
class Outcome:
    """What a run noticed, how many messages were taken, and what could not be told and why, without addresses."""

    changes: tuple[Change, ...]
    sent: int
    failures: tuple[str, ...]


def alone() -> AbstractContextManager[None]:
    """One monitor at a time; a second one waits until the first has told everybody."""
    return lake.one_at_a_time("notices")


def tell(
    standings: Sequence[Standing], at: datetime, told: Mapping[str, Sequence[Addressee]], zone: ZoneInfo
) -> Outcome:
    """Remember what changed, tell everybody what they were not told yet. Call it within `alone`."""
    found = memory.changes(standings, at, told)
    memory.remember(found, standings, at)
    everybody = {each.addressee_id: each for of_level in told.values() for each in of_level}
    waiting = memory.pending()
    _drop(waiting, everybody)
    sent = 0
    failures = [f"{path} cannot be read; look at it, then delete it" for path in memory.unreadable()]
    for addressee_id, addressee in everybody.items():
        untold = [
            change
            for change in waiting
            if addressee_id in change.tellings and change.tellings[addressee_id].is_open
        ]
        if not untold:
            continue
        problem = sending.send(message.write(untold, zone), addressee, at)
        for change in untold:
            change.tellings[addressee_id].attempts += 1
            if not problem:
                change.tellings[addressee_id].sent_at = at
            memory.keep(change)
        if problem:
            failures.append(f"{addressee.channel} at {addressee.place}: {problem}")
        sent += not problem
    return Outcome(tuple(found), sent, tuple(failures))


def _drop(waiting: Sequence[Change], everybody: Mapping[str, Addressee]) -> None:
    """Who was taken off the list is not waited for any more."""
    for change in waiting:
        gone = [name for name, each in change.tellings.items() if each.is_open and name not in everybody]
        for name in gone:
            change.tellings[name].is_dropped = True
        if gone:
            memory.keep(change)
