"""Records of CSV parts: the header by name, the trailer against the count, every record as wide as the header."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.contract.model import Contract, Server
from pipelines.errors import DataError
from pipelines.readers import columns, tables
from pipelines.readers.csv_cells import Cells
from pipelines.readers.csv_dialect import Dialect
from pipelines.readers.decoding import decode
from pipelines.readers.findings import Findings, Parts

if TYPE_CHECKING:
    import duckdb


def read(
    connection: duckdb.DuckDBPyConnection,
    parts: Parts,
    contract: Contract,
    server: Server,
    findings: Findings,
) -> None:
    """Insert the records of all parts into `received`. Each part has a header, and a trailer if one is promised."""
    for name, content in parts:
        where = f"{contract.feed_id}, {name}"
        text = decode(content, server.encoding, where)
        findings.saw(text)
        if contract.forbidden_values:
            columns.refuse_forbidden_values(contract, text.data.decode(), where)
        data, promised = without_trailer(text.data, server.trailer, where)
        dialect = Dialect.of(server, where)
        cells = Cells(data, dialect, where)
        names, last, start = _header(cells, server, where)
        findings.names.update(names)
        plan = tables.plan(
            contract, server, names, where, dialect.text_sql if dialect.has_escapes(data) else str
        )
        schema = plan.schema(pa.string_view())
        counted = [0]
        tables.insert(connection, plan, _batches(cells, start, last, plan, schema, counted), schema, findings)
        if promised is not None:
            findings.trailer_rows = (findings.trailer_rows or 0) + promised
            if promised != counted[0]:
                raise DataError(
                    f"{where}: the last line promises {promised} row(s), the file holds {counted[0]}",
                    next_step="the transfer was cut short or the export is wrong: land the window again",
                )


def without_trailer(data: bytes, trailer: str, where: str) -> tuple[bytes, int | None]:
    """The text before the last line, and the number of rows that line promises; all of it where none is expected.

    Raises DataError when the promised last line is not there.
    """
    if not trailer:
        return data, None
    body = data.rstrip(b"\r\n \t")
    begin = max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
    number = re.fullmatch(rb'"?' + re.escape(trailer.encode()) + rb'\s*(\d{1,18})"?[,;\t ]*', body[begin:])
    if number is None:
        raise DataError(
            f"{where}: the last line should begin with {trailer!r} and a number of rows, and does not",
            next_step="the transfer was cut short: land the window again",
        )
    return body[:begin], int(number[1])


def _header(cells: Cells, server: Server, where: str) -> tuple[list[str], list[str], int]:
    """The names of the columns, the header's last line as it stands, and the byte where the records start."""
    rows, start = cells.head(max(server.header_rows))
    header = [rows[number - 1] for number in server.header_rows]
    widths = sorted({len(row) for row in header})
    if len(widths) > 1:
        raise DataError(
            f"{where}: the lines of the header have different numbers of fields: {', '.join(map(str, widths))}",
            next_step="look whether the header moved; `headerRows` in the contract says where it is",
        )
    # A group's name stands over its first column only; CSV has no merged cells to say how far it goes.
    for upper, lower in itertools.pairwise(header):
        for field in range(1, len(upper)):
            if not upper[field] and lower[field]:
                upper[field] = upper[field - 1]
    return tables.flatten(header), rows[server.header_rows[-1] - 1], start


def _batches(
    cells: Cells, start: int, header: list[str], plan: tables.Plan, schema: pa.Schema, counted: list[int]
) -> Iterator[pa.RecordBatch]:
    for block in cells.blocks(start, header):
        rows = len(block.starts)
        numbers = pa.array(np.arange(counted[0] + 1, counted[0] + rows + 1))
        counted[0] += rows
        yield pa.RecordBatch.from_arrays(
            [numbers, *(block.strings(field) for field in plan.fields)], schema=schema
        )
