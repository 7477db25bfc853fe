"""Which rows of which tables belong together, and the rows themselves, found by the texts of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines import contract as contracts
from pipelines import lineage, settings
from pipelines.contract.model import Contract
from pipelines.database import quoted
from pipelines.lineage.uses import IDENTITY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]
_FEED, _ID = "_feed", "_id"


@dataclass(frozen=True)
class Link:
    """Columns of a table that name a record of a feed: of `feed`, or of the one its column `feed_column` names."""

    columns: tuple[str, ...]
    feed: str = ""
    feed_column: str = ""


class Links:
    """The warehouse at hand, what is promised of its tables, and how they hang together."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.connection = connection
        self.promises = {each.table: each for each in contracts.load_all(contracts.LEVELS)}
        self.feeds = {each.feed_id: each for each in self.promises.values() if each.is_feed}
        self.lineage = lineage.of_project(settings.project())
        self._links: dict[str, list[Link]] = {}
        self.there = {
            str(name)
            for (name,) in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall()
        }

    def traceable(self) -> list[str]:
        """Feeds' tables, governance tables, and the steps between them."""
        levels = (*contracts.FEED_LEVELS, "governance")
        promised = [table for table, each in self.promises.items() if each.level in levels]
        steps = [
            table for table in self.lineage.origins if table.startswith("core.") and self.links_of(table)
        ]
        return sorted({*promised, *steps})

    def key(self, table: str) -> tuple[str, ...]:
        """The columns that tell rows of a table apart for a person."""
        promise = self.promises.get(table)
        if promise and promise.key:
            return promise.key
        return self.links_of(table)[0].columns

    def links_of(self, table: str) -> list[Link]:
        if table not in self._links:
            self._links[table] = [*self._pairs(table), *self._same_keys(table)]
        return self._links[table]

    def _pairs(self, table: str) -> Iterator[Link]:
        columns = self.lineage.columns.get(table, ())
        for name in columns:
            record = f"{name.removesuffix(_FEED)}{_ID}"
            if name.endswith(_FEED) and record in columns:
                yield Link((record,), feed_column=name)

    def _same_keys(self, table: str) -> Iterator[Link]:
        """Feeds all of whose key columns are columns of a table, handed through as they are."""
        paired = {column for link in self._pairs(table) for column in link.columns}
        arrived: dict[tuple[str, str], list[str]] = {}
        for column in self.lineage.columns.get(table, ()):
            for step in self.lineage.sources(table, column) if column not in paired else ():
                if IDENTITY in step.uses:
                    arrived.setdefault((step.field.table, step.field.column), []).append(column)
        for feed in self.feeds.values():
            found = [arrived.get((feed.table, name), []) for name in feed.key]
            if table != feed.table and all(found):
                chosen = zip(feed.key, found, strict=True)
                yield Link(tuple(name if name in names else names[0] for name, names in chosen), feed.feed_id)

    def named_by(self, table: str, rows: Sequence[Row]) -> list[tuple[Contract, str]]:
        """The records that rows name, or else those that rows which refer to them name."""
        named = [*self.records_of(table, rows)]
        for child, column, target in [] if named else self.referring_to(table):
            values = [text_of(row[target]) for row in rows]
            named += self.records_of(child, self.rows(child, (column,), values))
        return sorted(set(named), key=lambda each: (each[0].feed_id, each[1]))

    def records_of(self, table: str, rows: Sequence[Row]) -> Iterator[tuple[Contract, str]]:
        """The records rows are about; where their key names one, what else they name are other records."""
        links, key = self.links_of(table), {*self.key(table)} if rows else set()
        for link in [link for link in links if key.issuperset(link.columns)] or links:
            for row in rows:
                feed = self.feeds.get(link.feed or str(row[link.feed_column]))
                values = [row[column] for column in link.columns]
                if feed and len(feed.key) == len(values) and None not in values:
                    yield feed, "/".join(map(text_of, values))

    def referring_to(self, table: str) -> Iterator[tuple[str, str, str]]:
        """Tables with the column that refers to one, and the column it refers to."""
        for promise in self.promises.values():
            for column in promise.stored_columns:
                for reference in column.references:
                    target, _, name = reference.rpartition(".")
                    if target == table and promise.table in self.there:
                        yield promise.table, column.name, name

    def rows_naming(self, table: str, named: Sequence[tuple[Contract, str]]) -> list[Row]:
        found: dict[str, Row] = {}
        for link in self.links_of(table):
            for feed, key in named:
                if link.feed not in ("", feed.feed_id) or len(link.columns) != len(feed.key):
                    continue
                for row in self.rows(table, link.columns, [key]):
                    if link.feed or row[link.feed_column] == feed.feed_id:
                        found[str(row)] = row
        return list(found.values())

    # Asking

    def rows(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> list[Row]:
        """Rows of a table by the texts of some of its columns."""
        if not table.startswith("read_parquet(") and table not in self.there:
            return []
        shown = " || '/' || ".join(f"{quoted(name)}::varchar" for name in columns)
        return self.fetch(f"select * from {table} where list_contains(?, {shown})", [list(keys)])

    def fetch(self, query: str, values: list[Any]) -> list[Row]:
        answer = self.connection.execute(query, values)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def text_of(value: object) -> str:
    """A value as DuckDB casts it to text in the zone of the warehouse, which is UTC."""
    if isinstance(value, datetime) and value.tzinfo:
        naive = value.astimezone(UTC).replace(tzinfo=None)
        return f"{naive.isoformat(sep=' ').rstrip('0') if naive.microsecond else naive.isoformat(sep=' ')}+00"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value).lower() if isinstance(value, bool) else str(value)
