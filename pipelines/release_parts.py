"""The tables and office files of one release while it is written into a temporary folder."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import office_views, releases, suppression
from pipelines.companions import PublishedTable
from pipelines.contract import dictionary
from pipelines.database import literal, quoted
from pipelines.disclosure import STREET, Disclosure, PublicTable
from pipelines.errors import WarehouseError
from pipelines.office_file import OfficePlan, OfficeTable, OfficeView, build_apart

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.contract.model import Contract

SHARED = "shared"
_ROW_GROUP = 122_880  # DuckDB's own vector-aligned size: a point query reads one, a scan uses every core
_CODE = re.compile(r"[0-9A-Za-z_-]+")
_BUILDERS = 2
_PARTS = ".parts"


class ReleaseParts:
    """Writes tables first, then office files from them."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        contracts: Sequence[Contract],
        public: Disclosure,
        *,
        project: Path,
        as_of: datetime,
        timezone: str,
        folder: Path,
    ) -> None:
        """`contracts` are all that describe what is published; `folder` is the release's own."""
        self.connection = connection
        self.contracts = tuple(contracts)
        self.public = public
        self.project = project
        self.as_of = as_of
        self.day: date = as_of.astimezone(ZoneInfo(timezone)).date()
        self.folder = folder
        self.protected = suppression.protect(connection, public.open)

    def write_tables(self) -> tuple[tuple[PublishedTable, ...], tuple[PublishedTable, ...]]:
        """Write what anybody may read, and every table in full; returns both."""
        for name in (releases.TABLES, releases.DISTRICT):
            (self.folder / name).mkdir()
        return (
            tuple(
                self._publish(table, releases.TABLES, self.protected.get(table.name, ""))
                for table in self.public.open
            ),
            tuple(self._publish(table, releases.DISTRICT) for table in self.public.detail),
        )

    def _publish(self, table: PublicTable, folder: str, relation: str = "") -> PublishedTable:
        path = f"{folder}/{table.name}.parquet"
        file = self.folder / path
        rows = copy(self.connection, table.query(relation=relation), file)
        return PublishedTable(
            table.name,
            path,
            rows,
            file.stat().st_size,
            releases.file_sha256(file),
            table.columns,
            table.contract,
        )

    def write_offices(self) -> dict[str, int]:
        """Build the office files side by side; returns the path of each and the rows it holds of its street."""
        rows: dict[str, int] = {}
        parts = self.folder / _PARTS
        parts.mkdir()
        with ThreadPoolExecutor(min(_BUILDERS, os.cpu_count() or 1)) as builders:
            building: list[Future[None]] = []
            for street in self._streets():
                path = f"{releases.OFFICES}/{street}/{street}.duckdb"
                (self.folder / path).parent.mkdir(parents=True)
                (parts / street).mkdir()
                plan, rows[path] = self._office(street, self.folder / path, parts / street)
                building.append(builders.submit(build_apart, plan, parts / street / "plan.json"))
            for future in building:
                future.result()
        shutil.rmtree(parts)
        return rows

    def _office(self, street: str, target: Path, parts: Path) -> tuple[OfficePlan, int]:
        own_rows = 0
        tables = [self._this_office(street, parts / "this_office.parquet")]
        for table, condition in self.public.of_street(street):
            part = parts / f"{table.name}.parquet"
            own_rows += copy(self.connection, table.query(condition), part)
            tables.append(_office_table(table, table.schema, part))
        views = []
        for table in self.public.shared:
            tables.append(_office_table(table, SHARED, self._shared(table, street, parts)))
            # The same question then works on the release and in every office.
            views.append(
                OfficeView(
                    table.schema,
                    table.short_name,
                    f"from {quoted(SHARED)}.{quoted(table.short_name)}",
                    _comment_of(table),
                    column_comments=_comments_of_columns(table),
                )
            )
        for table in self.public.reference:
            file = self.folder / releases.TABLES / f"{table.name}.parquet"
            tables.append(_office_table(table, table.schema, file))
        plan = OfficePlan(
            str(target), street, tuple(tables), (*views, *office_views.read(self.project, self.contracts))
        )
        return plan, own_rows

    def _shared(self, table: PublicTable, street: str, parts: Path) -> Path:
        """Figures about every street as anybody may read them, but those about its own as they are."""
        if table.name not in self.protected or STREET not in table.names:
            return self.folder / releases.TABLES / f"{table.name}.parquet"
        part = parts / f"{table.name}.parquet"
        own = f"{quoted(STREET)} = {literal(street)}"
        both = (
            f"(select * from ({table.query(own)}) union all by name select * from "
            f"({table.query(f'({own}) is not true', self.protected[table.name])}))"
        )
        copy(self.connection, table.sorted(both), part)
        return part

    def _this_office(self, street: str, part: Path) -> OfficeTable:
        """One row that says whose file this is and as of when, for views to ask."""
        copy(
            self.connection,
            f"select area_code as street_code, area_name as street_name, {literal(self.day.isoformat())}::date "
            f"as day, {literal(self.as_of.isoformat())}::timestamptz as as_of from ref.areas where area_level = "
            f"'street' and area_code = {literal(street)} and valid_from <= day and valid_to > day",
            part,
        )
        said, columns = office_views.SAID_OF_THIS_OFFICE, office_views.OF_THIS_OFFICE
        return OfficeTable("main", office_views.THIS_OFFICE, str(part), said, columns)

    def _streets(self) -> list[str]:
        """Codes of the streets in scope on the day of the release."""
        if "ref.areas" not in {table.name for table in self.public.reference}:
            raise WarehouseError("ref.areas is not loaded", next_step="run `urbanbrain load`")
        rows = self.connection.execute(
            "select distinct area_code from ref.areas where is_in_scope and area_level = 'street' "
            "and valid_from <= $day and valid_to > $day order by 1",
            {"day": self.day},
        ).fetchall()
        codes = [str(code) for (code,) in rows]
        if strange := [code for code in codes if not _CODE.fullmatch(code)]:
            raise WarehouseError(
                f"street codes that cannot name a file: {', '.join(map(repr, strange))}",
                next_step="correct contracts/reference/areas.csv",
            )
        return codes


