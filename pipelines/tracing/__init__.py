"""Where a row came from, back to the bytes that were received, and where it went, forward to releases.

Nothing here knows any table by name but the cases' own history of merging. Which rows belong together is read off:

    relationships   a column of a contract that refers to another table's
    pairs           `<x>_feed` beside `<x>_id`: a feed and the key of a record of it
    lineage         a column that is, over any number of models, the key of a feed as it arrived

A row that sums many up leads to no single record; then the tables it is made of are told. The warehouse is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines import contract as contracts
from pipelines import lineage, releases, settings
from pipelines.contract.model import Contract
from pipelines.contract.problems import did_you_mean
from pipelines.database import quoted
from pipelines.errors import UrbanBrainError, WarehouseError
from pipelines.lineage.uses import IDENTITY
from pipelines.releases import marks
from pipelines.tracing import received_bytes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]
_FEED, _ID = "_feed", "_id"
_CASES, _MERGES = "governance.cases", "governance.case_members"
_MOST = 50
"""So many rows of one table are told in full; the others are counted."""


@dataclass(frozen=True)
class Link:
    """Columns of a table that name a record of a feed: of `feed`, or of the one its column `feed_column` names."""

    columns: tuple[str, ...]
    feed: str = ""
    feed_column: str = ""


@dataclass
class Found:
    """Rows of one table that have to do with what was asked for."""

    table: str
    rows: list[Row]
    count: int
    why: str


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
    return _Tracing(connection).trace(table, key, with_bytes=with_bytes)


class _Tracing:
    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._promises = {each.table: each for each in contracts.load_all(contracts.LEVELS)}
        self._feeds = {each.feed_id: each for each in self._promises.values() if each.is_feed}
        self._lineage = lineage.of_project(settings.project())
        self._links: dict[str, list[Link]] = {}
        self._there = {
            str(name)
            for (name,) in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall()
        }

    def trace(self, table: str, key: str, *, with_bytes: bool) -> Trace:
        if table not in self._traceable() or table not in self._there:
            raise self._unknown_table(table)
        feed = next((each for each in self._feeds.values() if each.table == table), None)
        asked_for, key = key, self._case_of_today(key) if table == _CASES else key
        found = Trace(table, key, asked_for)
        if feed:
            named = [(feed, key)]
            rows = self._rows(table, feed.key, [key])
        else:
            columns = self._key(table)
            rows = self._rows(table, columns, [key])
            if not rows:
                raise self._unknown_key(table, columns, key)
            named = self._named_by(table, rows)
            if not named:
                found.made_of = sorted({step.field.table for step in self._lineage.sources(table)} - {table})
        found.records = [self._record(each, one) for each, one in named]
        found.records = [each for each in found.records if each["batches"] or not feed]
        if with_bytes:
            received_bytes.add(self._feeds, found.records)
        if feed and not found.records:
            raise self._unknown_key(table, feed.key, key)
        found.readers = [*self._readers(table, rows, named)]
        found.releases = self._releases(table, rows, found)
        found.pruned = len(marks.pruned())
        return found

    # What there is to trace

    def _traceable(self) -> list[str]:
        """Feeds' tables, governance tables, and the steps between them."""
        levels = (*contracts.FEED_LEVELS, "governance")
        promised = [table for table, each in self._promises.items() if each.level in levels]
        steps = [
            table for table in self._lineage.origins if table.startswith("core.") and self._links_of(table)
        ]
        return sorted({*promised, *steps})

    def _unknown_table(self, table: str) -> UrbanBrainError:
        known = self._traceable()
        if table in known:
            return UrbanBrainError(f"{table} is not in the warehouse yet", next_step="run `urbanbrain build`")
        return UrbanBrainError(
            f"{table!r} is no table whose rows can be traced{did_you_mean(table, known)}",
            next_step="these can: " + ", ".join(known),
        )

    def _unknown_key(self, table: str, columns: Sequence[str], key: str) -> UrbanBrainError:
        shown = " || '/' || ".join(f"{quoted(name)}::varchar" for name in columns)
        example = self._connection.execute(f"select min({shown}) from {table}").fetchone()
        such_as = f", such as {example[0]}" if example and example[0] else f"; {table} has no rows"
        return UrbanBrainError(
            f"{table} has no row with key {key!r}, loaded or set aside",
            next_step=f"a key is {' / '.join(columns)}{such_as}",
        )

    def _key(self, table: str) -> tuple[str, ...]:
        """The columns that tell rows of a table apart for a person."""
        promise = self._promises.get(table)
        if promise and promise.key:
            return promise.key
        return self._links_of(table)[0].columns

    def _case_of_today(self, case_id: str) -> str:
        """The case that a case id of any day leads to; the same id when there is none."""
        if _MERGES not in self._there:
            return case_id
        found = self._connection.execute(
            f"select case_id from {_MERGES} where $1 in (case_id, own_case_id) order by case_id <> $1 limit 1",
            [case_id],
        ).fetchone()
        return str(found[0]) if found else case_id

    # Which record of which feed

    def _links_of(self, table: str) -> list[Link]:
        if table not in self._links:
            self._links[table] = [*self._pairs(table), *self._same_keys(table)]
        return self._links[table]

    def _pairs(self, table: str) -> Iterator[Link]:
        columns = self._lineage.columns.get(table, ())
        for name in columns:
            record = f"{name.removesuffix(_FEED)}{_ID}"
            if name.endswith(_FEED) and record in columns:
                yield Link((record,), feed_column=name)

    def _same_keys(self, table: str) -> Iterator[Link]:
        """Feeds all of whose key columns are columns of a table, handed through as they are."""
        paired = {column for link in self._pairs(table) for column in link.columns}
        arrived: dict[tuple[str, str], list[str]] = {}
        for column in self._lineage.columns.get(table, ()):
            for step in self._lineage.sources(table, column) if column not in paired else ():
                if IDENTITY in step.uses:
                    arrived.setdefault((step.field.table, step.field.column), []).append(column)
        for feed in self._feeds.values():
            found = [arrived.get((feed.table, name), []) for name in feed.key]
            if table != feed.table and all(found):
                chosen = zip(feed.key, found, strict=True)
                yield Link(tuple(name if name in names else names[0] for name, names in chosen), feed.feed_id)

    def _named_by(self, table: str, rows: Sequence[Row]) -> list[tuple[Contract, str]]:
        """The records that rows name, or else those that rows which refer to them name."""
        named = [*self._records_of(table, rows)]
        for child, column, target in [] if named else self._referring_to(table):
            values = [_text(row[target]) for row in rows]
            named += self._records_of(child, self._rows(child, (column,), values))
        return sorted(set(named), key=lambda each: (each[0].feed_id, each[1]))

    def _records_of(self, table: str, rows: Sequence[Row]) -> Iterator[tuple[Contract, str]]:
        """The records rows are about; where their key names one, what else they name are other records."""
        links, key = self._links_of(table), {*self._key(table)} if rows else set()
        for link in [link for link in links if key.issuperset(link.columns)] or links:
            for row in rows:
                feed = self._feeds.get(link.feed or str(row[link.feed_column]))
                values = [row[column] for column in link.columns]
                if feed and len(feed.key) == len(values) and None not in values:
                    yield feed, "/".join(map(_text, values))

    def _referring_to(self, table: str) -> Iterator[tuple[str, str, str]]:
        """Tables with the column that refers to one, and the column it refers to."""
        for promise in self._promises.values():
            for column in promise.stored_columns:
                for reference in column.references:
                    target, _, name = reference.rpartition(".")
                    if target == table and promise.table in self._there:
                        yield promise.table, column.name, name

    # One record, back

    def _record(self, feed: Contract, key: str) -> Row:
        """Everything that arrived of one record of a feed: each batch with the row's numbers and where its bytes are."""
        numbers: dict[str, set[int]] = {}
        rows = self._rows(feed.table, feed.key, [key])
        versions = self._rows(feed.history_table, feed.key, [key]) if feed.keep_versions else rows
        for row in [*rows, *versions]:
            numbers.setdefault(row["_batch_id"], set()).add(row["_row_number"])
        told = {promise.name: self._kept_of(promise, feed, key) for promise in self._of_rows()}
        for row in told.get("quarantine", []):
            numbers.setdefault(row["batch_id"], set()).add(row["row_number"])
        batches = self._batches(feed, numbers)
        for batch in batches:
            received_bytes.find(feed, batch, key)
        return {
            "feed": feed.feed_id,
            "table": feed.table,
            "key": key,
            "is_loaded": bool(rows),
            "versions": [
                {
                    name: row[name]
                    for name in ("_batch_id", "_row_number", "_known_from", "_known_to")
                    if name in row
                }
                for row in sorted(
                    versions,
                    key=lambda row: (row.get("_known_from") or row["_landed_at"], row["_row_number"]),
                )
            ],
            **{name: kept for name, kept in told.items() if kept},
            "batches": batches,
        }

    def _of_rows(self) -> list[Contract]:
        """What the channel keeps of single rows: set aside, corrected, …"""
        return [
            each
            for each in self._promises.values()
            if each.level == "ops"
            and each.table in self._there
            and {"feed_id", "business_key"} <= {column.name for column in each.columns}
        ]

    def _kept_of(self, promise: Contract, feed: Contract, key: str) -> list[Row]:
        rows = self._fetch(
            f"select * from {promise.table} where feed_id = ? and business_key = ? order by all",
            [feed.feed_id, key],
        )
        return [{name: value for name, value in row.items() if value not in (None, [])} for row in rows]

    def _batches(self, feed: Contract, numbers: Mapping[str, set[int]]) -> list[Row]:
        rows = self._fetch(
            "select batch_id, window_start, window_end, origin, landed_at, contract_version from ops.batches "
            "where feed_id = ? and list_contains(?, batch_id) order by landed_at, batch_id",
            [feed.feed_id, sorted(numbers)],
        )
        return [{**row, "row_numbers": sorted(numbers[row["batch_id"]])} for row in rows]

    # Forward

    def _readers(
        self, table: str, rows: Sequence[Row], named: Sequence[tuple[Contract, str]]
    ) -> Iterator[Found]:
        """Rows of other tables that are made of these, or refer to them."""
        told = {table}
        if any(feed.table == table for feed, _ in named):
            for reader in sorted(each for each in self._promises if each.startswith("governance.")):
                found = self._rows_naming(reader, named) if reader in self._there else []
                if found:
                    told.add(reader)
                    yield self._told(reader, found, "is made of it")
                    yield from self._referred(reader, found, told)
        for child, column, target in self._referring_to(table):
            values = [_text(row[target]) for row in rows if row[target] is not None]
            found = self._rows(child, (column,), values)
            if found and child not in told:
                told.add(child)
                yield self._told(child, found, f"refers to it by {column}")

    def _referred(self, table: str, rows: Sequence[Row], told: set[str]) -> Iterator[Found]:
        """Rows that rows of a governance table refer to: the case of a member."""
        promise = self._promises[table]
        for column in promise.stored_columns:
            for reference in column.references:
                target, _, name = reference.rpartition(".")
                values = sorted({_text(row[column.name]) for row in rows if row[column.name] is not None})
                if (
                    target in self._there
                    and target.startswith("governance.")
                    and target not in told
                    and values
                ):
                    told.add(target)
                    yield self._told(
                        target, self._rows(target, (name,), values), f"is referred to by {table}"
                    )

    def _rows_naming(self, table: str, named: Sequence[tuple[Contract, str]]) -> list[Row]:
        found: dict[str, Row] = {}
        for link in self._links_of(table):
            for feed, key in named:
                if link.feed not in ("", feed.feed_id) or len(link.columns) != len(feed.key):
                    continue
                for row in self._rows(table, link.columns, [key]):
                    if link.feed or row[link.feed_column] == feed.feed_id:
                        found[str(row)] = row
        return list(found.values())

    def _told(self, table: str, rows: Sequence[Row], why: str) -> Found:
        key = self._key(table)
        keys = [{name: row[name] for name in key} for row in rows]
        return Found(table, sorted(keys, key=str)[:_MOST], len(keys), why)

    def _releases(self, table: str, rows: Sequence[Row], found: Trace) -> list[Row]:
        """Releases that hold the row, one made of it, or at least were made of its batches; the newest first."""
        wanted = {each.table: each.rows for each in found.readers}
        if not any(feed.table == table for feed in self._feeds.values()) and table in self._promises:
            key = self._key(table)
            wanted = {table: [{name: row[name] for name in key} for row in rows], **wanted}
        batches = {
            (record["feed"], each["batch_id"]) for record in found.records for each in record["batches"]
        }
        told = []
        for release in reversed(releases.list_releases()):
            holds = [name for name, keys in wanted.items() if self._is_in(release, name, keys)]
            made_of = {(each["feed_id"], each["batch_id"]) for each in release.manifest["batches"]}
            if holds or batches & made_of:
                told.append(
                    {
                        "release_id": release.release_id,
                        "as_of": release.as_of,
                        "is_current": _is_current(release),
                        "tables": holds,
                        "batches": len(batches & made_of),
                    }
                )
        return told

    def _is_in(self, release: releases.Release, table: str, keys: Sequence[Row]) -> bool:
        files = release.detail.get(table)
        if files is None or not files.is_whole() or not keys:
            return False
        there = {row["column_name"] for row in self._fetch(f"describe from {files.sql}", [])}
        if not keys[0].keys() <= there:
            return False
        return bool(self._rows(files.sql, tuple(keys[0]), [_joined(each) for each in keys]))

    # Asking

    def _rows(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> list[Row]:
        """Rows of a table by the texts of some of its columns."""
        if not table.startswith("read_parquet(") and table not in self._there:
            return []
        shown = " || '/' || ".join(f"{quoted(name)}::varchar" for name in columns)
        return self._fetch(f"select * from {table} where list_contains(?, {shown})", [list(keys)])

    def _fetch(self, query: str, values: list[Any]) -> list[Row]:
        answer = self._connection.execute(query, values)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _joined(row: Row) -> str:
    return "/".join(map(_text, row.values()))


def _text(value: object) -> str:
    """A value as DuckDB casts it to text in the zone of the warehouse, which is UTC."""
    if isinstance(value, datetime) and value.tzinfo:
        naive = value.astimezone(UTC).replace(tzinfo=None)
        return f"{naive.isoformat(sep=' ').rstrip('0') if naive.microsecond else naive.isoformat(sep=' ')}+00"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_current(release: releases.Release) -> bool:
    try:
        return releases.current().release_id == release.release_id
    except WarehouseError:
        return False
