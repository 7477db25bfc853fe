"""The tables and office files of one release while it is written into a temporary folder."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import releases, suppression
from pipelines.companions import PublishedFile, PublishedTable
from pipelines.contract import dictionary
from pipelines.database import count, literal, quoted
from pipelines.errors import WarehouseError
from pipelines.publication import office_views
from pipelines.publication.disclosure import STREET, Disclosure, PublicTable, qualified
from pipelines.publication.office_file import OfficePlan, OfficeTable, OfficeView, build_apart
from pipelines.releases import table_files
from pipelines.releases.table_files import TableFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.contract.model import Contract

SHARED = "shared"
_ROW_GROUP = 122_880  # DuckDB's own vector-aligned size: a point query reads one, a scan uses every core
_LARGE = 1_000_000
"""Rows from which a table is split by month where its contract says of which column."""
_NO_PERIOD = (
    "__HIVE_DEFAULT_PARTITION__"  # what Hive, and so every reader of its folders, calls an empty value
)
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
        before: bytes = b"",
    ) -> None:
        """`contracts` are all that describe what is published; `folder` is the release's own.

        `before` is what earlier releases told, as `suppression.memory` writes it.
        """
        self.connection = connection
        self.contracts = tuple(contracts)
        self.public = public
        self.project = project
        self.as_of = as_of
        self.day: date = as_of.astimezone(ZoneInfo(timezone)).date()
        self.timezone = timezone
        self.folder = folder
        self._open: dict[str, PublishedTable] = {}
        self.protection = suppression.protect(connection, public.open, before)

    def write_tables(self) -> tuple[tuple[PublishedTable, ...], tuple[PublishedTable, ...]]:
        """Write what anybody may read, and every table in full; returns both."""
        for name in (releases.TABLES, releases.DISTRICT):
            (self.folder / name).mkdir()
        if self.protection.open:
            self.protection.remember(self.connection, self.folder / releases.DISTRICT / releases.DISCLOSED)
        self._open = {
            table.name: self._publish(
                self._shown(table), releases.TABLES, self.protection.open.get(table.name, "")
            )
            for table in self.public.open
        }
        detail = (self._publish(table, releases.DISTRICT) for table in self.public.detail)
        return tuple(self._open.values()), tuple(detail)

    def _shown(self, table: PublicTable) -> PublicTable:
        """An open table as it is published: where figures of it may be hidden, with the column that names them."""
        if table.name not in self.protection.open:
            return table
        return replace(table, columns=(*table.columns, (suppression.SUPPRESSED, "VARCHAR[]")))

    def _publish(self, table: PublicTable, folder: str, relation: str = "") -> PublishedTable:
        files = []
        for period, condition in self._periods(table, relation):
            path = table_files.path_of(table.name, folder, period)
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            rows = copy(self.connection, table.query(condition, relation), file, said=_said_of(table))
            files.append(PublishedFile(path, rows, file.stat().st_size, releases.file_sha256(file)))
        return PublishedTable(table.name, tuple(files), table.columns, table.contract)

    def _periods(self, table: PublicTable, relation: str) -> list[tuple[str | None, str]]:
        """The months a table is split into, each with the condition that selects its rows; one of all of it while
        it is small."""
        column = table.contract.partition_by if table.contract else ""
        source = relation or qualified(table.name)
        if not column or count(self.connection, f"select count(*) from {source}") < _LARGE:
            return [(None, "true")]
        kind = dict(table.columns)[column]
        day = quoted(column) if kind == "DATE" else f"timezone({literal(self.timezone)}, {quoted(column)})"
        month = f"strftime({day}, '%Y-%m')"
        found = self.connection.execute(f"select distinct {month} from {source} order by 1 nulls first")
        return [
            (name or _NO_PERIOD, f"{month} = {literal(name)}" if name else f"{quoted(column)} is null")
            for (name,) in found.fetchall()
        ]

    def write_offices(self) -> dict[str, int]:
        """Build the office files side by side; returns the path of each and the rows it holds of its street."""
        rows: dict[str, int] = {}
        parts = self.folder / _PARTS
        parts.mkdir()
        with ThreadPoolExecutor(min(_BUILDERS, os.cpu_count() or 1)) as builders:
            building: list[Future[None]] = []
            for street in self._streets():
                path = releases.office_path(street)
                (self.folder / path).parent.mkdir(parents=True)
                (parts / street).mkdir()
                plan, rows[path] = self._office(street, self.folder / path, parts / street)
                building.append(builders.submit(build_apart, plan, parts / street / "plan.json"))
            try:
                for future in building:
                    future.result()
            finally:
                builders.shutdown(cancel_futures=True)
        shutil.rmtree(parts)
        return rows

    def _office(self, street: str, target: Path, parts: Path) -> tuple[OfficePlan, int]:
        own_rows = 0
        tables = [self._this_office(street, parts / "this_office.parquet")]
        for table, condition in self.public.of_street(street):
            part = parts / f"{table.name}.parquet"
            own_rows += copy(self.connection, table.query(condition), part)
            tables.append(_office_table(table, table.schema, TableFiles((part,))))
        views = []
        for each in self.public.shared:
            table = self._shown(each)
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
        tables += [
            _office_table(table, table.schema, self._open[table.name].on_disk(self.folder))
            for table in self.public.reference
        ]
        plan = OfficePlan(
            str(target), street, tuple(tables), (*views, *office_views.read(self.project, self.contracts))
        )
        return plan, own_rows

    def _shared(self, table: PublicTable, street: str, parts: Path) -> TableFiles:
        """Figures about every street as anybody may read them, but those about its own in full, save places that tell of
        others."""
        if table.name not in self.protection.open or STREET not in table.names:
            return self._open[table.name].on_disk(self.folder)
        part = parts / f"{table.name}.parquet"
        own = f"{quoted(STREET)} = {literal(street)}"
        both = (
            f"(select * from ({table.query(own, self.protection.own[table.name])}) union all by name select * from "
            f"({table.query(f'({own}) is not true', self.protection.open[table.name])}))"
        )
        copy(self.connection, table.sorted(both), part)
        return TableFiles((part,))

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
        return OfficeTable("main", office_views.THIS_OFFICE, (str(part),), said, columns)

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
) -> tuple[dict[str, TableFiles], dict[str, tuple[str, ...]]]:
    """Write every table in full and nothing else into a folder; returns the file and the key of each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for table in public.detail:
        file = folder / f"{table.name}{table_files.SUFFIX}"
        copy(connection, table.query(), file)
        files[table.name] = TableFiles((file,))
    return files, {table.name: table.key for table in public.detail}


