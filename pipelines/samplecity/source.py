"""What a feed of the city is: its rows at a pull, where they are asked for, and how they are answered.

Every module of `city/`, `district/` and `street/` that is a feed ends with its `SOURCE`; `catalogue` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipelines.samplecity.defects import Defect
from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import Bools, City, Objects, stamp

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pipelines.samplecity.office import Office

Rows = Callable[[City, datetime | None, datetime | None, datetime], Wire]
"""The rows a request for `[start, end)` meets at `clock`, in the order they are sent. All three are local."""


class Desk(Protocol):
    """Who answers for a feed: reads the request, and writes the rows as the feed's kind of source does."""

    def takes(self, request: Request) -> bool:
        """Whether the request is for this feed; several feeds may share one path."""
        ...

    def answer(self, source: Source, office: Office, request: Request) -> Response: ...

    def parts(self, source: Source, city: City, wire: Wire, day: date) -> list[tuple[str, bytes]]:
        """The files a pull of `day` leaves: name and bytes."""
        ...


@dataclass(frozen=True)
class Source:
    """One feed. `look_back` is the contract's; `path` may hold a `{name}`.

    `also` are other paths at which the same rows are told, in another dialect.
    `links` gives every record with its true problem, for feeds whose records are reports of problems.
    """

    feed_id: str
    path: str
    rows: Rows
    desk: Desk
    defects: tuple[Defect, ...] = ()
    look_back: timedelta = timedelta()
    links: Callable[[City, datetime], Wire] | None = None
    also: tuple[tuple[str, Desk], ...] = ()
    ids: Callable[[Wire], Objects] = lambda wire: wire.columns[wire.id_column]


def between(wire: Wire, start: datetime | None, end: datetime | None) -> Wire:
    """The rows changed (or requested) in `[start, end)`."""
    keep = np.ones(len(wire), dtype=bool)
    if start is not None:
        keep &= wire.updated >= stamp(start)
    if end is not None:
        keep &= wire.updated < stamp(end)
    return wire.take(keep)


def deleted(city: City, wire: Wire) -> Bools:
    """Which rows the office deletes when it cleans its table: one in sixty of those that are there by then.

    No later pull tells of them; only a source that is asked for all it holds shows that they are gone.
    """
    return np.asarray((wire.salt % 61 == 13) & (wire.order < stamp(city.cleaned_at)))


def cleaned(city: City, wire: Wire, clock: datetime) -> Wire:
    """The rows that are still there at `clock`."""
    return wire if clock < city.cleaned_at else wire.take(~deleted(city, wire))


def incremental(snapshot: Callable[[City, datetime], Wire]) -> Rows:
    """A feed that is asked for what changed in a window."""
    return lambda city, start, end, clock: between(snapshot(city, clock), start, end)


def register(snapshot: Callable[[City, date], Wire]) -> Rows:
    """A feed that is asked for everything as of a day: that on which the window ends, never one to come."""
    return lambda city, _, end, clock: snapshot(city, min(end.date(), clock.date()) if end else clock.date())


def current(snapshot: Callable[[City, datetime], Wire]) -> Rows:
    """A feed that only knows how things stand at this moment."""
    return lambda city, _, __, clock: snapshot(city, clock)
