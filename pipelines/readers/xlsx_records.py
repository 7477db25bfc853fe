"""Records of XLSX parts: a header of one or more rows, then one record a row.

Merged cells count in every row and column of their range. Hidden rows are data: somebody filtered the sheet and
saved it; a warning says how many. Rows without any value are no records; a warning counts those between records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.contract.model import Contract, Server
from pipelines.errors import DataError
from pipelines.readers import columns, tables
from pipelines.readers.findings import Findings, Parts
from pipelines.readers.xlsx_workbook import Sheet, sheet

if TYPE_CHECKING:
    import duckdb


def read(
    connection: duckdb.DuckDBPyConnection,
    parts: Parts,
    contract: Contract,
    server: Server,
    findings: Findings,
) -> None:
    """Insert the records of all parts into `received`."""
    findings.encodings.add("xlsx")
    for name, content in parts:
        where = f"{contract.feed_id}, {name}"
        found = sheet(content, server.sheet, where)
        columns.refuse_forbidden_values(contract, "\n".join(found.texts.values()), where)
        names = _header(found, server, where)
        findings.names.update(filter(None, names))
        plan = tables.plan(contract, server, names, where)
        if not _has_unnamed_values(found, names, max(server.header_rows)):
            plan = replace(plan, unknown=plan.unknown - {""})
        schema = plan.schema(pa.string())
        rows, blank = _records(found, max(server.header_rows))
        _refuse_second_header(found, rows, max(server.header_rows), where)
        arrays = [pa.array(range(1, len(rows) + 1), pa.int64())]
        arrays += [pa.array([found.texts.get((row, column + 1)) for row in rows]) for column in plan.fields]
        batch = pa.RecordBatch.from_arrays(
            [array.cast(kind.type) for array, kind in zip(arrays, schema, strict=True)], schema=schema
        )
        tables.insert(connection, plan, iter([batch]), schema, findings)
        if hidden := len(found.hidden_rows.intersection(rows)):
            findings.warn(f"{name}: {hidden} hidden row(s) read as data")
        if found.hidden_columns:
            findings.warn(f"{name}: {found.hidden_columns} hidden column(s) read as data")
        if blank:
            findings.warn(f"{name}: {blank} blank row(s) between records are no records")


def _header(found: Sheet, server: Server, where: str) -> list[str]:
    """One name per column; cells of one merged range count once, so a vertically merged name stays single."""
    if max(server.header_rows) > found.height:
        raise DataError(
            f"{where}: the sheet ends at row {found.height}, the header should be in row "
            + " and ".join(map(str, server.header_rows)),
            next_step="ask the source what changed; `headerRows` in the contract says where the header is",
        )
    names = []
    for column in range(1, found.width + 1):
        origins = dict.fromkeys(found.origin((row, column)) for row in server.header_rows)
        names.append("/".join(text.strip() for place in origins if (text := found.texts.get(place))))
    return names


def _has_unnamed_values(found: Sheet, names: list[str], above: int) -> bool:
    return any(not names[column - 1] for row, column in found.texts if row > above)


def _records(found: Sheet, above: int) -> tuple[list[int], int]:
    """Rows that hold a value, and how many between them do not."""
    rows = sorted({row for row, _ in found.texts if row > above})
    return rows, (rows[-1] - above - len(rows) if rows else 0)


def _refuse_second_header(found: Sheet, rows: list[int], header: int, where: str) -> None:
    def texts(row: int) -> list[str | None]:
        return [found.texts.get((row, column)) for column in range(1, found.width + 1)]

    titles = texts(header)
    for row in rows:
        if texts(row) == titles:
            raise DataError(
                f"{where}, row {row}: the header stands here again, as if two tables were put together",
                next_step="ask the source for one table a sheet",
            )