def copy(
    connection: DuckDBPyConnection, query: str, target: Path, *, said: Mapping[str, str] | None = None
) -> int:
    """Write a query as Parquet, with what is `said` of it in the file's own metadata; returns its rows.

    Rows keep the order of the query and row groups are of one size, whatever the number of threads.
    """
    words = ", ".join(f"{quoted(name)}: {literal(text)}" for name, text in (said or {}).items())
    written = connection.execute(
        f"copy ({query}) to {literal(str(target))} (format parquet, compression zstd, "
        f"row_group_size {_ROW_GROUP}{f', kv_metadata {{{words}}}' if words else ''})"
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


def _said_of(table: PublicTable) -> dict[str, str]:
    """What a file says of itself wherever it goes: the table, its contract, and every column in a Table Schema."""
    if not (contract := table.contract):
        return {"name": table.name}
    schema = dictionary.table_schema(contract)
    schema["fields"] = [field for field in schema["fields"] if field["name"] in table.names]
    return {
        "name": table.name,
        "title": dictionary.table_title(contract),
        "description": dictionary.table_description(contract),
        "contract": f"{contract.contract_id} {contract.version}",
        "tableschema": json.dumps(schema, ensure_ascii=False, sort_keys=True),
    }


def _office_table(table: PublicTable, schema: str, rows: TableFiles) -> OfficeTable:
    sources = tuple(map(str, rows.files))
    return OfficeTable(schema, table.short_name, sources, _comment_of(table), _comments_of_columns(table))


def _comments_of_columns(table: PublicTable) -> dict[str, str]:
    if not (contract := table.contract):
        return {}
    comments = {
        column.name: dictionary.both(column.description, column.business_name)
        for column in contract.stored_columns
    }
    comments[suppression.SUPPRESSED] = dictionary.both(*suppression.SUPPRESSED_SAYS)
    comments |= {
        name: dictionary.both(english, chinese) for name, _, english, chinese in dictionary.lineage(contract)
    }
    return {name: comments[name] for name in table.names if name in comments}


def _comment_of(table: PublicTable) -> str:
    if not (contract := table.contract):
        return ""
    return dictionary.both(dictionary.table_description(contract), dictionary.table_title(contract))
