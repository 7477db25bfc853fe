"""One row, followed back and forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.contract.problems import did_you_mean
from pipelines.database import quoted
from pipelines.errors import UrbanBrainError
from pipelines.releases import marks
from pipelines.tracing import back, forward, received_bytes
from pipelines.tracing.forward import Found
from pipelines.tracing.links import Links, Row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CASES, _MERGES = "governance.cases", "governance.case_members"


@dataclass
class Trace:
    """What is known of one row. `records` are rows of feeds, each with all its batches."""

    table: str
    key: str
    asked_for: str
    records: list[Row] = field(default_factory=list)
    made_of: list[str] = field(default_factory=list)
    readers: list[Found] = field(default_factory=list)
    releases: list[Row] = field(default_factory=list)
    pruned: int = 0
    """Releases that are gone: nobody knows any more whether they held the row."""


def trace(connection: DuckDBPyConnection, table: str, key: str, *, with_bytes: bool = False) -> Trace:
    """Trace one row of a feed, a governance or a core table back and forward.

    `key` is its primary key, `/` between parts; where nobody promises a key, what names its record. With `with_bytes`
    each batch tells the record as it was received, after privacy. Raises UrbanBrainError for an unknown table or key.
    """
    return follow(Links(connection), table, key, with_bytes=with_bytes)


def follow(links: Links, table: str, key: str, *, with_bytes: bool) -> Trace:
    """The same, for who traces several rows of one warehouse."""
    if table not in links.traceable() or table not in links.there:
        raise _unknown_table(links, table)
    feed = next((each for each in links.feeds.values() if each.table == table), None)
    asked_for, key = key, _case_of_today(links, key) if table == _CASES else key
    found = Trace(table, key, asked_for)
    if feed:
        named = [(feed, key)]
        rows = links.rows(table, feed.key, [key])
    else:
        columns = links.key(table)
        rows = links.rows(table, columns, [key])
        if not rows:
            raise _unknown_key(links, table, columns, key)
        named = links.named_by(table, rows)
        if not named:
            found.made_of = sorted({step.field.table for step in links.lineage.sources(table)} - {table})
    found.records = [back.record(links, each, one) for each, one in named]
    found.records = [each for each in found.records if each["batches"] or not feed]
    if with_bytes:
        received_bytes.add(links.feeds, found.records)
    if feed and not found.records:
        raise _unknown_key(links, table, feed.key, key)
    found.readers = [*forward.readers(links, table, rows, named)]
    found.releases = forward.holding(links, table, rows, found.readers, found.records)
    found.pruned = len(marks.pruned())
    return found


def _unknown_table(links: Links, table: str) -> UrbanBrainError:
    known = links.traceable()
    if table in known:
        return UrbanBrainError(f"{table} is not in the warehouse yet", next_step="run `urbanbrain build`")
    return UrbanBrainError(
        f"{table!r} is no table whose rows can be traced{did_you_mean(table, known)}",
        next_step="these can: " + ", ".join(known),
    )


def _unknown_key(links: Links, table: str, columns: Sequence[str], key: str) -> UrbanBrainError:
    shown = " || '/' || ".join(f"{quoted(name)}::varchar" for name in columns)
    example = links.connection.execute(f"select min({shown}) from {table}").fetchone()
    such_as = f", such as {example[0]}" if example and example[0] else f"; {table} has no rows"
    return UrbanBrainError(
        f"{table} has no row with key {key!r}, loaded or set aside",
        next_step=f"a key is {' / '.join(columns)}{such_as}",
    )


def _case_of_today(links: Links, case_id: str) -> str:
    """The case that a case id of any day leads to; the same id when there is none."""
    if _MERGES not in links.there:
        return case_id
    found = links.connection.execute(
        f"select case_id from {_MERGES} where $1 in (case_id, own_case_id) order by case_id <> $1 limit 1",
        [case_id],
    ).fetchone()
    return str(found[0]) if found else case_id
