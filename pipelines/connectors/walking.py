"""From page to page: by position, by key, by link. One walk asks for each page once and judges nothing.

Whether what a walk brought may be kept is decided in `pulling`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from pipelines.connectors.addresses import Address, fill_last, is_same_origin, last_fields
from pipelines.connectors.dialects import Dialect
from pipelines.connectors.pages import Page
from pipelines.errors import FeedError

MAX_PAGES = 100_000
_SECOND = 2

Ask = Callable[[Address, int, dict[str, str]], Page]
"""Gets the page of that number, with these parameters on top."""


class DeadEnd(FeedError):
    """The walk cannot go on; the message begins with a verb whose subject is the source."""


class Flaw(Exception):
    """Something about this walk that another one may not show."""


class Shift(Flaw):
    """… because the source changed meanwhile, and says so itself."""


@dataclass
class Brought:
    """What a walk brought so far."""

    rows: int = 0
    bytes: int = 0
    total: int | None = None
    pages: int = 0
    content: int = 0
    """The sum of the records' hashes: the same for the same records in any order."""
    shared: int = 0
    """How many records came on more than one page."""
    borders: list[tuple[int, int]] = field(default_factory=list)
    """For each page but the last: how many rows there were up to its end, and which record was the last of them."""
    flaw: Flaw | None = None


def walk(dialect: Dialect, page_size: int, where: Address, ask: Ask, brought: Brought) -> Iterator[Page]:
    """The pages in order, the last one perhaps empty; `brought` is kept up to date by whoever takes them.

    Raises DeadEnd when there is no way on, Flaw when the way runs in a circle.
    """
    if dialect.paging == "keyset":
        return _by_key(dialect, page_size, where, ask)
    if dialect.paging == "link":
        return _by_link(dialect, page_size, where, ask)
    return _by_position(dialect, page_size, where, ask, brought)


def _by_position(
    dialect: Dialect, page_size: int, where: Address, ask: Ask, brought: Brought
) -> Iterator[Page]:
    """Offsets or page numbers. Goes on by rows received: servers lower the size asked for in silence."""
    size, position = page_size, dialect.first
    before: tuple[int, ...] = ()
    for number in range(1, MAX_PAGES + 1):
        page = ask(where, number, {dialect.limit: str(size), dialect.position: str(position)})
        if number == _SECOND and _knows_no_pages(dialect, page_size, before, page):
            return
        before = page.hashes
        yield page
        rows = page.rows or 0
        if not rows:
            return
        is_complete = brought.total is not None and brought.rows >= brought.total
        if is_complete and rows < size:
            return
        if number == 1 and rows < size:
            size = rows  # its cap; from here on ask for what it gives, so that page numbers mean the same
        position += rows if dialect.paging == "offset" else 1
    raise _endless()


def held_still(dialect: Dialect, where: Address, ask: Ask, brought: Brought) -> bool:
    """Whether the last record of each page still stands where it stood, asked for one by one.

    A row lost in front of the page being read moves those behind it, even where another one gained at the end
    keeps the total. False, too, where single rows cannot be asked for.
    """
    for number, (rows, last) in enumerate(brought.borders[:-1], brought.pages + 1):
        position = rows - 1 if dialect.paging == "offset" else rows - 1 + dialect.first
        page = ask(where, number, {dialect.limit: "1", dialect.position: str(position)})
        if not page.identities or page.identities[0] != last or (dialect.paging == "page" and page.rows != 1):
            return False
    return True


def _knows_no_pages(dialect: Dialect, asked: int, before: tuple[int, ...], page: Page) -> bool:
    """Whether a platform to which pages are an extension answered a second time with all it has, or its cap.

    Just as many rows as were asked for may be a page after all, whose number was not heard: a flaw.
    """
    rows = len(before)
    return bool(dialect.cap and rows and page.hashes == before and (rows != asked or rows == dialect.cap))


def _by_key(dialect: Dialect, page_size: int, where: Address, ask: Ask) -> Iterator[Page]:
    """From the last record's field onwards; rows that come or go behind us shift nothing."""
    fields = last_fields(where.query)
    if not fields:
        raise DeadEnd(
            "cannot be paged by key: nothing in `query` holds a {last:field}",
            next_step='add one to `query` in the contract, such as `after: "{last:id}"`',
        )
    first = {name: value for name, value in where.query.items() if name not in fields}
    more = {dialect.limit: str(page_size)}
    for number in range(1, MAX_PAGES + 1):
        page = ask(Address(where.url, first), number, more)
        yield page
        if page.is_empty:
            return
        for name, path in fields.items():
            if not (value := page.field(path)):
                raise DeadEnd(
                    f"sent a last record without {path!r}, from which page {number + 1} starts",
                    next_step="correct the `{last:…}` of `query` in the contract",
                )
            more[name] = fill_last(where.query[name], value)
    raise _endless()


def _by_link(dialect: Dialect, page_size: int, where: Address, ask: Ask) -> Iterator[Page]:
    """The link each page names, word for word, but only where the first page lies."""
    followed: set[str] = set()
    step, more = where, {dialect.limit: str(page_size)} if dialect.limit else {}
    for number in range(1, MAX_PAGES + 1):
        page = ask(step, number, more)
        yield page
        if not page.next:
            return
        link = urljoin(step.url, page.next)
        if not is_same_origin(where.url, link):
            raise DeadEnd(
                f"sends us to another origin for page {number + 1}",
                next_step="when the source has moved, put its new address into the contract",
            )
        if link in followed:
            raise Flaw(f"page {number} links to a page already read")
        followed.add(link)
        step, more = Address(link, {}), {}
    raise _endless()


def _endless() -> DeadEnd:
    return DeadEnd(
        f"did not end after {MAX_PAGES:,} pages",
        next_step="narrow the query, or raise `pageSize` in the contract",
    )
