"""One window of one feed: every page in order, and whether the pages fit together.

A source that changes while it is paged shifts rows across page borders: some come twice, others never (page
drift). A pass over the pages is accepted at once when it goes by key, or found nothing, or

    the source reports a total, the same on every page, and as many rows came,
    no page came twice,
    no record (its identity at the source, else its key, else its bytes) came on two pages, and
    the last record of each page still stands at its place when it is asked for by its number alone.

Otherwise it is made again, and accepted when two passes running bring the very same records. That is how a
source without totals shows that it held still, and how rows that come on two pages show that they are the
source's own duplicates, which the gate must see. A total or page that two identical passes get wrong is a lie
(FeedError). A source that differs on each of PASSES passes changes too fast to be read (FeedUnavailable).
A way by links has no numbers to ask for, so that more than one page of it always takes two passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pipelines import settings
from pipelines.connectors.addresses import (
    Address,
    address,
    shown,
)
from pipelines.connectors.dialects import dialect_of
from pipelines.connectors.pages import Page, PageReader
from pipelines.connectors.session import Answer, NotThere, Session
from pipelines.connectors.walking import Ask, Brought, DeadEnd, Flaw, Shift, held_still, walk
from pipelines.contract.model import Contract, Server
from pipelines.errors import FeedError, FeedUnavailable
from pipelines.lake import Window

PASSES = 3
SHORTEST_SPAN = timedelta(seconds=1)
MAX_PAGE_BYTES = 1 << 28
_MASK = (1 << 64) - 1

Progress = Callable[[int, int], None]
"""Told rows and bytes so far, after each page."""


class Keep(Protocol):
    """Where the bytes of each answer go as they arrive, so that one page at a time is in memory."""

    def __call__(self, content: bytes, suffix: str) -> None: ...

    def mark(self) -> int: ...

    def back_to(self, mark: int) -> None: ...


@dataclass(frozen=True)
class Validators:
    """What the source said of its file last time, under which address; sent along so it may answer 304."""

    request_id: str
    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


@dataclass
class Pulled:
    """What a pull brought, beside the bytes. `rows` is None where only the reader can count them.

    `request_id` is a hash of address and query: the same one may answer "not modified".
    """

    source: str
    request_id: str
    rows: int | None = None
    bytes: int = 0
    reported_total: int | None = None
    etag: str = ""
    last_modified: str = ""
    source_date: str = ""
    content_type: str = ""
    charset: str = ""
    attempts: int = 0
    failures: int = 0
    passes: int = 0
    is_not_modified: bool = False
    warnings: list[str] = field(default_factory=list)


def pull(
    contract: Contract,
    server: Server,
    window: Window,
    keep: Keep,
    *,
    previous: Validators | None = None,
    progress: Progress | None = None,
    ahead: timedelta = timedelta(),
) -> Pulled:
    """Hand every answer of the window to `keep`, in order, as received.

    The window opens `look_back` earlier at its start, and closes `ahead` later at its end. After an error `keep` may hold part of the answers.
    Raises FeedError or FeedUnavailable, SettingError for a missing secret, ContractError for a bad location.
    """
    session = Session(settings.secret(server.secret) if server.secret else "")
    if server.secret:
        session.renew = lambda: settings.secret(server.secret)
    try:
        puller = _Puller(
            contract, server, window, keep, session=session, previous=previous, progress=progress, ahead=ahead
        )
        puller.run()
    finally:
        session.close()
    puller.pulled.attempts = session.attempts
    puller.pulled.failures = session.failures
    if session.renewals:
        puller.pulled.warnings.append(
            f"the token ran out on the way and was renewed, {session.renewals} time(s)"
        )
    return puller.pulled


class _Puller:
    def __init__(
        self,
        contract: Contract,
        server: Server,
        window: Window,
        keep: Keep,
        *,
        session: Session,
        previous: Validators | None,
        progress: Progress | None,
        ahead: timedelta,
    ) -> None:
        self._contract = contract
        self._server = server
        self._dialect = dialect_of(server)
        self._start = window.start - contract.look_back
        self._end = window.end + ahead
        self._keep = keep
        self._session = session
        self._progress = progress
        self._reader = PageReader(contract, server, self._dialect)
        whole = self._address(self._start, self._end)
        request_id = hashlib.sha256(f"{whole.url}?{urlencode(whole.query)}".encode()).hexdigest()[:16]
        self._validators = previous.headers if previous and previous.request_id == request_id else {}
        self._rows: list[int | None] = []
        self._totals: list[int | None] = []
        self.pulled = Pulled(shown(whole.url), request_id)

    def run(self) -> None:
        match self._dialect.paging:
            case "single":
                self._file(self._address(self._start, self._end), self._validators)
            case "daily":
                self._days()
            case _:
                for start, end in self._spans():
                    self._span(start, end)

    def _address(self, start: datetime, end: datetime) -> Address:
        url, query = address(self._server, start, end, self._contract.timezone)
        return Address(url, {**self._dialect.query, **query})

    def _spans(self) -> Iterator[tuple[datetime, datetime]]:
        """The window, in pieces no longer than the platform allows."""
        longest = self._dialect.longest_window or (self._end - self._start)
        start = self._start
        while start < self._end:
            end = min(start + longest, self._end)
            yield start, end
            start = end

    def _span(self, start: datetime, end: datetime) -> None:
        """One piece of the window; in halves, when the platform filled its answer to the brim.

        Where the platform counts both ends of a range in, a row at the seam comes twice, byte for byte, and staging
        sets the second aside.
        """
        mark = self._keep.mark()
        where = self._address(start, end)
        done = self._pages(where)
        if not self._dialect.cap or done.rows != self._dialect.cap:
            self._add(done.rows, done.bytes, done.total)
            if done.shared:
                self.pulled.warnings.append(
                    f"records that come on two pages: {done.shared}; two passes agree"
                )
            return
        self._keep.back_to(mark)
        middle = start + (end - start) / 2
        middle = middle.replace(microsecond=0) if middle.replace(microsecond=0) > start else middle
        if end - start <= SHORTEST_SPAN or where in (
            self._address(start, middle),
            self._address(middle, end),
        ):
            raise FeedError(
                f"{self._where(where)} sent exactly {done.rows:,} rows, all it ever sends at once, and cannot be asked "
                "for less",
                next_step="put {start:…} and {end:…} with hours and minutes into `query`; nothing was stored",
            )
        self._span(start, middle)
        self._span(middle, end)

    def _file(self, where: Address, validators: Mapping[str, str]) -> None:
        page = self._session.get(
            where.url,
            where.query,
            self._reader.file,
            where=self._where(where),
            limit=self._server.max_bytes - self.pulled.bytes,
            headers=validators,
        )
        self._remember(page.answer)
        if page.answer.status == 304:
            if not validators:
                raise FeedError(
                    f"{self._where(where)} answered 304 to a question without conditions",
                    next_step="ask the source, or whoever runs a cache in between",
                )
            self.pulled.is_not_modified = True
            return
        self._keep(page.answer.content, self._server.format)
        self._add(page.rows, len(page.answer.content), page.total)
        if self._progress:
            self._progress(self.pulled.rows or 0, self.pulled.bytes)

    def _days(self) -> None:
        """One file for each day, on the feed's own clock, that the window touches.

        A day without its file (404) before a day that has one is a hole at the source: a warning, and the
        others land. When the last day's file is missing it is not there yet, and waiting may help.
        """
        missing: list[str] = []
        for start, end in self._local_days():
            try:
                self._file(self._address(start, end), {})
            except NotThere as error:
                missing.append(f"{start:%Y-%m-%d}")
                if end >= self._end:
                    raise FeedUnavailable(
                        f"{error.message}: no file yet for {', '.join(missing)}",
                        next_step="try again later; if its files have other names, correct `location`",
                    ) from None
        self.pulled.warnings += [f"the source has no file for {day} (404)" for day in missing]

    def _local_days(self) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self._contract.timezone)
        midnight = self._start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        while midnight < self._end:  # same-zone arithmetic moves the calendar day, whatever the clock does
            following = midnight + timedelta(days=1)
            yield midnight, following
            midnight = following

    def _pages(self, where: Address) -> Brought:
        """Walk the pages until a pass is accepted; each new one drops what the one before kept."""
        mark = self._keep.mark()
        before: Brought | None = None
        for _ in range(PASSES):
            self._keep.back_to(mark)
            self.pulled.passes += 1
            now = self._walk(where)
            is_same = before is not None and (before.rows, before.content) == (now.rows, now.content)
            if not now.flaw and (is_same or (before is None and self._is_proven(now, where))):
                return now
            if is_same and before is not None and _is_lie(before.flaw, now.flaw):
                raise FeedError(
                    f"{self._where(where)} contradicts itself, twice in the same way: {now.flaw}",
                    next_step="ask the source; nothing was stored",
                )
            before = now
        flaw = now.flaw or "no two passes brought the same records"
        raise FeedUnavailable(
            f"{self._where(where)} changes while it is read, {PASSES} times in a row: {flaw}",
            next_step="try again later, or narrow the window; nothing was stored",
        )

    def _is_proven(self, done: Brought, where: Address) -> bool:
        """Whether one pass is enough to know that nothing shifted while it was made."""
        if self._dialect.paging == "keyset" or not done.rows:
            return True
        if done.total is None or done.shared:
            return False
        if len(done.borders) <= 1:
            return True
        return self._dialect.paging != "link" and held_still(self._dialect, where, self._asking(done), done)

    def _walk(self, where: Address) -> Brought:
        seen: set[int] = set()
        orders: set[int] = set()
        brought = Brought()
        ask = self._asking(brought)
        try:
            for page in walk(self._dialect, self._server.page_size, where, ask, brought):
                if page.is_empty and brought.pages:
                    continue
                self._remember(page.answer)
                self._keep(page.answer.content, self._server.format)
                brought.rows += page.rows or 0
                brought.bytes += len(page.answer.content)
                brought.pages += 1
                brought.content = (brought.content + sum(page.hashes)) & _MASK
                which = frozenset(page.identities)
                brought.shared += len(seen & which)
                seen |= which
                if page.identities:
                    brought.borders.append((brought.rows, page.identities[-1]))
                if page.total is not None and brought.total not in (None, page.total):
                    raise Shift(f"the total it reports went from {brought.total} to {page.total}")
                brought.total = page.total if page.total is not None else brought.total
                if (order := hash(page.hashes)) in orders and not page.is_empty:
                    raise Flaw(f"page {brought.pages} has the very records of one before it")
                orders.add(order)
                if self._progress:
                    self._progress((self.pulled.rows or 0) + brought.rows, self.pulled.bytes + brought.bytes)
            if brought.total is not None and brought.total != brought.rows:
                raise Flaw(f"it reports {brought.total} rows and sent {brought.rows}")
        except Flaw as flaw:
            brought.flaw = flaw
        except DeadEnd as end:
            raise FeedError(f"{self._where(where)} {end.message}", next_step=end.next_step) from None
        return brought

    def _asking(self, brought: Brought) -> Ask:
        """How a walk gets its pages."""

        def ask(step: Address, number: int, more: dict[str, str]) -> Page:
            return self._session.get(
                step.url,
                {**step.query, **more},
                self._reader.page,
                where=f"{self._where(step)} (page {number})",
                limit=min(MAX_PAGE_BYTES, self._server.max_bytes - self.pulled.bytes - brought.bytes),
            )

        return ask

    def _where(self, where: Address) -> str:
        return f"{self._contract.feed_id}: {shown(where.url)}"

    def _remember(self, answer: Answer) -> None:
        """The newest answer speaks for all."""
        headers = answer.headers
        self.pulled.etag = headers.get("ETag", "")
        self.pulled.last_modified = headers.get("Last-Modified", "")
        self.pulled.source_date = headers.get("Date", "")
        self.pulled.content_type = answer.content_type
        self.pulled.charset = answer.charset

    def _add(self, rows: int | None, size: int, total: int | None) -> None:
        """Count one accepted file or walk; one that tells no number leaves the sum unknown."""
        self._rows.append(rows)
        self._totals.append(total)
        self.pulled.bytes += size
        self.pulled.rows = _sum(self._rows)
        self.pulled.reported_total = _sum(self._totals)


def _is_lie(one: Flaw | None, other: Flaw | None) -> bool:
    """Whether two passes over the same records show the same flaw, so that no waiting cures it."""
    return other is not None and not isinstance(other, Shift) and str(one) == str(other)


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
