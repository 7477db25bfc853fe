"""What somebody who attacks a release holds: rows of open tables, of it and of others, and for an office its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines import database

if TYPE_CHECKING:
    from pipelines.contract.model import Contract, Figure
    from pipelines.releases import Release
    from pipelines.releases.table_files import TableFiles

FLAGS = "suppressed_columns"
STREET = "street_code"
Key = tuple[str, ...]
Row = Mapping[str, Any]
Table = Mapping[Key, Row]


@dataclass(frozen=True)
class Promise:
    """A table whose contract says of figures what they count."""

    name: str
    key: tuple[str, ...]
    figures: Mapping[str, Figure]
    whole: frozenset[str]
    """Columns of whole numbers."""

    @property
    def counts(self) -> dict[str, Figure]:
        return {name: figure for name, figure in self.figures.items() if figure.counts}

    @property
    def telling(self) -> list[str]:
        """Columns that tell something of people or calls."""
        return [
            name
            for name, figure in self.figures.items()
            if figure.counts or figure.tells_of or figure.place_by
        ]

    @property
    def places(self) -> frozenset[str]:
        """Columns that tell of a place among others."""
        found = {name for name, figure in self.figures.items() if figure.place_by}
        return frozenset(
            found | {name for name, figure in self.figures.items() if found.intersection(figure.tells_of)}
        )

    @property
    def about(self) -> tuple[str, ...]:
        """Its key without what tells revisions apart."""
        return tuple(
            name for name in self.key if not (name in self.figures and self.figures[name].is_revision)
        )

    @property
    def short_name(self) -> str:
        return self.name.partition(".")[2]


def promises(contracts: Iterable[Contract]) -> dict[str, Promise]:
    """Tables with figures that count people or calls, by name."""
    found = {}
    for contract in contracts:
        figures = {column.name: column.figure for column in contract.stored_columns if column.figure}
        if any(figure.counts for figure in figures.values()):
            whole = frozenset(each.name for each in contract.stored_columns if each.logical_type == "integer")
            found[contract.table] = Promise(contract.table, contract.key, figures, whole)
    return found


def of_anybody(release: Release, promise: Promise) -> Table:
    """Rows of an open table."""
    return _rows(release.tables[promise.name], promise) if promise.name in release.tables else {}


def of_office(release: Release, promise: Promise, street: str) -> Table:
    """The same as an office has it: rows of its own street in full."""
    connection = duckdb.connect(str(release.office_file(street)), read_only=True)
    try:
        return _read(connection, f'shared."{promise.short_name}"', promise)
    finally:
        connection.close()


def truth(release: Release, promise: Promise) -> Table:
    """The same as they are."""
    return _rows(release.detail[promise.name], promise)


def hidden(row: Row) -> frozenset[str]:
    """Columns of a row that are empty on purpose."""
    return frozenset(row.get(FLAGS) or ())


def joined(row: Row, others: Sequence[Row], promise: Promise, truth: Row) -> dict[str, Any]:
    """A row with what other releases show of its hidden figures, where all that both show is the same.

    A figure that changed all the same is left out: who took it for known would find that nothing adds up, and try again.
    """
    known = dict(row)
    for other in others:
        both = [
            name
            for name in promise.telling
            if name in row and name in other and name not in hidden(row) | hidden(other)
        ]
        if all(row[name] == other[name] for name in both):
            for name in hidden(row) - hidden(other):
                if name in other and known.get(name) is None and other[name] == truth[name]:
                    known[name] = other[name]
    return known


def _rows(files: TableFiles, promise: Promise) -> Table:
    connection = database.memory()
    try:
        return _read(connection, files.sql, promise)
    finally:
        connection.close()


def _read(connection: Any, relation: str, promise: Promise) -> Table:
    found = connection.execute(f"from {relation}")
    names = [column[0] for column in found.description]
    rows = (dict(zip(names, map(_plain, row), strict=True)) for row in found.fetchall())
    return {tuple(str(row[name]) for name in promise.key): row for row in rows}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