def write_detail(
    connection: DuckDBPyConnection, public: Disclosure, folder: Path
) -> tuple[dict[str, Path], dict[str, tuple[str, ...]]]:
    """Write every table in full and nothing else into a folder; returns the file and the key of each, by name."""
    files = {table.name: folder / f"{table.name}.parquet" for table in public.detail}
    folder.mkdir(parents=True, exist_ok=True)
    for table in public.detail:
        copy(connection, table.query(), files[table.name])
    return files, {table.name: table.key for table in public.detail}


def copy(connection: DuckDBPyConnection, query: str, target: Path) -> int:
    """Write a query as Parquet; returns its rows."""
    written = connection.execute(
        f"copy ({query}) to {literal(str(target))} "
        f"(format parquet, compression zstd, row_group_size {_ROW_GROUP})"
    ).fetchone()
    return int(written[0]) if written else 0


def columns_of(connection: DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Column types of every table and view in the warehouse, `schema.table` → column → DuckDB type."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _office_table(table: PublicTable, schema: str, source: Path) -> OfficeTable:
    return OfficeTable(schema, table.short_name, str(source), _comment_of(table), _comments_of_columns(table))


def _comments_of_columns(table: PublicTable) -> dict[str, str]:
    if not (contract := table.contract):
        return {}
    comments = {
        column.name: dictionary.both(column.description, column.business_name)
        for column in contract.stored_columns
    }
    comments |= {
        name: dictionary.both(english, chinese) for name, _, english, chinese in dictionary.lineage(contract)
    }
    return {name: comments[name] for name in table.names if name in comments}


def _comment_of(table: PublicTable) -> str:
    if not (contract := table.contract):
        return ""
    return dictionary.both(dictionary.table_description(contract), dictionary.table_title(contract))
