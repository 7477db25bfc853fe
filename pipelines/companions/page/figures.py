"""What the page reads: the open tables of the release it belongs to, and what contracts say about them. Nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines import settings
from pipelines.areas import boundaries
from pipelines.companions.publication import Publication, PublishedTable
from pipelines.contract.model import Column, Contract
from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError
from pipelines.publication.disclosure import qualified
from pipelines.suppression import SUPPRESSED

Row = dict[str, Any]


class Withheld:
    """Stands where a figure is kept back. Unlike None, which nobody knows."""

    def __repr__(self) -> str:
        return "WITHHELD"


WITHHELD = Withheld()


@dataclass(frozen=True)
class Street:
    """A street in scope on the day of the release."""

    code: str
    name: str
    district: str
    city: str


class Figures:
    """The open tables of one release, behind a database of their own."""

    def __init__(self, publication: Publication) -> None:
        self.publication = publication
        self.day: date = publication.as_of.astimezone(ZoneInfo(publication.timezone)).date()
        self.tables: dict[str, PublishedTable] = {table.table: table for table in publication.tables}
        self._columns = {name: dict(table.columns) for name, table in self.tables.items()}
        self._contracts = {contract.table: contract for contract in publication.contracts}
        self._connection = duckdb.connect()
        self._connection.execute(f"set timezone = {literal(publication.timezone)}")
        for schema in sorted({name.partition(".")[0] for name in self.tables}):
            self._connection.execute(f"create schema if not exists {quoted(schema)}")
        for name, table in self.tables.items():
            files = table.on_disk(publication.folder).sql
            self._connection.execute(f"create view {qualified(name)} as from {files}")

    def close(self) -> None:
        self._connection.close()

    def has(self, table: str, columns: Iterable[str]) -> bool:
        """Whether the release has that table with all these columns."""
        return table in self._columns and set(columns) <= set(self._columns[table])

    def rows(
        self, table: str, columns: Sequence[str], condition: str = "true", order: str = "all"
    ) -> list[Row]:
        """Rows of an open table; a figure kept back is WITHHELD."""
        hides = SUPPRESSED in self._columns[table]
        names = (*columns, SUPPRESSED) if hides else columns
        found = self._connection.execute(
            f"select {', '.join(map(quoted, names))} from {qualified(table)} where {condition} order by {order}"
        ).fetchall()
        rows = [dict(zip(names, values, strict=True)) for values in found]
        for row in rows if hides else ():
            row.update(dict.fromkeys(set(row.pop(SUPPRESSED) or ()) & set(row), WITHHELD))
        return rows

    def contract(self, table: str) -> Contract | None:
        return self._contracts.get(table)

    def feed(self, feed_id: str) -> Contract | None:
        """The contract of a feed, by its id."""
        return next((each for each in self._contracts.values() if each.contract_id == feed_id), None)

    def column(self, table: str, name: str) -> Column | None:
        """What the contract says about a column."""
        contract = self._contracts.get(table)
        return next((each for each in contract.columns if each.name == name), None) if contract else None

    def streets(self) -> list[Street]:
        """The streets in scope on the day of the release, by code."""
        names = ("area_code", "area_level", "area_name", "parent_area_code", "is_in_scope")
        if not self.has("ref.areas", (*names, "valid_from", "valid_to")):
            return []
        day = literal(self.day.isoformat())
        areas = self.rows("ref.areas", names, f"valid_from <= {day} and valid_to > {day}", "area_code")
        above = {row["area_code"]: row for row in areas}

        def name_above(row: Row | None) -> str:
            return str(row["area_name"]) if row else ""

        found = []
        for row in areas:
            if row["area_level"] == "street" and row["is_in_scope"]:
                district = above.get(row["parent_area_code"])
                city = above.get(district["parent_area_code"]) if district else None
                found.append(
                    Street(row["area_code"], row["area_name"], name_above(district), name_above(city))
                )
        return found

    def tiles(self) -> dict[str, tuple[int, int]]:
        """Row and column of each street on a map of tiles, where the project says so."""
        names = ("area_code", "tile_row", "tile_column")
        if not self.has("ref.area_tiles", names):
            return {}
        rows = self.rows("ref.area_tiles", names)
        return {row["area_code"]: (row["tile_row"], row["tile_column"]) for row in rows}

    def outlines(self, codes: Collection[str]) -> dict[str, boundaries.Outline]:
        """The outline of each area, where boundaries are configured."""
        path = settings.boundaries()
        if path is None:
            return {}
        known = {str(row["area_code"]) for row in self.rows("ref.areas", ("area_code",))}
        return boundaries.outlines(path, known, codes)


def opened(publication: Publication) -> Figures:
    """The figures of a release. Raises WarehouseError when one of its tables cannot be read."""
    try:
        return Figures(publication)
    except duckdb.Error as error:
        raise WarehouseError(f"a table of the release cannot be read: {error}") from error
